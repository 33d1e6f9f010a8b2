"""A power cut, Ctrl-C, a full disk, a forbidden file or a broken one at any change that a command makes: what is there
stays whole, what it says is a sentence, and the same command again does the work.

Here each once for most commands, the power cut in the middle of a write. `CUT_EVERYWHERE=1`: one of them, in turn, at every
change and every write of every command; `=5`: all five at each; `=kill` (or `interrupt`, `full`, `denied`, `broken`): that one at each;
`=torn`: the power cut in the middle of each write.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
from pathlib import Path

import pytest

from kaggle_shim.manifest import CODES_MANIFEST, Manifest, scan
from kaggle_workflow import files
from tests import commands
from tests.power import cuts, storms
from tests.power.cases import ALSO, LOCAL, READING, REHEARSE, ROW, SENDING, Case
from tests.power.outage import Outage
from tests.push.conftest import COMPETITION, hurry
from tests.submit.conftest import Desk

EVERYWHERE = os.environ.get("CUT_EVERYWHERE") or ""
HOWS = (cuts.KILL, cuts.INTERRUPT, cuts.FULL, cuts.DENIED, cuts.BROKEN)
# A download's part says so by its name, and is gone on with.
_UNFINISHED = (files.UNFINISHED, ".*.part", ".*.part-tag", ".*.arrived", ".*.unzip")
_CACHES = ("build", "__pycache__", ".git")


def cuts_of(changes: tuple[str, ...]) -> list[tuple[str, int]]:
    """How to cut a command that makes these changes, and where: at each of them; or one of each, spread, the kill in a write."""
    count, written = len(changes), changes.count(cuts.WRITE)
    if EVERYWHERE == cuts.TORN:
        return [(cuts.TORN, at) for at in range(1, written + 1)]
    if EVERYWHERE in HOWS:
        return [(EVERYWHERE, at) for at in range(1, count + 1)]
    if EVERYWHERE:
        return [
            (HOWS[(at + turn) % len(HOWS)], at)
            for turn in range(int(EVERYWHERE))
            for at in range(1, count + 1)
        ]
    spread = [1 + (count - 1) * number // (len(HOWS) - 1) for number in range(len(HOWS) - 1)]
    return [(cuts.TORN, (written + 1) // 2), *zip(reversed(HOWS[1:]), spread, strict=True)]


def named(case: Case) -> str:
    return re.sub(" --(path|output|yes).*", "", case.words)


def owned(root: Path) -> dict[str, bytes]:
    """What is the user's, file by file; not what has the name of something unfinished."""
    return {
        path.relative_to(root).as_posix(): path.read_bytes()
        for path in root.rglob("*")
        if path.is_file()
        and not set(path.relative_to(root).parts) & set(_CACHES)
        and not any(Path(part).match(name) for part in path.relative_to(root).parts for name in _UNFINISHED)
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


def kept(root: Path) -> set[str]:
    """What lies in `build/`."""
    return {path.relative_to(root).as_posix() for path in (root / "build").rglob("*")}


def unfinished(root: Path) -> list[Path]:
    return [path for pattern in _UNFINISHED for path in root.rglob(pattern) if "client" not in path.parts]


def cut_and_again(root: Path, words: list[str], how: str, at: int) -> None:
    """Cut it, look at what is left, run it again."""
    before = owned(root)
    cut = cuts.run(root, *words, how=how, at=at)
    where = f"{words}, {how} at {at}: {cut}"
    if how in (cuts.KILL, cuts.TORN):
        assert cut.code in (-signal.SIGKILL, 0), where
    elif how == cuts.INTERRUPT:
        assert (cut.code, "Interrupted. Run the command again" in cut.said) in (
            (130, True),
            (0, False),
        ), where
    else:
        assert "Traceback" not in cut.said, where
        assert cut.code == 0 or (cut.code in (2, 6) and "error: " in cut.said), where
    converges(root, words, before, where)


def converges(root: Path, words: list[str], before: dict[str, bytes], where: str) -> None:
    """What a cut left is whole, and the same command does the work."""
    judge(root)
    left = owned(root)
    again = cuts.run(root, *words)
    assert again.code == 0, f"{where}; then {again}"
    assert not unfinished(root), where
    after = owned(root)
    torn = [path for path in {**before, **left} if left.get(path) not in (before.get(path), after.get(path))]
    assert not torn, where


@pytest.fixture
def start(made: Path, tmp_path: Path) -> Path:
    """A new workspace; not to be changed."""
    return Path(shutil.copytree(made, tmp_path / "start", symlinks=True))


@pytest.fixture
def rehearsable(start: Path, cache_home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """One that rehearses with a wheel of its own."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(cache_home))
    REHEARSE.prepare(start, 0)
    return start


def made_anew(root: Path, start: Path) -> Path:
    shutil.rmtree(root, ignore_errors=True)
    return Path(shutil.copytree(start, root, symlinks=True))


def cut_from(start: Path, root: Path, words: list[str]) -> None:
    """Cut a command that works on this machine alone, each time from the same start."""
    counted = cuts.run(made_anew(root, start), *words)
    assert counted.code == 0, counted
    assert len(counted.changes) > 2
    before, after, names = owned(start), owned(root), kept(root)
    assert set(before) <= set(after)
    for how, at in cuts_of(counted.changes):
        cut_and_again(made_anew(root, start), words, how, at)
        assert owned(root) == after, (how, at)
        assert kept(root) == names, (how, at)


@pytest.mark.parametrize("case", LOCAL, ids=named)
def test_a_command_of_this_machine(start: Path, tmp_path: Path, case: Case) -> None:
    case.prepare(start, 0)
    cut_from(start, tmp_path / "ws", case.words.split())


@pytest.mark.skipif(not EVERYWHERE, reason="takes half an hour: only with CUT_EVERYWHERE")
def test_a_rehearsal(rehearsable: Path, tmp_path: Path) -> None:
    cut_from(rehearsable, tmp_path / "ws", [REHEARSE.words])


def test_a_power_cut_while_the_programs_of_a_rehearsal_work(rehearsable: Path, tmp_path: Path) -> None:
    root, words = tmp_path / "ws", [REHEARSE.words]

    def run(at: int) -> tuple[cuts.Ended, int]:
        outage = Outage(made_anew(root, rehearsable) / "build" / "rehearsal", at)
        return cuts.traced(root, cuts.command(*words), meanwhile=outage), outage.seen

    whole, seen = run(0)
    assert whole.code == 0, whole
    after, names = owned(root), kept(root)
    for at in range(1, seen) if EVERYWHERE else (seen // 2,):
        cut, _ = run(at)
        assert cut.code in (-signal.SIGKILL, 0), (at, cut)
        converges(root, words, owned(rehearsable), f"a power cut at file {at}: {cut}")
        assert (owned(root), kept(root)) == (after, names), at
        assert (root / "build" / "rehearsal" / "working" / "submission.csv").read_text(
            encoding="utf-8"
        ) == ROW


@pytest.mark.parametrize("case", [*SENDING, *(ALSO if EVERYWHERE else ())], ids=named)
def test_a_command_that_talks_to_kaggle(desk: Desk, monkeypatch: pytest.MonkeyPatch, case: Case) -> None:
    monkeypatch.setenv("INVOKE_WORKSPACE_POLL", "0.02")
    hurry(monkeypatch, 0.3)
    packed = case.words.startswith("data")
    desk.kaggle.behave(processing_seconds=0.0, model_processing_seconds=0.0, single_file_zipped=packed)
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
        if words[0] == "data":
            public = desk.kaggle.world.store.competition_folder(COMPETITION) / "public"
            got = desk.root / "data" / "competitions" / COMPETITION
            assert all(path.read_bytes() == (public / path.name).read_bytes() for path in got.iterdir())
        assert all(count == 1 for count in storms.submitted(desk).values())


def test_every_command_is_cut_or_writes_nothing() -> None:
    cut = {case.words.split()[0] for case in (*LOCAL, REHEARSE, *SENDING, *ALSO)}
    read = {words.split()[0] for words in READING}
    # vendor waits for pip for most of a minute; what it leaves is one folder that is moved into place, and two small files.
    # blend needs two scored submissions; it writes as new-exp does, and sends as push-dataset does.
    assert cut | read | {"vendor", "blend"} == set(commands.options())


@pytest.mark.parametrize("words", READING)
def test_a_command_that_shows_something_writes_nothing(desk: Desk, words: str) -> None:
    cuts.run(desk.root, "status")
    shown = cuts.run(desk.root, *words.split())
    assert (shown.code, shown.changes) == (0, ())
