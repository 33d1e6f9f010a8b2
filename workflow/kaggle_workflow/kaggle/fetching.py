"""Download lists of files: each whole or not at all; files that exist are skipped."""

from __future__ import annotations

import errno
import fnmatch
import lzma
import shutil
import struct
import threading
import zipfile
import zlib
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from queue import Empty, SimpleQueue

from kaggle_workflow import console, safe_paths
from kaggle_workflow.errors import KaggleRefused, Refused, WorkflowError
from kaggle_workflow.kaggle.values import RemoteFile

LARGE = 5_000_000_000
_SMALL_TABLE = 10_000_000
_TABLES = (".csv", ".tsv", ".parquet", ".feather", ".json", ".jsonl", ".xlsx", ".txt")
_FEW_TABLES = 20
_AT_ONCE = 4
# Sizes that Kaggle lists were seen to be rounded.
_MORE = 1_000_000
# What zipfile raises for archives that are damaged, encrypted, or of an unknown format.
_DAMAGED = (
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    EOFError,
    NotImplementedError,
    RuntimeError,
    ValueError,
    struct.error,
)


@dataclass(frozen=True)
class Item:
    """One file to download: its target, its size (None: unknown), and the function that downloads it."""

    name: str
    target: Path
    size: int | None
    fetch: Callable[[Path], None]

    @property
    def there(self) -> bool:
        """Whether it exists already, judged by its size."""
        return self.target.is_file() and (self.size is None or self.target.stat().st_size == self.size)


def items(
    folder: Path,
    files: Iterable[RemoteFile],
    only: tuple[str, ...],
    sample: int | None,
    fetch: Callable[[RemoteFile, Path], None],
) -> list[Item]:
    """The files to download into `folder`; raises KaggleRefused when one would be outside it."""
    wanted = [file for file in files if not only or any(fnmatch.fnmatch(file.name, glob) for glob in only)]
    if sample is not None:
        wanted = sampled(wanted, sample)
    return [
        Item(file.name, safe_paths.inside(folder, file.name), file.size, partial(fetch, file))
        for file in wanted
    ]


def sampled(files: list[RemoteFile], count: int) -> list[RemoteFile]:
    """`count` files of each folder, and every small table; a folder of many tables counts as data, not as tables."""
    by_folder: dict[str, list[RemoteFile]] = defaultdict(list)
    for file in files:
        by_folder[file.name.rpartition("/")[0]].append(file)
    chosen = set()
    for inside in by_folder.values():
        tables = [
            file
            for file in inside
            if file.name.lower().endswith(_TABLES) and (file.size or 0) <= _SMALL_TABLE
        ]
        if len(tables) <= _FEW_TABLES:
            chosen |= {file.name for file in tables}
        chosen |= {file.name for file in sorted(inside, key=lambda file: file.name)[:count]}
    return [file for file in files if file.name in chosen]


def check_size(wanted: list[Item], root: Path, *, yes: bool, allow: Iterable[str]) -> int:
    """Ask above 5 GB and refuse what does not fit on the disk; returns the bytes to download.

    Raises:
        Refused: `large-download`, not confirmed.
        WorkflowError: the disk is too small.
    """
    total = sum(item.size or 0 for item in wanted if not item.there)
    existing = next(path for path in (root, *root.parents) if path.exists())
    free = shutil.disk_usage(existing).free
    if total > free:
        raise WorkflowError(
            f"{console.size(total)} to download, and {existing} has {console.size(free)} free: free some space, or choose with --only or --sample."
        )
    if total > LARGE and "large-download" not in set(allow):
        sentence = f"{console.size(total)} to download: choose with --only or --sample, or confirm with --yes"
        if not console.confirm(f"{console.size(total)} to download. Continue?", yes=yes):
            raise Refused("large-download", sentence)
    return total


def fetch_all(wanted: list[Item], say: Callable[[str], None]) -> int:
    """Download the missing files; returns how many."""
    count = 0
    left = [item for item in wanted if not item.there]
    for number, item in enumerate(left, 1):
        say(
            f"[{number}/{len(left)}] {item.name}{'' if item.size is None else ', ' + console.size(item.size)}"
        )
        fetch(item)
        count += 1
    return count


def fetch_sources(sources: Mapping[str, list[Item]], say: Callable[[str], None]) -> int:
    """`fetch_all` for several sources at a time, by name; each has a connection of its own, in the functions of its items."""
    waiting: SimpleQueue[tuple[str, list[Item]]] = SimpleQueue()
    told: SimpleQueue[str | int | BaseException] = SimpleQueue()

    def work() -> None:
        with suppress(Empty):
            while True:
                name, wanted = waiting.get_nowait()

                def tell(line: str, name: str = name) -> None:
                    told.put(f"{name} {line}" if len(sources) > 1 else line)

                try:
                    told.put(fetch_all(wanted, tell))
                except BaseException as error:  # noqa: BLE001  # raised below, in the thread that waits
                    told.put(error)

    for one in sources.items():
        waiting.put(one)
    for _ in range(min(len(sources), _AT_ONCE)):
        # As a daemon, it does not outlive an interrupted command; what has arrived is resumed.
        threading.Thread(target=work, daemon=True).start()
    fetched, left = 0, len(sources)
    while left:
        result = told.get()
        if isinstance(result, BaseException):
            raise result
        if isinstance(result, str):
            say(result)
        else:
            fetched, left = fetched + result, left - 1
    return fetched


def fetch(item: Item) -> None:
    """Download one file, unpacked when Kaggle packed it; raises KaggleRefused when it can't be unpacked."""
    item.target.parent.mkdir(parents=True, exist_ok=True)
    arrived = item.target.with_name(f".{item.target.name}.arrived")
    try:
        item.fetch(arrived)
        whole = _unpacked(item, arrived)
        if whole != arrived:
            # First: a file that is in place is not checked again.
            arrived.unlink()
        whole.replace(item.target)
    finally:
        arrived.unlink(missing_ok=True)


def _unpacked(item: Item, arrived: Path) -> Path:
    """Kaggle sends some single files as a zip with one member of that name (kagglehub 1.0.2 unpacks such an answer).

    Returns:
        Where that member was unpacked; `arrived` itself when it is no such zip.
    """
    if item.target.suffix == ".zip" or arrived.stat().st_size == item.size or not zipfile.is_zipfile(arrived):
        return arrived
    part = item.target.with_name(f".{item.target.name}.unzip")
    named = False
    try:
        with zipfile.ZipFile(arrived) as archive:
            members = archive.infolist()
            named = (
                len(members) == 1 and members[0].filename.rsplit("/", 1)[-1] == item.name.rsplit("/", 1)[-1]
            )
            if not named:
                return arrived
            if item.size is not None and members[0].file_size > item.size + _MORE:
                raise _refused(
                    item,
                    f"of {console.size(members[0].file_size)}, and {console.size(item.size)} were announced",
                )
            with archive.open(members[0]) as source, part.open("wb") as file:
                shutil.copyfileobj(source, file)
    except (*_DAMAGED, OSError) as error:
        part.unlink(missing_ok=True)
        # EINVAL: it names a place before its beginning.
        if isinstance(error, OSError) and error.errno != errno.EINVAL:
            raise
        if named:
            raise _refused(item, f"that can't be unpacked ({error})") from error
        # Not an archive after all.
        return arrived
    return part


def _refused(item: Item, why: str) -> KaggleRefused:
    return KaggleRefused(f"{item.name} came as an archive {why}: it was discarded; run this again.")
