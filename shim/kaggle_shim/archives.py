"""What a wheel consists of, whether it is still a zip or has become a folder, and where each part may land."""

from __future__ import annotations

import os
import re
import stat
from pathlib import Path
from typing import NamedTuple

from kaggle_shim import unpack
from kaggle_shim.errors import WheelError

_ENCRYPTED = 0x1
# Windows takes any one character before a colon for a drive.
_DRIVE = re.compile(r".:", re.DOTALL)
# Absolute, a drive, a backslash or NUL, or a part that is empty, "." or "..".
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


def unsafe(name: str) -> str | None:
    """Why a path (posix) from an archive or its RECORD could land outside its folder; None when it can't."""
    if _SUSPECT.search(name) is None:
        return None
    if name.startswith("/") or _DRIVE.match(name):
        return "is an absolute path"
    if "\\" in name or "\0" in name:
        return "has a character in it that no path has"
    return "leaves its folder or isn't spelled out"


def zip_members(path: Path) -> tuple[Member, ...]:
    """List a zip from its central directory; nothing is unpacked.

    A name that appears twice stands for the later one, as it does for pip.

    Raises:
        WheelError: it is not a zip, it is cut off, or a member is encrypted, a link, or would land outside its folder.
    """
    import zipfile

    try:
        with zipfile.ZipFile(path) as archive:
            infos = archive.infolist()
    except (zipfile.BadZipFile, OSError, NotImplementedError, UnicodeDecodeError) as error:
        raise WheelError(
            f"{path.name} is cut off or is not a zip ({error}): make and upload it again."
        ) from error
    members = {}
    for info in infos:
        if info.filename.endswith("/"):
            continue
        _refuse_unsafe(path, info.filename)
        mode = info.external_attr >> 16
        if stat.S_ISLNK(mode):
            raise WheelError(
                f"{path.name} has a link in it, {info.filename}: wheels hold files only, build it again."
            )
        if info.flag_bits & _ENCRYPTED:
            raise WheelError(f"{path.name} is encrypted ({info.filename}): make it again without a password.")
        if info.compress_type not in {unpack.STORED, unpack.DEFLATED}:
            raise WheelError(
                f"{path.name} is packed in a way that wheels are not ({info.filename}): build it again with pip wheel."
            )
        members[info.filename] = Member(
            info.filename,
            str(path),
            info.header_offset,
            info.compress_type,
            info.compress_size,
            info.file_size,
            info.CRC,
            bool(mode & 0o111),
        )
    return tuple(members.values())


def folder_members(folder: Path) -> tuple[Member, ...]:
    """List a wheel that became a folder.

    Kaggle loses exec bits (KAGGLE.md §5), so what is made to be run is told by its first bytes.

    Raises:
        WheelError: there is a link in it.
    """
    members = []
    for parent, folders, names in os.walk(folder):
        for name in [*folders, *names]:
            if Path(parent, name).is_symlink():
                raise WheelError(
                    f"{folder.name} has a link in it, {name}: wheels hold files only, build it again."
                )
        for name in names:
            path = Path(parent, name)
            with path.open("rb") as file:
                start = file.read(4)
            relative = path.relative_to(folder).as_posix()
            _refuse_unsafe(folder, relative)
            size = path.stat().st_size
            members.append(
                Member(
                    relative,
                    str(path),
                    0,
                    unpack.PLAIN,
                    size,
                    size,
                    unpack.NO_CRC,
                    start.startswith(_MADE_TO_RUN),
                )
            )
    return tuple(sorted(members, key=lambda member: member.name))


def read_member(member: Member) -> bytes:
    """The whole contents of a member, checked against its CRC.

    Raises:
        WheelError: the bytes are not those the archive promises.
    """
    try:
        with Path(member.file).open("rb") as file:
            return unpack.contents(
                file, member.offset, member.method, member.compressed, member.size, member.crc
            )
    except (unpack.Damaged, OSError) as error:
        raise WheelError(
            f"{Path(member.file).name} is damaged at {member.name} ({error}): upload it again."
        ) from error


def take_wheels(archive: Path, scratch: Path) -> tuple[Path, ...]:
    """Take the wheels out of a zip or tar that the server left packed, into `scratch`; raises WheelError for a damaged one."""
    import tarfile
    import zipfile
    import zlib

    target = scratch / archive.name
    try:
        # Asked in this order: a plain tar with a wheel at its end passes for a zip.
        if tarfile.is_tarfile(archive):
            with tarfile.open(archive) as tar:
                found = [
                    (item.name, tar.extractfile(item))
                    for item in tar
                    if item.isfile() and _is_wheel(item.name)
                ]
                return tuple(
                    _save(target / str(i), name, file.read()) for i, (name, file) in enumerate(found) if file
                )
        with zipfile.ZipFile(archive) as packed:
            names = [info.filename for info in packed.infolist() if _is_wheel(info.filename)]
            return tuple(_save(target / str(i), name, packed.read(name)) for i, name in enumerate(names))
    except (zipfile.BadZipFile, tarfile.TarError, zlib.error, OSError, EOFError) as error:
        raise WheelError(f"{archive.name} is damaged ({error}): upload the wheels again.") from error


def _is_wheel(name: str) -> bool:
    return name.lower().endswith(".whl")


def _save(folder: Path, name: str, content: bytes) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / re.split(r"[/\\]", name)[-1]
    path.write_bytes(content)
    return path


def _refuse_unsafe(path: Path, name: str) -> None:
    reason = unsafe(name)
    if reason:
        raise WheelError(
            f"{path.name} has a file that would land outside its folder: {name!r} {reason}; don't use this wheel."
        )
