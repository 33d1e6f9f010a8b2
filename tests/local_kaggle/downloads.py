"""Files as the client fetches them: signed addresses below `/_storage/`, zips and tars made on demand."""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
import secrets
import tarfile
import tempfile
import urllib.parse
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

from tests.local_kaggle.errors import ApiError
from tests.local_kaggle.store import files_of, write_atomic

if TYPE_CHECKING:
    from collections.abc import Callable


class Downloads:
    """Addresses carry their own proof, as signed storage addresses do: no token is asked for when they are opened."""

    def __init__(self, root: Path) -> None:
        self._root = root.resolve()
        secret = root / "storage-secret"
        if not secret.exists():
            write_atomic(secret, secrets.token_hex(32))
        self._secret = secret.read_bytes()

    def path_of(self, file: Path, name: str | None = None) -> str:
        """The address, below the server's root URL, under which a file of the store can be fetched."""
        inside = file.resolve().relative_to(self._root).as_posix()
        where = base64.urlsafe_b64encode(inside.encode()).decode()
        return f"/_storage/{self._signature(where)}/{where}/{urllib.parse.quote(name or file.name)}"

    def open(self, signature: str, where: str) -> Path:
        """The file behind an address.

        Raises:
            ApiError: 403 for a wrong signature, 404 when the file is gone.
        """
        if not hmac.compare_digest(signature.encode(), self._signature(where).encode()):
            raise ApiError(403, "SignatureDoesNotMatch")
        file = self._root / base64.urlsafe_b64decode(where).decode()
        if not file.is_file():
            raise ApiError(404, "NoSuchKey")
        return file

    def _signature(self, where: str) -> str:
        return hmac.new(self._secret, where.encode(), hashlib.sha256).hexdigest()[:32]

    def zip_of(self, folder: Path, only: str | None = None) -> Path:
        """A zip of a folder's files, or of one of them, made once for each state of the folder."""
        return self._archive(folder, only, ".zip", _write_zip)

    def tar_of(self, folder: Path) -> Path:
        """A tar.gz of a folder's files, as models are downloaded."""
        return self._archive(folder, None, ".tar.gz", _write_tar)

    def _archive(
        self, folder: Path, only: str | None, suffix: str, write: Callable[[Path, Path, list[str]], None]
    ) -> Path:
        names = [name for name, _ in files_of(folder) if only in (None, name)]
        state = [(name, (folder / name).stat().st_mtime_ns, (folder / name).stat().st_size) for name in names]
        key = hashlib.sha256(repr((folder.resolve().as_posix(), only, state)).encode()).hexdigest()[:24]
        made = self._root / "cache" / f"{key}{suffix}"
        if not made.exists():
            handle, temporary = tempfile.mkstemp(dir=made.parent)
            os.close(handle)
            write(Path(temporary), folder, names)
            # Kaggle packs a version when it arrives: the archive is as old as its newest file.
            newest = max((when for _, when, _ in state), default=0)
            os.utime(temporary, ns=(newest, newest))
            os.replace(temporary, made)
        return made


def _write_zip(made: Path, folder: Path, names: list[str]) -> None:
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in names:
            archive.write(folder / name, name)


def _write_tar(made: Path, folder: Path, names: list[str]) -> None:
    with tarfile.open(made, "w:gz") as archive:
        for name in names:
            archive.add(folder / name, name)
