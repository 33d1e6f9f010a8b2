"""The tracer itself: a write is seen, and can be torn, by whichever way of Python's library it is made."""

from __future__ import annotations

import json
import os
import shutil
import signal
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.power import cuts

TEXT = "0123456789" * 20
NEW = Path("new")
SOURCE = Path("../source")


def write_text() -> None:
    NEW.write_text(TEXT, encoding="utf-8")


def built_in_open() -> None:
    with open("new", "w", encoding="utf-8") as file:  # noqa: PTH123 - what is tried
        print(TEXT, file=file)


def unbuffered() -> None:
    with NEW.open("a+b", buffering=0) as file:
        file.write(TEXT.encode())


def json_dump() -> None:
    with NEW.open("w", encoding="utf-8") as file:
        json.dump([TEXT], file)


def os_write() -> None:
    os.write(os.open("new", os.O_WRONLY | os.O_CREAT), TEXT.encode())


def mkstemp_and_fdopen() -> None:
    with os.fdopen(tempfile.mkstemp(dir=".")[0], "wb") as file:
        file.write(TEXT.encode())


def named_temporary_file() -> None:
    with tempfile.NamedTemporaryFile("w", dir=".", delete=False, encoding="utf-8") as file:
        file.write(TEXT)


def copyfile() -> None:
    shutil.copyfile(SOURCE, NEW)


def copy2() -> None:
    shutil.copy2(SOURCE, NEW)


def copyfileobj() -> None:
    with SOURCE.open("rb") as source, NEW.open("wb") as file:
        shutil.copyfileobj(source, file)


def copy_file_range() -> None:
    with SOURCE.open("rb") as source, NEW.open("wb") as file:
        os.copy_file_range(source.fileno(), file.fileno(), 1 << 20)


def zip_file() -> None:
    with zipfile.ZipFile(NEW, "w") as archive:
        archive.writestr("a", TEXT)


@pytest.mark.parametrize(
    "write",
    [
        write_text,
        built_in_open,
        unbuffered,
        json_dump,
        os_write,
        mkstemp_and_fdopen,
        named_temporary_file,
        copyfile,
        copy2,
        copyfileobj,
        copy_file_range,
        zip_file,
    ],
    ids=lambda write: write.__name__,
)
def test_a_write_by_any_way_is_seen_and_torn(tmp_path: Path, write: Callable[[], None]) -> None:
    root = tmp_path / "here"
    root.mkdir()
    (tmp_path / "source").write_text(TEXT, encoding="utf-8")
    counted = cuts.traced(root, write)
    assert counted.code == 0, counted
    [whole] = root.iterdir()
    size = whole.stat().st_size
    whole.unlink()
    cut = cuts.traced(root, write, cuts.TORN, 1)
    assert cut.code == -signal.SIGKILL
    [torn] = root.iterdir()
    assert 0 < torn.stat().st_size < size
