"""Any field of any answer that a command reads may be absent: the command goes on, or ends in a sentence."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import pytest
import requests
from invoke.exceptions import Exit
from kagglesdk.kaggle_object import KaggleObject

from kaggle_workflow import command, command_list
from tests.local_kaggle import faults
from tests.power.virtual_time import VirtualTime
from tests.push.conftest import COMPETITION
from tests.submit.conftest import Desk

LOOKS: dict[str, dict[str, Any]] = {
    "doctor": {},
    "status": {},
    "logs": {},
    "output": {},
    "models": {"all": True},
    "history": {"refresh": True},
    "final": {"download": True},
    "data": {"list_": True},
    "data --attached": {"attached": True, "list_": True},
    "submit": {"dry_run": True, "again": True},
}
# `ship` is push, submit and watch in one.
SENDS: dict[str, dict[str, Any]] = {
    "push-model": {"yes": True, "path": "weights", "handle": "tester/cmi-models/pytorch/exp001"},
    "push-dataset": {"yes": True, "path": "features"},
    "push-deps": {"yes": True, "force": True},
    "ship": {"yes": True, "again": True, "accelerator": "NvidiaTeslaT4"},
}


def run(desk: Desk, line: str, options: dict[str, Any]) -> None:
    """Run a command as invoke does; raises Exit for a failure that has a sentence, whatever else for one that has none."""
    name = line.split(maxsplit=1)[0]
    declared = next(one for group in command_list.GROUPS.values() for one in group if one.name == name)
    command.run(desk.root, declared(**options))


def paths(value: Any, names: set[str], before: str = "") -> Iterator[str]:
    """Where the fields of an answer stand whose names were read."""
    for item in value if isinstance(value, list) else [value]:
        if isinstance(item, dict):
            for name, inside in item.items():
                if name in names:
                    yield f"{before}{name}"
                yield from paths(inside, names, f"{before}{name}.")


@contextmanager
def watched() -> Iterator[set[tuple[str, str]]]:
    """Collect the fields of answers that are read inside, as methods and paths."""
    answers: list[tuple[str, Any]] = []
    read: set[str] = set()
    found: set[tuple[str, str]] = set()
    send = requests.Session.send

    def keep(self: Any, request: Any, **options: Any) -> Any:
        answer = send(self, request, **options)
        if "/v1/" in str(request.url) and "json" in answer.headers.get("content-type", ""):
            answers.append((str(request.url).rpartition("/")[2], answer.json()))
        return answer

    def note(self: Any, name: str) -> Any:
        read.add(name.split("_", maxsplit=1)[0] + "".join(part.capitalize() for part in name.split("_")[1:]))
        return object.__getattribute__(self, name)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(requests.Session, "send", keep)
        patch.setattr(KaggleObject, "__getattribute__", note, raising=False)
        yield found
    for method, answer in answers:
        found |= {(method, path) for path in paths(answer, read)}


@pytest.fixture
def busy(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> Desk:
    """A desk with a model, a dataset, and a submission that is over; many more are allowed, and no wait takes time."""
    VirtualTime(desk.kaggle, monkeypatch)
    monkeypatch.setenv("INVOKE_WORKSPACE_POLL", "600")
    monkeypatch.setenv("INVOKE_WORKSPACE_BETTER", "higher")
    stored = desk.kaggle.world.root / "competitions" / COMPETITION / "competition.json"
    about = json.loads(stored.read_text(encoding="utf-8"))
    stored.write_text(json.dumps({**about, "daily_limit": 10_000}), encoding="utf-8")
    for name in ("weights", "features"):
        (desk.root / name).mkdir()
    change(desk)
    for line in ("push-model", "ship"):
        run(desk, line, SENDS[line])
    return desk


def change(desk: Desk) -> None:
    """Make everything that is sent another."""
    desk.edit()
    for name in ("weights", "features"):
        with (desk.root / name / "a.csv").open("a", encoding="utf-8") as file:
            file.write("1\n")


def fields(desk: Desk, line: str, options: dict[str, Any]) -> set[tuple[str, str]]:
    """The fields of answers that a command reads, as methods and paths."""
    with watched() as read, suppress(Exit):
        run(desk, line, options)
    assert read
    return read


def broken(desk: Desk, line: str, options: dict[str, Any], read: set[tuple[str, str]]) -> list[str]:
    """Which of these fields, when absent, end the command in something else than a sentence."""
    found = []
    for method, path in sorted(read):
        if line in SENDS:
            change(desk)
        desk.kaggle.world.faults.clear()
        desk.kaggle.fault(faults.lose(method, path, times=None))
        try:
            run(desk, line, options)
        except Exception as error:  # noqa: BLE001 - those without a sentence are what this test looks for
            if isinstance(error, Exit) and error.code:
                continue
            found.append(f"{method} without {path}: {error!r}")
    return found


@pytest.mark.parametrize("line", LOOKS)
def test_a_command_that_looks(busy: Desk, line: str) -> None:
    assert broken(busy, line, LOOKS[line], fields(busy, line, LOOKS[line])) == []


def test_a_submission_is_reproduced(busy: Desk) -> None:
    line, options = "history --reproduce", {"reproduce": busy.history()[-1].ref}
    assert broken(busy, line, options, fields(busy, line, options)) == []


@pytest.mark.parametrize("line", SENDS)
def test_a_command_that_sends(busy: Desk, line: str) -> None:
    read = {}
    for name in SENDS if line == "ship" else [line]:
        change(busy)
        read[name] = fields(busy, name, SENDS[name])
    # What the others read too is lost in their tests.
    others = set().union(*(read[name] for name in read if name != line))
    assert broken(busy, line, SENDS[line], read[line] - others) == []
