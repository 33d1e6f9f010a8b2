"""Archives made by chance, broken by chance: searched for credentials and fetched from Kaggle without a traceback, nothing written outside."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import tarfile
import tempfile
import warnings
import zipfile
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kaggle_workflow.credentials.scan import Scanner
from kaggle_workflow.errors import KaggleRefused
from kaggle_workflow.kaggle import fetching
from tests import workspaces

TOKEN = "KGAT" + "_" + "c0ffee00c0ffee11c0ffee22c0ffee33"
NAMES = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=12) | st.sampled_from(
    [
        "../../out",
        "/etc/out",
        "a/../../out",
        "C:\\out",
        "a\\..\\out",
        "nul",
        ".",
        "..",
        "a//b",
        "x" * 300,
        "\0",
    ]
)
CONTENTS = st.binary(max_size=60) | st.sampled_from(
    [
        b"PK\x03\x04",
        b"PK\x05\x06" + bytes(18),
        b"\x1f\x8b\x08",
        b"BZh9",
        b"\xfd7zXZ\0",
        b"PAR1",
        bytes(257) + b"ustar",
    ]
)
MEMBERS = st.lists(st.tuples(NAMES, CONTENTS), max_size=3)
WRAPPED: dict[str, Callable[[bytes], bytes]] = {
    "": bytes,
    "gz": gzip.compress,
    "bz2": bz2.compress,
    "xz": lzma.compress,
}
Damage = tuple[int, list[tuple[int, int]]]
# What is done to the bytes afterwards: cut here, and these bytes (a place in percent, a value) changed.
DAMAGE = st.tuples(
    st.integers(0, 100), st.lists(st.tuples(st.integers(0, 99), st.integers(0, 255)), max_size=4)
)
QUICK = settings(
    max_examples=80,
    deadline=None,
    database=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


def zipped(members: list[tuple[str, bytes]], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of names that come twice
        for name, content in members:
            archive.writestr(zipfile.ZipInfo(name.replace("\0", "") or "a"), content, method)
    return buffer.getvalue()


def tarred(members: list[tuple[str, bytes]]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name, content in members:
            about = tarfile.TarInfo(name)
            about.size = len(content)
            archive.addfile(about, io.BytesIO(content))
            link = tarfile.TarInfo(f"{name} link")
            link.type, link.linkname = tarfile.SYMTYPE, name
            archive.addfile(link)
    return buffer.getvalue()


def damaged(content: bytes, damage: Damage) -> bytes:
    keep, changes = damage
    result = bytearray(content[: len(content) * keep // 100])
    for place, value in changes:
        if result:
            result[len(result) * place // 100] = value
    return bytes(result)


def write(content: bytes, target: Path) -> None:
    target.write_bytes(content)


KINDS = st.sampled_from([zipped, tarred])


@QUICK
@given(KINDS, st.sampled_from(sorted(WRAPPED)), MEMBERS, MEMBERS)
def test_a_credential_is_found_among_whatever_names_and_contents(
    tmp_path: Path,
    kind: Callable[[list[tuple[str, bytes]]], bytes],
    wrapped: str,
    before: list[tuple[str, bytes]],
    after: list[tuple[str, bytes]],
) -> None:
    path = tmp_path / "file"
    wrap = WRAPPED[wrapped] if kind is tarred else bytes
    path.write_bytes(wrap(kind([*before, ("in.py", f"a = '{TOKEN}'".encode()), *after])))
    found = Scanner(tmp_path).files("test", [("file", path)])
    assert {one.name for one in found if one.level == "error"} == {"secret"}
    assert not [one for one in found if TOKEN in str(one)]


@QUICK
@given(KINDS, st.sampled_from(sorted(WRAPPED)), MEMBERS, DAMAGE, DAMAGE)
def test_a_broken_one_is_looked_at_as_far_as_it_goes(
    tmp_path: Path,
    kind: Callable[[list[tuple[str, bytes]]], bytes],
    wrapped: str,
    members: list[tuple[str, bytes]],
    inner: Damage,
    outer: Damage,
) -> None:
    path = tmp_path / "file"
    path.write_bytes(damaged(WRAPPED[wrapped](damaged(kind(members), inner)), outer))
    found = Scanner(tmp_path).files("test", [("file", path)])
    assert {one.name for one in found} <= {"not-searched"}


@QUICK
@given(
    st.lists(st.tuples(NAMES, CONTENTS), min_size=1, max_size=2), DAMAGE, st.sampled_from([None, 5, 10_000])
)
def test_a_file_that_comes_packed_is_unpacked_in_its_place_or_left(
    members: list[tuple[str, bytes]], damage: Damage, size: int | None
) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name, "in", "data")
        # Half of them are called as the file itself is: those are unpacked.
        content = damaged(zipped([(f"{members[0][0]}/a.csv", members[0][1]), *members[1:]]), damage)
        item = fetching.Item("a.csv", folder / "a.csv", size, partial(write, content))
        with suppress(KaggleRefused):
            fetching.fetch_all([item], lambda _: None)
        assert set(workspaces.files_of(Path(name))) <= {"in/data/a.csv"}


def test_nor_does_any_broken_byte_of_one_end_otherwise(tmp_path: Path) -> None:
    whole = zipped([("a.csv", b"a,b" * 20)])
    target = tmp_path / "data" / "a.csv"
    refused = 0
    for place in range(len(whole)):
        for value in (0, 1, 99, 255):
            content = whole[:place] + bytes([value]) + whole[place + 1 :]
            item = fetching.Item("a.csv", target, None, partial(write, content))
            try:
                fetching.fetch_all([item], lambda _: None)
            except KaggleRefused:
                refused += 1
            else:
                # Unpacked, or no archive that names this file: then it is what Kaggle sent.
                assert target.read_bytes() in (b"a,b" * 20, content)
                target.unlink()
            assert list(target.parent.iterdir()) == []
    assert refused
