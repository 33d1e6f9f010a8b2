"""The commands that are cut: a line or more for each, and what gives it something to do."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests import wheelhouse
from tests.power import cuts
from tests.push.conftest import COMPETITION

ROW = "row_id,series_id,step,event,score\n0,a,1,onset,0.5\n"


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


def half_fetched(root: Path, number: int) -> None:
    """A part of another content than is there now."""
    emptied(root, number)
    folder = root / "data" / "competitions" / COMPETITION
    folder.mkdir(parents=True)
    part = folder / "..test_series.parquet.arrived.part"
    part.write_bytes(b"old")
    part.with_name(f"{part.name}-tag").write_text('"old"', encoding="utf-8")


def pushed(root: Path, number: int) -> None:
    edited(root, number)
    assert cuts.run(root, "push", "--yes").code == 0


def sent_in(root: Path, number: int) -> None:
    pushed(root, number)
    assert cuts.run(root, "submit", "--yes").code == 0


def wanting(root: Path, number: int) -> None:
    (root / "deps" / "requirements.txt").write_text(f"loguru>=0.{number}\n", encoding="utf-8")


def half_pushed(root: Path, number: int) -> None:
    edited(root, number)
    assert cuts.run(root, "push-codes").code == 0


def unseen(root: Path, number: int) -> None:
    shutil.rmtree(root / "build")


def made_of_something(root: Path, number: int) -> None:
    if number == 0:
        sent_in(root, number)
    for name in ("codes", "sub"):
        shutil.rmtree(root / "build" / name)


def training(root: Path, number: int) -> None:
    edited(root, number)
    if number == 0:
        assert cuts.run(root, "new-notebook", "train").code == 0


def scored(root: Path, number: int) -> None:
    if number == 0:
        sent_in(root, number)
        assert cuts.run(root, "watch").code == 0
        settings = root / "invoke.yaml"
        text = settings.read_text(encoding="utf-8")
        settings.write_text(text.replace("workspace:\n", "workspace:\n  better: higher\n"), encoding="utf-8")
    shutil.rmtree(root / "build" / "output", ignore_errors=True)


def rehearsable(root: Path, number: int) -> None:
    (root / "deps" / "requirements.txt").write_text("", encoding="utf-8")
    (root / "deps" / "wheels").mkdir()
    wheelhouse.make_wheel(root / "deps" / "wheels", "mine", files={"mine/__init__.py": f"ROW = {ROW!r}\n"})
    (root / "codes" / "exp001.py").write_text(
        "import mine\nopen('submission.csv', 'w').write(mine.ROW)\n", encoding="utf-8"
    )


def nothing(root: Path, number: int) -> None:
    """It has something to do as it is."""


LOCAL = (
    Case("check", nothing),
    Case("check --fix --yes", unrepaired),
    Case("new-exp --name exp002", nothing),
    Case("new-notebook train", nothing),
    Case("report --output drawn/history.html", nothing),
)
REHEARSE = Case("rehearse", rehearsable)
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
    Case("push-deps", wanting),
    Case("push-sub", half_pushed),
    Case("push --yes", edited),
    Case("history --refresh", nothing),
    Case("watch", sent_in),
    Case("history --reproduce REF", made_of_something),
    Case("pin-image", nothing),
    Case("final --download", scored),
    Case("sweep --grid fold=0 --yes", training),
    Case("data --only test_series.parquet", half_fetched),
    Case("doctor", unseen),
    Case("status", unseen),
)
# They write nothing but, as the first command of a version, that they were run (as `status` does above).
READING = ("commands", "explain take-over", "logs", "models", "history", "data --list")
