"""Write files of wheels to disk: the part of the installer that runs in several processes at once.

Started as a separate script (`python -I -S unpack.py`), because a notebook's kernel has threads and must not be forked,
and zlib is slower in threads than in processes. It imports only what every interpreter loads at its start. Jobs come on
standard input as `marshal` data: both ends are the same interpreter.
"""

from __future__ import annotations

import os
import sys
import zlib
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    import hashlib

PLAIN, STORED, DEFLATED = -1, 0, 8
NO_CRC = -1
_HEADER = 30
_BLOCK = 1 << 20
_AT_ONCE = 4 << 20

# file, offset, method, compressed, size, crc (NO_CRC: unknown), hash, destination, executable
Job = tuple[str, int, int, int, int, int, str, str, bool]
# destination, why, whether the wheel is to blame and not the disk
Problem = tuple[str, str, bool]


class Damaged(Exception):
    """The bytes differ from the checksum of the archive or its RECORD."""


def seek_contents(file: IO[bytes], offset: int, method: int) -> None:
    """Place `file` where a member's bytes begin: behind its local header, whose length the central directory can't know."""
    file.seek(offset)
    if method != PLAIN:
        header = file.read(_HEADER)
        if len(header) < _HEADER or header[:4] != b"PK\3\4":
            raise Damaged("it has no header where its archive says")
        file.seek(
            int.from_bytes(header[26:28], "little") + int.from_bytes(header[28:30], "little"), os.SEEK_CUR
        )


def contents(file: IO[bytes], offset: int, method: int, compressed: int, size: int, crc: int) -> bytes:
    """A member's bytes, unpacked and checked (`crc` may be NO_CRC); raises Damaged when they differ."""
    seek_contents(file, offset, method)
    data = file.read(compressed)
    if method == DEFLATED:
        data = _inflate(data, size)
    if len(data) != size or (crc != NO_CRC and zlib.crc32(data) != crc):
        raise Damaged("its checksum is wrong")
    return data


def write_one(job: Job, archive: IO[bytes]) -> None:
    """Write one file, which must not be there yet; raises Damaged or OSError."""
    _, offset, method, compressed, size, crc, promised, destination, executable = job
    with open(destination, "xb", buffering=0) as out:  # noqa: PTH123 - thousands of files: pathlib costs a tenth
        if compressed <= _AT_ONCE and size <= 4 * _AT_ONCE:
            data = contents(archive, offset, method, compressed, size, crc)
            if promised:
                digest = _digest(promised)
                digest.update(data)
                _match(promised, digest.digest())
            _write_all(out, data)
        else:
            _stream(job, archive, out)
    if executable:
        os.chmod(destination, 0o755)  # noqa: PTH101, S103 - as above; a command is there to be run by all


def write_all(jobs: list[Job]) -> Problem | None:
    """Write files, archive by archive, until one fails; returns that problem."""
    archive: IO[bytes] | None = None
    opened = ""
    try:
        for job in jobs:
            try:
                if archive is None or job[0] != opened:
                    if archive is not None:
                        archive.close()
                    archive, opened = open(job[0], "rb"), job[0]  # noqa: PTH123, SIM115 - stays open over many jobs
                write_one(job, archive)
            except (Damaged, EOFError) as error:
                return job[7], str(error), True
            except OSError as error:
                return job[7], str(error), False
        return None
    finally:
        if archive is not None:
            archive.close()


def _inflate(data: bytes, size: int) -> bytes:
    try:
        return zlib.decompress(data, -15, max(size, 1))
    except zlib.error as error:
        raise Damaged(f"it can't be unpacked: {error}") from error


def _stream(job: Job, archive: IO[bytes], out: IO[bytes]) -> None:
    """Write a large file block by block: a library of 2 GB must not need 2 GB of memory."""
    _, offset, method, compressed, size, crc, promised, _, _ = job
    seek_contents(archive, offset, method)
    inflate = zlib.decompressobj(-15) if method == DEFLATED else None
    digest = _digest(promised) if promised else None
    seen = checksum = 0
    while compressed > 0 and (block := archive.read(min(_BLOCK, compressed))):
        compressed -= len(block)
        try:
            data = inflate.decompress(block) if inflate else block
        except zlib.error as error:
            raise Damaged(f"it can't be unpacked: {error}") from error
        seen += len(data)
        checksum = zlib.crc32(data, checksum)
        if digest is not None:
            digest.update(data)
        _write_all(out, data)
    if seen != size or crc not in {NO_CRC, checksum}:
        raise Damaged("its checksum is wrong")
    if digest is not None:
        _match(promised, digest.digest())


def hash_text(algorithm: str, digest: bytes) -> str:
    """A digest as a RECORD writes it, `sha256=…`."""
    import base64

    return f"{algorithm}={base64.urlsafe_b64encode(digest).rstrip(b'=').decode()}"


def _digest(promised: str) -> hashlib._Hash:
    import hashlib

    try:
        return hashlib.new(promised.partition("=")[0])
    except ValueError as error:
        raise Damaged(f"its RECORD names an unknown hash ({promised.partition('=')[0]})") from error


def _match(promised: str, digest: bytes) -> None:
    if hash_text(promised.partition("=")[0], digest) != promised.rstrip("="):
        raise Damaged("it isn't the file that its RECORD lists")


def _write_all(out: IO[bytes], data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[out.write(view) :]


def main() -> int:
    """Read jobs, write files, report what went wrong; returns the exit code."""
    import marshal

    problem = write_all(marshal.load(sys.stdin.buffer))  # noqa: S302 - written by our own parent, never a file
    if problem is not None:
        sys.stdout.buffer.write(marshal.dumps(problem))
    return 0 if problem is None else 1


if __name__ == "__main__":
    sys.exit(main())
