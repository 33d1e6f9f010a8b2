"""Small real wheels, made by hand: exactly the bytes a test wants, broken ones included."""

from __future__ import annotations

import base64
import hashlib
import io
import re
import shutil
import tarfile
import zipfile
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping
    from pathlib import Path

ANY = ("py3-none-any",)


def make_wheel(
    folder: Path,
    name: str,
    version: str = "1.0",
    files: Mapping[str, str | bytes] | None = None,
    *,
    tags: Iterable[str] = ANY,
    requires: Iterable[str] = (),
    entry_points: str = "",
    executable: Collection[str] = (),
    pure: bool = True,
    filename: str | None = None,
    dist_info: str | None = None,
) -> Path:
    """Write a wheel.

    Args:
        folder: where to; made when absent.
        name: of the project, in any spelling.
        version: with a local part if you like.
        files: contents by name; by default one module of the project's name that says its version.
        tags: lines of its WHEEL file.
        requires: its Requires-Dist lines.
        entry_points: text of entry_points.txt, "" for none.
        executable: names of the files with an exec bit.
        pure: Root-Is-Purelib.
        filename: another than the right one.
        dist_info: another metadata folder than the right one.

    Returns:
        Its path.
    """
    tags, requires = tuple(tags), tuple(requires)
    base = f"{name.replace('-', '_')}-{version}"
    info = dist_info or f"{base}.dist-info"
    if files is None:
        files = {f"{name.replace('-', '_')}/__init__.py": f"VERSION = {version!r}\n"}
    content = {key: value.encode() if isinstance(value, str) else value for key, value in files.items()}
    content[f"{info}/METADATA"] = "".join(
        [
            f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n",
            *(f"Requires-Dist: {line}\n" for line in requires),
            *(
                f"Provides-Extra: {extra}\n"
                for extra in sorted(
                    {found for line in requires for found in re.findall(r"extra == .(\w+)", line)}
                )
            ),
            "\nA description.\n\nName: not-this-one\n",
        ]
    ).encode()
    wheel = f"Wheel-Version: 1.0\nGenerator: wheelhouse\nRoot-Is-Purelib: {str(pure).lower()}\n"
    content[f"{info}/WHEEL"] = (wheel + "".join(f"Tag: {tag}\n" for tag in tags)).encode()
    if entry_points:
        content[f"{info}/entry_points.txt"] = entry_points.encode()
    record = [f"{key},{digest(value)},{len(value)}" for key, value in content.items()]
    content[f"{info}/RECORD"] = "\n".join([*record, f"{info}/RECORD,,", ""]).encode()
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / (filename or f"{base}-{tags[0]}.whl")
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for key, value in content.items():
            archive.writestr(entry(key, 0o755 if key in executable else 0o644), value)
    return path


def make_sdist(folder: Path, name: str, version: str = "1.0") -> Path:
    """Write a source distribution that builds without anything from an index: its backend lies inside."""
    base = f"{name}-{version}"
    backend = f"""
import zipfile

def build_wheel(folder, config_settings=None, metadata_directory=None):
    made = "{base}-py3-none-any.whl"
    info = "{base}.dist-info/"
    with zipfile.ZipFile(folder + "/" + made, "w") as wheel:
        wheel.writestr("{name}/__init__.py", "BUILT = True\\n")
        wheel.writestr(info + "METADATA", "Metadata-Version: 2.1\\nName: {name}\\nVersion: {version}\\n")
        wheel.writestr(info + "WHEEL", "Wheel-Version: 1.0\\nGenerator: x\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n")
        wheel.writestr(info + "RECORD", "{name}/__init__.py,,\\n")
    return made
"""
    files = {
        "PKG-INFO": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n",
        "pyproject.toml": '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n',
        "backend.py": backend,
    }
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{base}.tar.gz"
    with tarfile.open(path, "w:gz") as tar:
        for file, text in files.items():
            info = tarfile.TarInfo(f"{base}/{file}")
            info.size = len(text.encode())
            tar.addfile(info, io.BytesIO(text.encode()))
    return path


def entry(name: str, mode: int) -> zipfile.ZipInfo:
    """A member of a zip with a Unix mode; `ZipInfo` would make `/` of a backslash, so the name is set afterwards."""
    info = zipfile.ZipInfo("placeholder")
    info.filename = name
    info.create_system = 3
    info.external_attr = (0o100000 | mode) << 16
    info.compress_type = zipfile.ZIP_DEFLATED
    return info


def digest(content: bytes) -> str:
    """A hash as a RECORD writes it."""
    return "sha256=" + base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()


def unpack(wheel: Path, folder: Path | None = None) -> Path:
    """What Kaggle makes of a wheel now and then: a folder of the same name, in place of the file."""
    target = folder or wheel.with_name(wheel.name + ".unpacked")
    shutil.unpack_archive(wheel, target, "zip")
    if folder is None:
        wheel.unlink()
        return target.rename(wheel)
    return target


def rewrite(wheel: Path, changes: Mapping[str, bytes | None]) -> None:
    """Change, add or (None) remove members of a wheel and leave its RECORD as it is."""
    with zipfile.ZipFile(wheel) as archive:
        content = {info.filename: (info, archive.read(info)) for info in archive.infolist()}
    with zipfile.ZipFile(wheel, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, (info, old) in content.items():
            new = changes.get(name, old)
            if new is not None:
                archive.writestr(info, new)
        for name, new in changes.items():
            if name not in content and new is not None:
                archive.writestr(entry(name, 0o644), new)
