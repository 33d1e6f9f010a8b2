"""Write files of wheels to disk: the part of the installer that runs in several processes at once.

Started as a separate script (`python -I -S unpack.py`), because a notebook's kernel has threads and must not be forked,
and zlib is slower in threads than in processes. It imports only what every interpreter loads quickly. Jobs come on
standard input as `marshal` data: both ends are the same interpreter.
"""

from __future__ import annotations

import os
import sys
import zlib
from itertools import groupby
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

PLAIN, STORED, DEFLATED = -1, 0, 8
NO_CRC = -1
_HEADER = 30
_BLOCK = 1 << 20

# file, offset, method, compressed, size, crc (NO_CRC: unknown), hash, destination, executable
Job = tuple[str, int, int, int, int, int, str, str, bool]
# destination, why, what to do
Problem = tuple[str, str, str]


class Damaged(Exception):
    """The bytes differ from the checksum of the archive or its RECORD."""


def contents(
    file: IO[bytes], offset: int, method: int, compressed: int, size: int, crc: int
) -> Iterator[bytes]:
    """A member's bytes, unpacked, block by block: a library of 2 GB must not need 2 GB of memory.

    Raises Damaged behind the last block when they differ from `crc` (unless that is NO_CRC) or `size`.
    """
    file.seek(offset)
    if method != PLAIN:
        # The length of the local header is known here only.
        header = file.read(_HEADER)
        if len(header) < _HEADER or header[:4] != b"PK\3\4":
            raise Damaged("its header is missing")
        names = int.from_bytes(header[26:28], "little") + int.from_bytes(header[28:30], "little")
        file.seek(names, os.SEEK_CUR)
    inflate = zlib.decompressobj(-15) if method == DEFLATED else None
    seen = checksum = 0
    while compressed > 0 and (data := file.read(min(_BLOCK, compressed))):
        compressed -= len(data)
        if inflate is not None:
            try:
                data = inflate.decompress(data)
            except zlib.error as error:
                raise Damaged(f"it can't be unpacked: {error}") from error
        seen += len(data)
        checksum = zlib.crc32(data, checksum)
        yield data
    if seen != size or crc not in {NO_CRC, checksum}:
        raise Damaged("its checksum is wrong")


def write_one(job: Job, archive: IO[bytes]) -> None:
    """Write one file, which must not be there yet; raises Damaged or OSError."""
    _, offset, method, compressed, size, crc, promised, destination, executable = job
    digest = None
    if promised:
        import hashlib

        try:
            digest = hashlib.new(promised.partition("=")[0])
        except ValueError as error:
            raise Damaged(f"its RECORD names an unknown hash ({promised.partition('=')[0]})") from error
    with open(destination, "xb") as out:  # noqa: PTH123 - thousands of files: pathlib costs a tenth
        for data in contents(archive, offset, method, compressed, size, crc):
            if digest is not None:
                digest.update(data)
            out.write(data)
    if digest is not None and hash_text(digest.name, digest.digest()) != promised.rstrip("="):
        raise Damaged("it doesn't match the hash in its RECORD")
    if executable:
        os.chmod(destination, 0o755)  # noqa: PTH101, S103 - as above; a command is there to be run by all


def write_all(jobs: list[Job]) -> Problem | None:
    """Write files, archive by archive, until one fails; returns that problem."""
    for path, group in groupby(jobs, key=lambda job: job[0]):
        of_one = list(group)
        destination = of_one[0][7]
        try:
            with open(path, "rb") as archive:  # noqa: PTH123 - as above
                for job in of_one:
                    destination = job[7]
                    write_one(job, archive)
        except Damaged as error:
            return destination, str(error), "upload the wheel again"
        except OSError as error:
            return problem_of(destination, error)
    return None


def problem_of(destination: str, error: OSError) -> Problem:
    """What to say about a file that can't be written."""
    if isinstance(error, FileExistsError):
        return destination, "the environment has a file of that name", "remove that wheel"
    return destination, str(error), "check that the disk has room and is writable"


def hash_text(algorithm: str, digest: bytes) -> str:
    """A digest as a RECORD writes it, `sha256=…`."""
    import base64

    return f"{algorithm}={base64.urlsafe_b64encode(digest).rstrip(b'=').decode()}"


def main() -> None:
    """Read jobs, write files, report what went wrong."""
    import marshal

    problem = write_all(marshal.load(sys.stdin.buffer))  # noqa: S302 - written by our own parent, never a file
    if problem is not None:
        sys.stdout.buffer.write(marshal.dumps(problem))


if __name__ == "__main__":
    main()
