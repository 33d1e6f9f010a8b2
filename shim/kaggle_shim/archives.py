"""The files of a wheel, whether it is still a zip or has become a folder."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import NamedTuple

from kaggle_shim import unpack
from kaggle_shim.errors import WheelError

_ENCRYPTED = 0x1
# Absolute, a drive (on Windows any character before a colon), a backslash or NUL, or a part that is empty, "." or "..".
_SUSPECT = re.compile(r"\A(?s:.):|[\\\0]|(?:\A|/)\.{0,2}(?:/|\Z)")
_MADE_TO_RUN = (b"\x7fELF", b"#!")


class Member(NamedTuple):
    """One file of a wheel; a tuple, because wheels have thousands.

    Attributes:
        name: its path inside the wheel, posix.
        file: where its bytes are: the zip, or the file itself in a folder.
        offset: of its local header in the zip, 0 in a folder.
        method: how it is compressed, one of `unpack`'s numbers.
        compressed: bytes in the zip.
        size: bytes when unpacked.
        crc: CRC-32 of what is unpacked, `unpack.NO_CRC` in a folder.
        executable: whether it is meant to be run.
    """

    name: str
    file: str
    offset: int
    method: int
    compressed: int
    size: int
    crc: int
    executable: bool


def is_safe(name: str) -> bool:
    """Whether a path (posix) from an archive or its RECORD stays inside its folder, on Windows too."""
    return _SUSPECT.search(name) is None


def zip_members(path: Path) -> tuple[Member, ...]:
    """List a zip from its central directory; nothing is unpacked.

    Of a name that appears twice the later one counts, as with pip.

    Raises:
        WheelError: it is not a zip, it is cut off, or a member is encrypted or would land outside its folder.
    """
    import zipfile

    try:
        with zipfile.ZipFile(path) as archive:
            infos = archive.infolist()
    except (zipfile.BadZipFile, OSError, NotImplementedError, UnicodeDecodeError) as error:
        raise WheelError(
            f"{path.name} is truncated or is no zip ({error}): build and upload it again."
        ) from error
    members = {}
    for info in infos:
        if info.filename.endswith("/"):
            continue
        if not is_safe(info.filename):
            raise WheelError(
                f"{path.name} has a file that would land outside its folder, {info.filename!r}: don't use this wheel."
            )
        if info.flag_bits & _ENCRYPTED or info.compress_type not in {unpack.STORED, unpack.DEFLATED}:
            raise WheelError(
                f"{path.name} is encrypted or compressed in a way that wheels don't use ({info.filename}): build it again with pip wheel."
            )
        members[info.filename] = Member(
            info.filename,
            str(path),
            info.header_offset,
            info.compress_type,
            info.compress_size,
            info.file_size,
            info.CRC,
            bool(info.external_attr >> 16 & 0o111),
        )
    return tuple(members.values())


def folder_members(folder: Path) -> tuple[Member, ...]:
    """List a wheel that became a folder. Kaggle drops exec bits, so programs are recognised by their first bytes."""
    members = []
    for parent, _, names in os.walk(folder):
        for path in (Path(parent, name) for name in names):
            with path.open("rb") as file:
                runs = file.read(4).startswith(_MADE_TO_RUN)
            name, size = path.relative_to(folder).as_posix(), path.stat().st_size
            members.append(Member(name, str(path), 0, unpack.PLAIN, size, size, unpack.NO_CRC, runs))
    return tuple(sorted(members))


def read_member(member: Member) -> bytes:
    """The whole contents of a member, checked against its CRC.

    Raises:
        WheelError: the bytes differ from the archive's checksum.
    """
    try:
        with Path(member.file).open("rb") as file:
            return b"".join(unpack.contents(file, *member[2:7]))
    except (unpack.Damaged, OSError) as error:
        raise WheelError(
            f"{Path(member.file).name} is damaged at {member.name} ({error}): upload it again."
        ) from error


def extract(archive: Path, folder: Path, suffix: str = "") -> list[Path]:
    """Extract the files whose names end in `suffix` from a zip or tar that Kaggle left packed.

    Raises WheelError when the archive is damaged. Names that lead out of `folder` are not extracted there.
    """
    import tarfile
    import zipfile
    import zlib

    try:
        # In this order: a plain tar with a wheel at its end passes for a zip.
        if tarfile.is_tarfile(archive):
            with tarfile.open(archive) as tar:
                # Python before 3.10.12 has no filter.
                tar.extraction_filter = getattr(tarfile, "data_filter", lambda member, _: member)
                found = [
                    item
                    for item in tar
                    if item.isfile()
                    and item.name.lower().endswith(suffix)
                    and is_safe(item.name.removeprefix("./"))
                ]
                tar.extractall(folder, found)  # noqa: S202 - filtered above
                return [folder / item.name for item in found]
        with zipfile.ZipFile(archive) as packed:
            names = [info.filename for info in packed.infolist() if not info.is_dir()]
            return [Path(packed.extract(name, folder)) for name in names if name.lower().endswith(suffix)]
    except (zipfile.BadZipFile, tarfile.TarError, zlib.error, OSError, EOFError, RuntimeError) as error:
        # RuntimeError: encrypted, or packed in a way that this Python lacks.
        raise WheelError(f"{archive.name} is damaged ({error}): upload it again.") from error
