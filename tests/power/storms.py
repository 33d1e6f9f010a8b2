"""Seeded random sequences of faults around `push` and `ship`, and the judgement of how each ended.

A sequence edits something, sets some faults, runs the command, takes the faults away, and runs it until it says that it is
done. At no time may it say so while Kaggle holds something else, submit a version twice, end in anything but one of our
errors, or wait without end.
"""

from __future__ import annotations

import json
import os
import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

import pytest

from kaggle_workflow.credentials import own
from kaggle_workflow.errors import WorkflowError
from kaggle_workflow.stage import compose
from tests.local_kaggle import Fault, faults
from tests.local_kaggle.records import NotebookVersion
from tests.power.virtual_time import VirtualTime
from tests.submit.conftest import NOTEBOOK, Desk

READS = (
    "GetDataset",
    "GetDatasetStatus",
    "ListDatasetFiles",
    "DownloadDataset",
    "GetKernel",
    "GetKernelSessionStatus",
    "ListKernelSessionOutput",
    "IntrospectToken",
    "ListSubmissions",
    "GetSubmissionLimits",
    "GetCompetition",
)
WRITES = ("StartBlobUpload", "CreateDatasetVersion", "SaveKernel", "CreateCodeSubmission")
CODES = (400, 401, 409, 429, 500, 502, 503)
# Under faults a wait may be cut short by --limit, as an impatient person's; afterwards nothing cuts it.
LIMITS = (None, None, None, 3.0, 30.0, 300.0)
TRIES = 3
# The longest wait that a command has is that for a run: fourteen hours, and a submission's time in the queue.
LONGEST_SECONDS = 48 * 3600.0


_NEEDED = ("KAGGLE", "INVOKE", "PY", "HOME", "TMPDIR", "LANG", "LC_", "http_proxy")


@dataclass
class Ending:
    """How a sequence ended.

    Attributes:
        seed: what gives the same sequence again.
        faults: what was set.
        first: `done`, or the class of the error that the command ended with under faults.
        tries: how often it was run after the faults were gone.
        seconds: all of it, by the clock that waits move.
        wrong: what must not be, "" for nothing.
    """

    seed: int
    faults: list[str] = field(default_factory=list)
    first: str = ""
    tries: int = 0
    seconds: float = 0.0
    wrong: str = ""


def seat(desk: Desk, patch: pytest.MonkeyPatch) -> VirtualTime:
    """A desk at which waits cost no time; looks are as seldom as a patient person's, for the longest waits are days.

    Git, the disk's own cache and what this machine's credentials are, asked ten times by a command, are other tests' matter:
    here a program started, a block awaited or a variable more in the environment is time and nothing else.
    """
    for name in os.environ:
        if not name.startswith(_NEEDED):
            patch.delenv(name)
    patch.setattr(own, "values", lru_cache(own.values))
    patch.setenv("INVOKE_WORKSPACE_POLL", "600")
    patch.setenv("PATH", str(desk.root / "no-programs"))
    patch.setattr(os, "fsync", lambda _: None)
    return VirtualTime(desk.kaggle, patch)


def weather(dice: random.Random) -> list[Fault]:
    """One to four faults."""
    return [_fault(dice) for _ in range(dice.randint(1, 4))]


def run(desk: Desk, clock: VirtualTime, seed: int, *, ship: bool) -> Ending:
    """One sequence; `ship` for the whole way to a score, otherwise the push."""
    dice = random.Random(f"{seed} {ship}")  # noqa: S311 - reproducible, not secret
    ending = Ending(seed)
    command = _ship if ship else _push
    _edit(desk, dice)
    clock.sleep(86_400.0)
    started = clock.passed
    set_ = weather(dice)
    ending.faults = [
        f"{one.kind} {one.method} {one.code if one.kind == 'status' else one.outcome}".strip() for one in set_
    ]
    desk.kaggle.behave(processing_seconds=dice.choice((0.0, 5.0, 60.0)))
    desk.kaggle.fault(*set_)
    told = ""
    for limit in (dice.choice(LIMITS), *dice.choices(LIMITS, k=dice.choice((0, 0, 0, 1, 2)))):
        told, ending.wrong = _attempt(desk, command, limit, ship=ship)
        ending.first = ending.first or told
        if ending.wrong:
            return ending
    _heal(desk, clock)
    while not ending.wrong and ending.tries < TRIES and (told != "done" or ending.tries == 0):
        told, ending.wrong = _attempt(desk, command, None, ship=ship)
        ending.tries += 1
        _heal(desk, clock)
    if not ending.wrong and told != "done":
        ending.wrong = f"not done after {ending.tries} tries without faults: {told}"
    ending.seconds = clock.passed - started
    if not ending.wrong and ending.seconds > LONGEST_SECONDS * (ending.tries + 3):
        ending.wrong = f"it took {ending.seconds:.0f} s"
    return ending


def state(desk: Desk, *, ship: bool) -> str:
    """What on Kaggle is not what lies in `build/`, "" when all is as it should be."""
    build = desk.root / "build"
    staged = {
        path.relative_to(build / "codes").as_posix(): path.read_bytes()
        for path in (build / "codes").rglob("*")
        if path.is_file() and path.name not in ("dataset-metadata.json", "codes-manifest.json")
    }
    wrong = _holds(desk, None, staged)
    if wrong:
        return f"the codes on Kaggle {wrong}"
    version = desk.kaggle.notebook(NOTEBOOK).versions[-1]
    staged_text = (build / "sub" / "sub.ipynb").read_text(encoding="utf-8")
    if not compose.same(_source(desk, version), staged_text):
        return "the notebook on Kaggle is another"
    if version.status.upper() != "COMPLETE":
        return f"the run of version {version.number} is {version.status}"
    bound = next((one.version for one in version.bindings if one.slug == "cmi-codes"), None)
    # Not necessarily the newest: a version that was believed lost may come after the one sent in its place, with the same files.
    wrong = _holds(desk, bound, staged) if bound is not None else "are not attached"
    if wrong:
        return f"the codes of version {version.number} {wrong}"
    if ship and version.number not in {one.notebook_version for one in desk.on_kaggle()}:
        return f"version {version.number} was not submitted"
    return ""


def _holds(desk: Desk, version: int | None, staged: dict[str, bytes]) -> str:
    """What is wrong with the files of a version (the newest by default), "" when they are what is staged."""
    there = desk.kaggle.dataset_files("tester/cmi-codes", version)
    if {name: content for name, content in there.items() if name in staged} != staged:
        return "are others"
    if set(there) - set(staged) - {"codes-manifest.json"}:
        return "have more files"
    return ""


def _attempt(
    desk: Desk, command: Callable[[Desk, float | None], None], limit: float | None, *, ship: bool
) -> tuple[str, str]:
    """Run it; returns how it ended, and what must not be."""
    try:
        command(desk, limit)
    except WorkflowError as error:
        told = str(error)
        ended = f"{type(error).__name__}: {told[:160]}"
        wrong = "" if error.exit_code and told and "Traceback" not in told else f"no sentence: {told!r}"
    except Exception as error:  # noqa: BLE001 - that is what is looked for
        return "crashed", f"{type(error).__name__}: {error}"
    else:
        ended, wrong = "done", state(desk, ship=ship)
    twice = [f"version {n} {count} times" for n, count in submitted(desk).items() if count > 1]
    return ended, wrong or (f"submitted {', '.join(twice)}" if twice else "")


def _source(desk: Desk, version: NotebookVersion) -> str:
    """What the notebook's newest version was saved with."""
    folder = desk.kaggle.world.store.notebook_folder(desk.kaggle.notebook(NOTEBOOK), version.number)
    return (folder / "source").read_text(encoding="utf-8")


def submitted(desk: Desk) -> Counter[int]:
    """How often each version was submitted."""
    return Counter(one.notebook_version for one in desk.on_kaggle())


def _push(desk: Desk, limit: float | None) -> None:
    desk.all(limit=limit)


def _ship(desk: Desk, limit: float | None) -> None:
    desk.ship(limit=limit)


def _edit(desk: Desk, dice: random.Random) -> None:
    what = dice.choice(("codes", "codes", "codes", "notebook", "nothing", "file"))
    if what == "codes":
        desk.edit(f"\nprint({dice.random()})\n")
    elif what == "file":
        (desk.root / "codes" / f"part{dice.randint(0, 9)}.py").write_text(
            f"x = {dice.random()}\n", encoding="utf-8"
        )
    elif what == "notebook":
        path = desk.root / "sub" / "sub.ipynb"
        node = json.loads(path.read_text(encoding="utf-8"))
        node["cells"][0]["source"] = f"# {dice.random()}"
        path.write_text(json.dumps(node), encoding="utf-8")


def _heal(desk: Desk, clock: VirtualTime) -> None:
    """Fair weather: no faults, nothing stuck, no run that goes on for ever."""
    desk.kaggle.world.faults.clear()
    clock.settle()
    desk.kaggle.finish_processing()
    for notebook in desk.kaggle.world.store.notebooks.values():
        for version in notebook.versions:
            if version.status.upper() in ("RUNNING", "QUEUED"):
                desk.kaggle.world.sessions.cancel(notebook.id, version.number)
    for entry in desk.kaggle.world.store.entries.values():
        for one in entry.submissions:
            if one.status == "PENDING":
                one.status, one.error_description = "ERROR", "Notebook Timeout"


def _fault(dice: random.Random) -> Fault:
    skip = dice.choice((0, 0, 0, 1, 2, 3))
    kind = dice.choice(
        ("status", "status", "before", "after", "after", "odd", "upload", "processing", "run", "late")
    )
    if kind == "upload":
        return dice.choice(
            (
                lambda: faults.reset_upload(dice.randint(0, 3000), skip=skip, times=dice.randint(1, 3)),
                lambda: faults.truncate_upload(dice.randint(0, 50), skip=skip),
                lambda: faults.lose_blob(skip=skip),
                lambda: faults.status("PUT", dice.choice((400, 500, 503)), skip=skip),
            )
        )()
    if kind in ("processing", "run", "late"):
        return _of_kaggle(kind, dice, skip)
    return _of_a_call(kind, dice, skip)


def _of_kaggle(kind: str, dice: random.Random, skip: int) -> Fault:
    if kind == "late":
        # What has arrived shows only after a while.
        return faults.answer("ListSubmissions", {"submissions": []}, skip=skip, times=dice.randint(1, 4))
    if kind == "processing":
        return faults.processing("CreateDatasetVersion", dice.choice(("stuck", "failed")))
    return faults.run(dice.choice(("fail", "cancel", "never", "timeout")), dice.choice(("Save", "Rerun")))


def _of_a_call(kind: str, dice: random.Random, skip: int) -> Fault:
    method = dice.choice((*READS, *WRITES, *WRITES))
    if kind == "status":
        headers = {"Retry-After": dice.choice(("0", "0.1", "soon"))}
        code = dice.choice(CODES)
        return faults.status(
            method,
            code,
            "By chance.",
            headers=headers if code == 429 else {},
            skip=skip,
            times=dice.randint(1, 3),
        )
    if kind == "odd":
        return faults.answer(
            method,
            dice.choice(({}, {"error": "By chance."}, {"code": "html"}, {"status": 7, "ref": None})),
            skip=skip,
        )
    drop = faults.drop_before if kind == "before" else faults.drop_after
    return drop(method, skip=skip, times=dice.randint(1, 2))


def folder_size(folder: Path) -> int:
    """How many files there are below a folder."""
    return sum(path.is_file() for path in folder.rglob("*"))
