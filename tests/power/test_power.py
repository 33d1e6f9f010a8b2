"""Power cuts at every write, full and read-only disks, two commands at once: files are whole or absent, reruns converge."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from kaggle_shim.manifest import CODES_MANIFEST, Manifest, scan
from tests.power import kill_at
from tests.push.conftest import Scene
from workflow import files, workspace
from workflow.errors import WorkflowError
from workflow.ledger import book as ledger
from workflow.ledger.event import Event
from workflow.stage import codes as stage_codes

# What a child does, in one process each: the package, not the command line, so that a power cut takes 0.3 s and not 1 s.
STAGE = """
from pathlib import Path
from workflow.stage import codes as stage_codes
from workflow.stage import notebook as stage_notebook
from workflow import workspace
made = workspace.load(Path("."))
codes = stage_codes.stage(made, "cup")
stage_notebook.stage_deps(made, made.notebook("deps"))
"""
FIX = """
from pathlib import Path
from workflow import command
command.run(Path("."), "check", fix=True, yes=True, json=False)
"""
NEW = """
from pathlib import Path
from workflow import command
command.run(Path("."), "new-exp", source="", new_name="exp002", json=False)
"""


@pytest.fixture
def ws(made: Path, tmp_path: Path) -> Path:
    root = tmp_path / "ws"
    shutil.copytree(made, root, symlinks=True)
    return root


def child(root: Path, code: str, extra: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """Run code in a workspace."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("KAGGLE", "INVOKE"))}
    paths = [extra.get("PYTHONPATH", ""), str(root), str(root / "shim")]
    environment = {
        **clean,
        **extra,
        "PYTHONPATH": os.pathsep.join(filter(None, paths)),
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    return subprocess.run(
        [sys.executable, "-c", code], cwd=root, env=environment, capture_output=True, text=True, check=False
    )


def whole(root: Path) -> None:
    """Every JSON file reads, and what a manifest vouches for is there."""
    for path in root.rglob("*.json"):
        if not path.name.startswith(".") and "shim" not in path.parts:
            json.loads(path.read_text(encoding="utf-8"))
    manifest = root / "build" / "codes" / CODES_MANIFEST
    if manifest.is_file():
        assert Manifest.load(manifest).files == scan(
            manifest.parent, (CODES_MANIFEST, "dataset-metadata.json")
        )


def prepare(root: Path, name: str) -> None:
    """Something for the command to do."""
    if name == "fix":
        path = root / "sub" / "kernel-metadata.json"
        text = (
            path.read_text(encoding="utf-8")
            .replace('"tester/cmi-codes"', "")
            .replace('"tester/cmi-deps"', "")
        )
        path.write_text(text, encoding="utf-8")
    if name == "stage":
        (root / "codes" / "solution").mkdir(exist_ok=True)
        for number in range(3):
            (root / "codes" / "solution" / f"m{number}.py").write_text(f"x = {number}\n", encoding="utf-8")


def result(root: Path) -> dict[str, bytes]:
    """What a command left, but for what tells the time."""
    return {
        path.relative_to(root).as_posix(): path.read_bytes()
        for path in root.rglob("*")
        if path.is_file()
        and not path.name.startswith((".lock", "secrets-"))
        and "__pycache__" not in path.parts
    }


def places(count: int) -> list[int]:
    """Where to cut: at every write with `KILL_EVERYWHERE`, otherwise at the first, the last, and some between."""
    every = list(range(1, count + 1))
    return every if os.environ.get("KILL_EVERYWHERE") else sorted({*every[:: max(1, count // 5)], count})


@pytest.mark.parametrize(("name", "code"), [("stage", STAGE), ("fix", FIX), ("new", NEW)])
def test_a_power_cut_at_every_write(ws: Path, tmp_path: Path, name: str, code: str) -> None:
    prepare(ws, name)
    start = tmp_path / "start"
    shutil.copytree(ws, start, symlinks=True)
    counted = tmp_path / "count"
    done = child(ws, code, kill_at.environment(tmp_path / "site", ws, count_into=counted))
    assert done.returncode == 0, done.stderr
    wanted, count = result(ws), counted.stat().st_size
    assert count > 2
    for at in places(count):
        shutil.rmtree(ws)
        shutil.copytree(start, ws, symlinks=True)
        cut = child(ws, code, kill_at.environment(tmp_path / "site", ws, at=at))
        assert cut.returncode == -signal.SIGKILL, (at, cut.stderr)
        whole(ws)
        again = child(ws, code, {})
        if again.returncode != 0 and name == "new":
            # It was cut off after the experiment was there: it says so, and overwrites nothing.
            assert "exp002" in again.stderr
            assert "Exit: error: " in again.stderr
            continue
        assert again.returncode == 0, (at, again.stderr)
        left = {path: content for path, content in result(ws).items() if not path.endswith(".tmp")}
        assert left == wanted, at


def test_the_ledger_loses_no_line_to_a_power_cut(ws: Path) -> None:
    event = Event.from_json({"event": "submitted", "time": "2026-01-01T00:00:00Z", "ref": "1"})
    ledger.append(ws, event)
    before = (ws / "ledger.jsonl").read_bytes()
    for length in range(1, len(before)):
        (ws / "ledger.jsonl").write_bytes(before + before[:length])
        other = Event.from_json({"event": "submitted", "time": "2026-01-02T00:00:00Z", "ref": "2"})
        ledger.append(ws, other)
        assert [one.ref for one in ledger.read(ws).events][-1] == "2"
        assert (ws / "ledger.jsonl").read_bytes().startswith(before)


@contextlib.contextmanager
def small_disk(folder: Path, size: str) -> Iterator[Path]:
    """A file system of that size; skips where this user may not mount one."""
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={size}", "none", folder], capture_output=True, check=False
    )
    if mounted.returncode != 0:
        pytest.skip("mounting a tmpfs needs root")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)


def test_a_full_disk_is_one_sentence_and_leaves_what_was_there(made: Path, tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", "45m") as disk:
        root = disk / "ws"
        shutil.copytree(made, root, symlinks=True)
        (root / "codes" / "big.bin").write_bytes(b"x" * 15_000_000)
        stage_codes.stage(workspace.load(root), "cup")
        before = (root / "codes" / "exp001.py").read_bytes()
        (root / "codes" / "second.bin").write_bytes(b"y" * 9_000_000)
        ended = child(root, FIX, {})
        assert ended.returncode == 0, ended.stderr
        ended = child(root, STAGE.replace("import stage_codes", "import command, stage_codes"), {})
        assert ended.returncode != 0
        assert "No space left on device" in ended.stderr
        assert (root / "codes" / "exp001.py").read_bytes() == before
        assert not (root / "build" / "codes" / CODES_MANIFEST).exists()
        (root / "codes" / "second.bin").unlink()
        shutil.rmtree(root / "build")
        again = child(root, STAGE, {})
        assert again.returncode == 0, again.stderr
        whole(root)


@pytest.mark.parametrize("content", [b"", b"old"])
def test_writing_a_file_whole_or_not_at_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes
) -> None:
    path = tmp_path / "a.json"
    path.write_bytes(content)

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        files.write_text(path, "new")
    assert [one.name for one in tmp_path.iterdir()] == ["a.json"]
    assert path.read_bytes() == content


def test_a_read_only_workspace_can_be_checked_and_says_what_it_can_not(made: Path, tmp_path: Path) -> None:
    root = tmp_path / "ws"
    shutil.copytree(made, root, symlinks=True)
    if subprocess.run(["mount", "--bind", root, root], capture_output=True, check=False).returncode != 0:
        pytest.skip("a read-only mount needs root")
    try:
        subprocess.run(["mount", "-o", "remount,bind,ro", root, root], check=True)
        checked = child(root, FIX.replace("fix=True, yes=True", "fix=False, yes=False"), {})
        assert checked.returncode == 0, checked.stderr
        pushed = child(
            root,
            'from pathlib import Path\nfrom workflow import command\ncommand.run(Path("."), "report", output="", json=False)',
            {},
        )
        assert "Read-only file system" in pushed.stderr
        assert "mend that" in pushed.stderr
    finally:
        subprocess.run(["umount", "--lazy", root], check=True)


def test_the_second_of_two_commands_says_who_it_waits_for(scene: Scene) -> None:
    first = scene.push()
    with first.lock("push: sending tester/cmi-codes"):
        second = scene.push()
        note = json.loads((scene.root / "build" / ".lock-holder.json").read_text(encoding="utf-8"))
        assert note["doing"] == "invoke push: sending tester/cmi-codes"
        code = (
            "from pathlib import Path; from workflow import lock\n"
            "with lock.held(Path('build'), 'invoke other', print, limit=0.3): pass\n"
        )
        waited = child(scene.root, code, {})
        assert (
            f"waiting for invoke push: sending tester/cmi-codes (process {os.getpid()}, since {note['since']})"
            in waited.stdout
        )
        assert "has held this workspace for 0 s" in waited.stderr
    with second.lock("push: staging") as waiting:
        assert not waiting


def test_a_killed_holder_holds_nothing(scene: Scene) -> None:
    code = (
        "import os, signal; from pathlib import Path; from workflow import lock\n"
        "with lock.held(Path('build'), 'invoke push', print): os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    assert child(scene.root, code, {}).returncode == -signal.SIGKILL
    with scene.push().lock("push: again") as waited:
        assert not waited


def test_watching_holds_no_lock(scene: Scene) -> None:
    scene.codes()
    scene.deps()
    scene.kaggle.fault()
    scene.kaggle.hold_runs()
    held = []
    session = scene.push(limit=0.5)
    session.say = lambda line: held.append((line, (scene.root / "build" / ".lock-holder.json").exists()))
    session.waits = type(session.waits)(session.waits.poll, session.say, 0.5)
    from workflow.push import sub as push_sub

    with pytest.raises(WorkflowError):
        push_sub.run(session, "sub")
    waiting = [was for line, was in held if "run" in line.lower() or "queued" in line.lower()]
    assert waiting
    assert not any(waiting)
    assert not (scene.root / "build" / ".lock-holder.json").exists()
