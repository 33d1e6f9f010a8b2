"""What killed commands leave, full and read-only disks, two commands at once: files are whole or absent, reruns converge."""

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
from kaggle_workflow import command, command_list, files, platforms, workspace
from kaggle_workflow.errors import WorkflowError
from kaggle_workflow.ledger import book as ledger
from kaggle_workflow.ledger.event import Event
from kaggle_workflow.push.intents import CREATING, Intent
from kaggle_workflow.stage import codes as stage_codes
from kaggle_workflow.stage import tree
from tests.push.conftest import Scene

# What a child does, in one process each: the package, not the command line, so that a power cut takes 0.3 s and not 1 s.
STAGE = """
from pathlib import Path
from kaggle_workflow.push.intents import CREATING, Intent
from kaggle_workflow.stage import codes as stage_codes
from kaggle_workflow.stage import notebook as stage_notebook
from kaggle_workflow import workspace
made = workspace.load(Path("."))
codes = stage_codes.stage(made, "cup")
stage_notebook.stage_deps(made, made.notebook("deps"))
"""
FIX = """
from pathlib import Path
from kaggle_workflow import command, command_list
command.run(Path("."), command_list.Check(fix=True, yes=True))
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


def test_what_a_killed_command_left_is_never_sent_and_swept_by_the_next(ws: Path) -> None:
    left = [ws / "codes" / ".exp001.py.999999999-ab_c12.tmp", ws / "build" / ".look.999999999-x.tmp"]
    mine = [ws / "codes" / f".exp001.py.{os.getpid()}-abc.tmp", ws / "codes" / ".notes.tmp"]
    left[1].mkdir(parents=True)
    for path in (left[0], left[1] / "manifest.json", *mine):
        path.write_text("half", encoding="utf-8")
    assert "exp001.py" in {file.path for file in tree.list_files(ws / "codes", ws).files}
    assert not any(file.path.endswith(".tmp") for file in tree.list_files(ws / "codes", ws).files)
    command.run(ws, command_list.Report(json=True))
    assert not any(path.exists() for path in left)
    assert all(path.exists() for path in mine)


def test_a_file_that_a_scanner_holds_for_a_moment_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    paused: list[float] = []
    monkeypatch.setattr(platforms, "_MOMENTS", (0.1, 0.2, 0.3))
    monkeypatch.setattr("time.sleep", paused.append)
    refusals = iter([PermissionError(), PermissionError(), None])

    def act() -> None:
        refusal = next(refusals)
        if refusal is not None:
            raise refusal

    platforms.retry_while_locked(act)
    assert paused == [0.1, 0.2]
    refusals = iter([PermissionError()] * 9)
    with pytest.raises(PermissionError):
        platforms.retry_while_locked(act)


@pytest.mark.parametrize(("jump", "left"), [(0.0, 120.0), (30.0, 90.0), (500.0, 0.0), (-86_400.0, 120.0)])
def test_a_clock_that_jumps_makes_no_wait_longer(
    monkeypatch: pytest.MonkeyPatch, jump: float, left: float
) -> None:
    monkeypatch.setattr("time.time", lambda: 1000.0 + jump)
    assert Intent("ab12", 1, CREATING, 1000.0).seconds_left == left


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
        ended = child(root, STAGE, {})
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
            'from pathlib import Path\nfrom kaggle_workflow import command, command_list\ncommand.run(Path("."), command_list.Report())',
            {},
        )
        assert "Read-only file system" in pushed.stderr
        assert "Fix this" in pushed.stderr
    finally:
        subprocess.run(["umount", "--lazy", root], check=True)


def test_the_second_of_two_commands_says_who_it_waits_for(scene: Scene) -> None:
    first = scene.push()
    with first.lock("push: sending tester/cmi-codes"):
        second = scene.push()
        note = json.loads((scene.root / "build" / ".lock-holder.json").read_text(encoding="utf-8"))
        assert note["doing"] == "invoke push: sending tester/cmi-codes"
        code = (
            "from pathlib import Path; from kaggle_workflow import lock\n"
            "with lock.held(Path('build'), 'invoke other', print, limit=0.3): pass\n"
        )
        waited = child(scene.root, code, {})
        assert (
            f"waiting for invoke push: sending tester/cmi-codes (process {os.getpid()}, since {note['since']})"
            in waited.stdout
        )
        assert "has held this workspace for 0.3 s" in waited.stderr
    with second.lock("push: staging"):
        assert not any("waiting for" in line for line in scene.said)


def test_a_killed_holder_holds_nothing(scene: Scene) -> None:
    code = (
        "import os, signal; from pathlib import Path; from kaggle_workflow import lock\n"
        "with lock.held(Path('build'), 'invoke push', print): os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    assert child(scene.root, code, {}).returncode == -signal.SIGKILL
    with scene.push().lock("push: again"):
        assert not any("waiting for" in line for line in scene.said)


def test_watching_holds_no_lock(scene: Scene) -> None:
    scene.codes()
    scene.deps()
    scene.kaggle.fault()
    scene.kaggle.hold_runs()
    held = []
    session = scene.push(limit=0.5)
    session.say = lambda line: held.append((line, (scene.root / "build" / ".lock-holder.json").exists()))
    session.waits = type(session.waits)(session.waits.poll, session.say, 0.5)
    from kaggle_workflow.push import sub as push_sub

    with pytest.raises(WorkflowError):
        push_sub.push_notebook(session, "sub")
    waiting = [was for line, was in held if "run" in line.lower() or "queued" in line.lower()]
    assert waiting
    assert not any(waiting)
    assert not (scene.root / "build" / ".lock-holder.json").exists()
