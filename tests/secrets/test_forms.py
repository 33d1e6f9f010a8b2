"""However a credential is written down, and wherever it is packed: it is found, with the file that holds it and without its value."""

from __future__ import annotations

import base64
import gzip
import hashlib
import io
import json
import pickle
import tarfile
import urllib.parse
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from kaggle_workflow.credentials import archives
from kaggle_workflow.credentials.scan import Scanner
from kaggle_workflow.findings import ERROR, Finding

RANDOM = hashlib.sha256(b"no secret at all").hexdigest()
TOKEN = "KGAT" + "_" + RANDOM[:32]
# Whatever a person may choose: quotes, a slash, letters that are not ASCII.
OWN = 'p"w/ä ' + "Zq8+vT3&kd9"
LINES = "x" * 99 + "\n"
BIG = LINES * 10_600


def zipped(name: str, content: bytes, method: int = zipfile.ZIP_DEFLATED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        archive.writestr(name, content)
    return buffer.getvalue()


def tarred(name: str, content: bytes, mode: str = "w") -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode=mode) as archive:  # type: ignore[call-overload]  # modes are spelled out in the tests
        about = tarfile.TarInfo(name)
        about.size = len(content)
        archive.addfile(about, io.BytesIO(content))
    return buffer.getvalue()


def line(secret: str) -> bytes:
    return f"a\nb = '{secret}'\n".encode()


WRITTEN: dict[str, Callable[[str], bytes]] = {
    "plain": line,
    "with a byte order mark": lambda s: line(s).decode().encode("utf-8-sig"),
    "latin-1": lambda s: f"ü {s}".encode("latin-1"),
    "utf-16": lambda s: line(s).decode().encode("utf-16"),
    "utf-16 without a mark": lambda s: line(s).decode().encode("utf-16-be"),
    "utf-32": lambda s: line(s).decode().encode("utf-32"),
    "utf-16 beyond the first piece": lambda s: (BIG + s).encode("utf-16"),
    "beyond the first piece": lambda s: (BIG + s).encode(),
    "a program": lambda s: b"\0\1\2\xff" * 9 + s.encode() + b"\0\0",
    "a program, after a letter": lambda s: b"\0\1\2\xffA" + s.encode() + b"\0",
    "a pickle": lambda s: pickle.dumps({"keys": [s] * 2}),
    "base64": lambda s: b"a = '" + base64.b64encode(b"xx" + s.encode() + b"yy") + b"'",
    "base64 in lines": lambda s: base64.encodebytes(b"0123456789" * 4 + s.encode() * 2),
    "an address": lambda s: b"https://host.invalid/?t=" + urllib.parse.quote(s, safe="").encode(),
    "JSON": lambda s: json.dumps({"a": s}).encode(),
}
PACKED: dict[str, Callable[[str], bytes]] = {
    "a zip": lambda s: zipped("in.py", line(s)),
    "a stored zip": lambda s: zipped("in.py", line(s), zipfile.ZIP_STORED),
    "a zip with much before it": lambda s: zipped("in.py", BIG.encode() * 2 + line(s)),
    "tar.gz": lambda s: tarred("in.py", line(s), "w:gz"),
    "tar.bz2": lambda s: tarred("in.py", line(s), "w:bz2"),
    "tar.xz": lambda s: tarred("in.py", line(s), "w:xz"),
}


@pytest.fixture
def scan(alone: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[Finding]]:
    """Looks into one file of the given name and contents."""
    monkeypatch.setenv("MY_SERVICE_TOKEN", OWN)
    root = tmp_path / "ws"
    root.mkdir()

    def look(content: bytes, name: str = "thing") -> list[Finding]:
        (root / "file").write_bytes(content)
        return list(Scanner(root).files("test", [(f"codes/{name}", root / "file")]))

    return look


def told(found: list[Finding]) -> str:
    """The one error that there must be, without the value in it."""
    errors = [one for one in found if one.level == ERROR]
    assert errors
    assert not [word for word in (TOKEN[5:], OWN, OWN[3:]) if word in "".join(map(str, found))]
    return str(errors[0])


@pytest.mark.parametrize("secret", [TOKEN, OWN], ids=["known format", "of this machine"])
@pytest.mark.parametrize("form", [*WRITTEN, *PACKED])
def test_it_is_found(scan: Callable[..., list[Finding]], form: str, secret: str) -> None:
    said = told(scan({**WRITTEN, **PACKED}[form](secret)))
    assert said.startswith("codes/thing:")
    assert ("Kaggle API token" if secret == TOKEN else "value of MY_SERVICE_TOKEN on this machine") in said


@pytest.mark.parametrize("form", [*WRITTEN, *PACKED])
def test_and_without_one_nothing_is(scan: Callable[..., list[Finding]], form: str) -> None:
    assert scan({**WRITTEN, **PACKED}[form]("what a nice day")) == []


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-32"])
def test_its_line_is_named_in_every_encoding(scan: Callable[..., list[Finding]], encoding: str) -> None:
    assert told(scan((LINES * 3 + f"A = '{TOKEN}'\r\n").encode(encoding))).startswith("codes/thing:4: ")


def test_a_name_is_looked_at_and_not_repeated(scan: Callable[..., list[Finding]]) -> None:
    assert "KGAT" in told(scan(b"", f"run-{TOKEN}.txt"))
    assert "in its name" in told(scan(b"", f"run-{TOKEN}.txt"))
    inside = scan(tarred(f"run-{TOKEN}", b"", "w:gz"))
    assert "in its name, in run-KGAT… inside it" in told(inside)
    assert "value of MY_SERVICE_TOKEN" in told(scan(tarred(f"a{OWN}", b"", "w:gz")))


def test_files_of_credentials_are_known_in_archives_too(scan: Callable[..., list[Finding]]) -> None:
    assert "file of credentials (by its name, in home/.netrc inside it)" in told(
        scan(zipped("home/.netrc", b"x"))
    )


@pytest.mark.parametrize(
    "content",
    [
        b"\x1f\x8bdamaged",
        b"PK\x03\x04damaged",
        b"BZhdamaged",
        b"\xfd7zXZ\0damaged",
        b"7z\xbc\xaf\x27\x1c and no more",
        b"Rar!\x1a\x07 and no more",
        b"\x28\xb5\x2f\xfd and no more",
        gzip.compress(line(TOKEN))[:-20],
        gzip.compress(bytes(range(256)) * 9000)[:-20],
        zipped("7.zip", b"7z\xbc\xaf\x27\x1c"),
        b"PAR1 and no more",
        b"ARROW1\0\0 and no more",
        b"ORC\n and no more",
        lz4_frame := b"\x04\x22\x4d\x18 and no more",
        tarred("a.lz4", lz4_frame, "w:gz"),
    ],
    ids=[
        *("gz", "zip", "bz2", "xz", "7z", "rar", "zst", "cut", "cut later", "7z in a zip"),
        *("parquet", "arrow", "orc", "lz4", "lz4 in a tar"),
    ],
)
def test_what_can_not_be_looked_into_is_said(scan: Callable[..., list[Finding]], content: bytes) -> None:
    [found] = [one for one in scan(content) if one.name == "not-searched"]
    assert found.level == "warning"


def test_what_can_be_read_of_such_a_file_is_in_archives_too(scan: Callable[..., list[Finding]]) -> None:
    table = b"PAR1\0\1\2\xff" + TOKEN.encode() + b"\0PAR1"
    assert {one.name for one in scan(table)} == {"secret", "not-searched"}
    assert {one.name for one in scan(zipped("a.parquet", table))} == {"secret", "not-searched"}


def test_many_of_them_are_one_sentence_with_their_number(alone: Path) -> None:
    files = [alone / f"{number}.parquet" for number in range(4)]
    for path in files:
        path.write_bytes(b"PAR1 and no more")
    look = Scanner(alone, alone / "cache")
    for count, said in (
        (1, "of this file could"),
        (2, "and of 1 more file in"),
        (4, "and of 3 more files in"),
    ):
        # The second look is answered from what the first one kept.
        for _ in range(2):
            [found] = look.files("test", [(path.name, path) for path in files[:count]])
            assert (found.name, found.path) == ("not-searched", "0.parquet")
            assert said in found.sentence


def test_a_locked_member_is_said_and_its_name_looked_at(scan: Callable[..., list[Finding]]) -> None:
    content = bytearray(zipped(f"{TOKEN}.txt", b"x" * 30))
    for at, offset in ((content.find(b"PK\x03\x04"), 6), (content.find(b"PK\x01\x02"), 8)):
        content[at + offset] |= 1
    found = scan(bytes(content))
    assert {one.name for one in found} == {"secret", "not-searched"}


def read_whole(content: bytes, budget: archives.Budget) -> int:
    return sum(len(member.read()) for _, member in archives.members(io.BytesIO(content), budget))


def test_a_bomb_costs_no_more_than_its_budget() -> None:
    for packed in (zipped("zeros", bytes(4 << 20)), tarred("a", bytes(4 << 20), "w:xz")):
        budget = archives.Budget(left=1 << 20)
        assert read_whole(packed, budget) <= 1 << 20
        assert not budget.whole
        budget = archives.Budget()
        assert read_whole(packed, budget) == 4 << 20
        assert budget.whole


@pytest.mark.parametrize(
    "content",
    [
        zipped("in.zip", zipped("in.py", b"x")),
        tarred("in.tgz", tarred("in.py", b"x", "w:gz")),
        gzip.compress(b"x", mtime=0),
    ],
)
def test_an_archive_inside_an_archive_is_reported_as_not_searched(
    scan: Callable[..., list[Finding]], content: bytes
) -> None:
    assert [one.name for one in scan(content)] == ["not-searched"]
