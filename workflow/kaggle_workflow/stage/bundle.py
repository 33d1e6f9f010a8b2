"""The shim and the code tree as text that fits into a notebook's first cell.

A zip is not the same bytes on every machine, so the shim is identified by the fingerprint of its files.
"""

from __future__ import annotations

import base64
import io
import zipfile
import zlib
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path

import kaggle_shim
from kaggle_shim.manifest import FileEntry, fingerprint, scan
from kaggle_workflow import safe_paths

# Modules that only `kaggle_shim.collect` imports.
COLLECTOR = frozenset({"collecting.py", "pip.py", "resolve.py"})
# Modules that only `kaggle_shim.run` imports, for a plan that runs.
RUNNER = frozenset(
    {
        *("averaging.py", "blend.py", "blend_file.py", "evaluation.py"),
        *("launchers.py", "layering.py", "submission.py"),
    }
)
_EPOCH = (1980, 1, 1, 0, 0, 0)


SHIM = Path(kaggle_shim.__file__).parent


@lru_cache(maxsize=4)
def shim_files(folder: Path = SHIM) -> tuple[FileEntry, ...]:
    """The files of the runtime package, without byte code."""
    return tuple(entry for entry in scan(folder) if entry.path.endswith(".py"))


@lru_cache(maxsize=4)
def shim_fingerprint(folder: Path = SHIM) -> str:
    """Fingerprint of the runtime package, from its contents alone (SHA-256 in hex)."""
    return fingerprint(shim_files(folder))


def template_version() -> str:
    """Version and shim fingerprint, as plans and reports carry them."""
    return f"{kaggle_shim.__version__}+{shim_fingerprint()[:12]}"


@lru_cache(maxsize=4)
def pack_shim(role: str, folder: Path = SHIM) -> str:
    """The runtime package for a notebook of that role, packed, without what that role never imports."""
    left_out = RUNNER if role == "deps" else COLLECTOR
    names = [entry.path for entry in shim_files(folder) if entry.path not in left_out]
    return pack((f"kaggle_shim/{name}", folder / name) for name in names)


def pack(files: Iterable[tuple[str, Path]]) -> str:
    """Files as text: a zip, compressed as a whole (a fifth smaller than file by file), in base64."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for name, path in sorted(files):
            archive.writestr(zipfile.ZipInfo(name, _EPOCH), path.read_bytes())
    smallest = zlib.compressobj(level=9, memLevel=9)
    return base64.b64encode(smallest.compress(buffer.getvalue()) + smallest.flush()).decode("ascii")


def unpack(text: str, folder: Path) -> None:
    """Write the files of `pack` below `folder`; raises ValueError for any other text."""
    try:
        with zipfile.ZipFile(io.BytesIO(zlib.decompress(base64.b64decode(text)))) as archive:
            for name in archive.namelist():
                target = safe_paths.inside(folder, name)
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(archive.read(name))
    except (zlib.error, zipfile.BadZipFile) as error:
        raise ValueError(str(error)) from error
