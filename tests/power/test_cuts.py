"""A power cut, Ctrl-C, a full disk, a forbidden file or a broken one at any change that a command makes: what is there
stays whole, what it says is a sentence, and the same command again does the work.

Here each once for most commands; with `CUT_EVERYWHERE=1` one of them, in turn, at every change of every command
that writes (a rehearsal, which takes seconds, at a few); with `CUT_EVERYWHERE=5` all five at every change.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from kaggle_shim.manifest import CODES_MANIFEST, Manifest, scan
from tests.power import cuts, storms
from tests.push.conftest import hurry
from tests.submit.conftest import Desk, light

EVERYWHERE = int(os.environ.get("CUT_EVERYWHERE") or 0)
HOWS = (cuts.KILL, cuts.INTERRUPT, cuts.FULL, cuts.DENIED, cuts.BROKEN)
_PLACES = 15
_CACHES = ("build", "__pycache__", ".git", "workflow", "shim")


@dataclass(frozen=True)
class Case:
    """A command line, and what gives it something to do (called with a number that is another each time)."""

    words: str
    prepare: Callable[[Path, int], None]


def unrepaired(root: Path, number: int) -> None:
    path = root / "sub" / "kernel-metadata.json"
    path.write_text(
        path.read_text(encoding="utf-8").replace('"tester/cmi-codes"', "").replace('"tester/cmi-deps"', ""),
        encoding="utf-8",
    )


def edited(root: Path, number: int) -> None:
    path = root / "codes" / "exp001.py"
    path.write_text(f"{path.read_text(encoding='utf-8')}\nprint({number})\n", encoding="utf-8")


def trained(root: Path, number: int) -> None:
    folder = root / "weights"
    folder.mkdir(exist_ok=True)
    (folder / "model.bin").write_bytes(f"{number}".encode() * 100)


def emptied(root: Path, number: int) -> None:
    shutil.rmtree(root / "data", ignore_errors=True)
    shutil.rmtree(root / "fetched", ignore_errors=True)


def pushed(root: Path, number: int) -> None:
    edited(root, number)
    assert cuts.run(root, "push", "--yes").code == 0


def sent_in(root: Path, number: int) -> None:
    pushed(root, number)
    assert cuts.run(root, "submit", "--yes").code == 0


def made_of_something(root: Path, number: int) -> None:
    if number == 0:
        sent_in(root, number)
    for name in ("codes", "sub"):
        shutil.rmtree(root / "build" / name)


def rehearsable(root: Path, number: int) -> None:
    (root / "deps" / "requirements.txt").write_text("", encoding="utf-8")
    (root / "codes" / "exp001.py").write_text(
        "open('submission.csv', 'w').write('row_id,series_id,step,event,score\\n0,a,1,onset,0.5\\n')\n",
        encoding="utf-8",
    )


def nothing(root: Path, number: int) -> None:
    """It has something to do as it is."""


LOCAL = (
    Case("check", nothing),
    Case("check --fix --yes", unrepaired),
    Case("new-exp --name exp002", nothing),
    Case("report", nothing),
)
ALSO_LOCAL = (Case("rehearse", rehearsable),)
SENDING = (
    Case("ship --yes", edited),
    Case("submit --yes", pushed),
    Case("push-dataset --path weights --id tester/cmi-weights", trained),
    Case("push-model --path weights --yes", trained),
    Case("data", emptied),
    Case("output", emptied),
)
# What they do is part of what the commands above do.
ALSO = (
    Case("push-codes", edited),
    Case("push --yes", edited),
    Case("history --refresh", nothing),
    Case("watch", sent_in),
    Case("history --reproduce REF", made_of_something),
    Case("pin-image", nothing),
)


def cuts_of(count: int, step: int = 1) -> list[tuple[str, int]]:
    """How to cut a command that makes so many changes, and where: at each `step`th change, or one of each, spread over it."""
    if EVERYWHERE:
        return [
            (HOWS[(at + turn) % len(HOWS)], at)
            for turn in range(EVERYWHERE)
            for at in range(1, count + 1, step)
        ]
    return [(how, 1 + (count - 1) * number // (len(HOWS) - 1)) for number, how in enumerate(reversed(HOWS))]


def named(case: Case) -> str:
    return case.words.partition(" --path")[0].replace(" --yes", "")


def owned(root: Path) -> dict[str, bytes]:
    """What is the user's, file by file."""
    return {
        path.relative_to(root).as_posix(): path.read_bytes()
        for path in root.rglob("*")
        if path.is_file()
        and not set(path.relative_to(root).parts) & set(_CACHES)
        and path.name != "ledger.jsonl"
    }


def judge(root: Path) -> None:
    """Every JSON file reads, what a manifest vouches for is there."""
    for path in (*root.glob("*/*.json"), *root.glob("build/*/*.json")):
        if not path.name.startswith("."):
            json.loads(path.read_text(encoding="utf-8"))
    manifest = root / "build" / "codes" / CODES_MANIFEST
    if manifest.is_file():
        assert Manifest.load(manifest).files == scan(
            manifest.parent, (CODES_MANIFEST, "dataset-metadata.json")
        )


def unfinished(root: Path) -> list[Path]:
    return [path for path in root.rglob(".*.tmp") if "client" not in path.parts]


def cut_and_again(root: Path, words: list[str], how: str, at: int) -> None:
    """Cut it, look at what is left, run it again."""
    cut = cuts.run(root, *words, how=how, at=at)
    where = f"{words}, {how} at {at}: {cut}"
    if how == cuts.KILL:
        assert cut.code in (-signal.SIGKILL, 0), where
    elif how == cuts.INTERRUPT:
        assert (cut.code, "Interrupted; running the command again" in cut.said) in (
            (130, True),
            (0, False),
        ), where
    else:
        assert "Traceback" not in cut.said, where
        assert cut.code == 0 or (cut.code in (2, 6) and "error: " in cut.said), where
    judge(root)
    again = cuts.run(root, *words)
    assert again.code == 0, f"{where}; then {again}"
    assert not unfinished(root), where


@pytest.mark.parametrize("case", [*LOCAL, *(ALSO_LOCAL if EVERYWHERE else ())], ids=named)
def test_a_command_of_this_machine(
    made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest, case: Case
) -> None:
    if case in ALSO_LOCAL:
        request.getfixturevalue("image_python")
        monkeypatch.setenv("XDG_CACHE_HOME", str(request.getfixturevalue("cache_home")))
    words, start, root = case.words.split(), tmp_path / "start", tmp_path / "ws"
    shutil.copytree(made, start, symlinks=True)
    light(start)
    case.prepare(start, 0)
    shutil.copytree(start, root, symlinks=True)
    counted = cuts.run(root, *words)
    assert counted.code == 0, counted
    assert counted.changes > 2
    before, after = owned(start), owned(root)
    assert set(before) <= set(after)
    step = max(1, counted.changes // _PLACES) if case in ALSO_LOCAL else 1
    for how, at in cuts_of(counted.changes, step):
        shutil.rmtree(root)
        shutil.copytree(start, root, symlinks=True)
        cut_and_again(root, words, how, at)
        assert owned(root) == after, (how, at)


@pytest.mark.parametrize("case", [*SENDING, *(ALSO if EVERYWHERE else ())], ids=named)
def test_a_command_that_talks_to_kaggle(desk: Desk, monkeypatch: pytest.MonkeyPatch, case: Case) -> None:
    monkeypatch.setenv("INVOKE_WORKSPACE_POLL", "0.02")
    hurry(monkeypatch, 0.3)
    desk.kaggle.behave(processing_seconds=0.0, model_processing_seconds=0.0)
    case.prepare(desk.root, 0)
    words = [desk.history()[-1].ref if word == "REF" else word for word in case.words.split()]
    counted = cuts.run(desk.root, *words)
    assert counted.code == 0, counted
    for number, (how, at) in enumerate(cuts_of(counted.changes), 1):
        desk.kaggle.advance(86_400.0)
        case.prepare(desk.root, number)
        cut_and_again(desk.root, words, how, at)
        if words[0] in ("push", "ship", "submit"):
            assert storms.state(desk, ship=words[0] != "push") == ""
        assert all(count == 1 for count in storms.submitted(desk).values())
