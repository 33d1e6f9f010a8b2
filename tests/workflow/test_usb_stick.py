"""A workspace on a real exFAT: no modes, no links, whole seconds, and `Exp001.py` is `exp001.py`, as on half of all machines."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from kaggle_workflow import workspace
from kaggle_workflow.errors import WorkflowError
from kaggle_workflow.rehearsal import sandbox
from kaggle_workflow.stage import codes as stage_codes
from tests import workspaces

PROGRAMS = ("mkfs.exfat", "mount.exfat-fuse", "losetup", "umount")
BYTES = 400_000_000
EDITS = 6


def done(*words: str | Path) -> str:
    ended = subprocess.run([str(word) for word in words], capture_output=True, text=True, check=False)
    if ended.returncode != 0:
        pytest.skip(f"no exFAT can be mounted here ({words[0]}: {ended.stderr.strip()})")
    return ended.stdout.strip()


@pytest.fixture(scope="module")
def stick(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    lacking = [name for name in PROGRAMS if shutil.which(name) is None]
    if lacking or os.geteuid() != 0:
        pytest.skip(
            f"no exFAT can be mounted here: {'this is not root' if not lacking else f'{lacking[0]} is missing'}"
        )
    base = tmp_path_factory.mktemp("stick")
    image, place = base / "image", base / "mounted"
    with image.open("wb") as file:
        file.truncate(BYTES)
    place.mkdir()
    done("mkfs.exfat", image)
    device = done("losetup", "--find", "--show", image)
    try:
        done("mount.exfat-fuse", device, place)
        yield place
    finally:
        subprocess.run(["umount", "--lazy", place], check=False, capture_output=True)
        subprocess.run(["losetup", "--detach", device], check=False, capture_output=True)


@pytest.fixture(scope="module")
def on_stick(stick: Path, template: Path) -> Path:
    root = stick / "ws"
    answers = ("example=cmi-sleep", "username=you", "prefix=cmi")
    data = [word for answer in answers for word in ("-d", answer)]
    copied = workspaces.copier("copy", "--quiet", "--defaults", *data, template, root, cwd=stick)
    assert copied.returncode == 0, copied.stderr
    return root


@pytest.mark.skipif(
    not sandbox.detect().complete, reason="this machine gives no sandbox, so no isolation can be shown"
)
def test_it_is_rehearsed(on_stick: Path, cache_home: Path) -> None:
    ended = workspaces.invoke(on_stick, "rehearse", env={"XDG_CACHE_HOME": str(cache_home)})
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert (on_stick / "build" / "rehearsal" / "working" / "submission.csv").is_file()
    assert not list((cache_home / "kaggle-workspace" / "runs").iterdir())


def test_nothing_is_said_of_modes_that_are_not_there(on_stick: Path) -> None:
    assert os.access(on_stick / "codes" / "exp001.py", os.X_OK)
    assert "exec-bit" not in workspaces.invoke(on_stick, "check").stdout


def test_each_of_many_edits_in_a_second_is_staged(on_stick: Path) -> None:
    path = on_stick / "codes" / "exp001.py"
    before = path.read_text(encoding="utf-8")
    times = []
    for number in range(EDITS):
        path.write_text(f"{before}\nx = {number}\n", encoding="utf-8")
        times.append(path.stat().st_mtime_ns)
        stage_codes.stage(workspace.load(on_stick), "cup")
        staged = (on_stick / "build" / "codes" / "exp001.py").read_text(encoding="utf-8")
        assert staged == path.read_text(encoding="utf-8")
    path.write_text(before, encoding="utf-8")
    assert len(set(times)) < EDITS, "each edit had a second of its own: nothing was shown"


def test_another_spelling_of_the_entry_point_is_told_at_once(on_stick: Path) -> None:
    settings = on_stick / "invoke.yaml"
    before = settings.read_text(encoding="utf-8")
    settings.write_text(re.sub(r"entry: exp001\.py", "entry: Exp001.py", before), encoding="utf-8")
    assert (on_stick / "codes" / "Exp001.py").is_file()
    ended = workspaces.invoke(on_stick, "check")
    settings.write_text(before, encoding="utf-8")
    assert ended.returncode == WorkflowError.exit_code, ended.stdout
    assert "The entry point Exp001.py is not in the codes: there are exp001.py" in ended.stdout
