"""Uploads: an address and a token are given out, the bytes come by resumable PUT (308 with Range)."""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kagglesdk.blobs.types.blob_api_service import ApiStartBlobUploadResponse
from starlette.requests import ClientDisconnect

from tests.local_kaggle.errors import ApiError
from tests.local_kaggle.records import Blob

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable

    from kagglesdk.kaggle_object import KaggleObject

    from tests.local_kaggle.faults import Fault
    from tests.local_kaggle.wire import Reply
    from tests.local_kaggle.world import Caller, Handlers, World


_LONGEST_NAME = 200
"""Bytes; file systems take 255, and a temporary file's name is longer than the file's own."""


class ConnectionDropped(Exception):
    """The request is to end without an answer."""


def start(world: World, caller: Caller, name: str, size: int, last_modified: int) -> tuple[str, str]:
    """Begins an upload; returns its token and the address for the bytes.

    Raises:
        ApiError: 401 when nobody is signed in, 400 for a name that no file can have or a negative size.
    """
    owner = caller.required()
    if size < 0:
        raise ApiError(400, f"Invalid content length {size}")
    token = secrets.token_hex(16)
    blob = Blob(token, file_name(name.rpartition("/")[2]), size, owner, last_modified=last_modified)
    world.store.blob_path(token).touch()
    world.store.save_blob(blob)
    return token, f"{caller.base}/_upload/{token}"


def file_name(name: str) -> str:
    """The name of an uploaded file or folder.

    Raises:
        ApiError: 400 for one that leaves its folder, or that no file system takes.
    """
    if name in ("", ".", "..") or "/" in name or len(name.encode()) > _LONGEST_NAME:
        raise ApiError(400, f"Invalid file name '{name[:_LONGEST_NAME]}'")
    return name


def _start_blob_upload(world: World, caller: Caller, request: KaggleObject) -> Reply:
    answer = ApiStartBlobUploadResponse()
    answer.token, answer.create_url = start(
        world, caller, request.name, request.content_length, request.last_modified_epoch_seconds or 0
    )
    return answer


@dataclass(frozen=True)
class Progress:
    """How a PUT ends: status 200, or 308 with the bytes that are there."""

    status: int
    received: int

    @property
    def headers(self) -> dict[str, str]:
        """`Range` names the last byte that has arrived; absent when none has (both clients read it so)."""
        return {"Range": f"bytes=0-{self.received - 1}"} if self.status == 308 and self.received else {}


async def receive(
    world: World, token: str, content_range: str, chunks: AsyncIterator[bytes], fault: Fault | None
) -> Progress:
    """Takes one PUT of a resumable upload, as Google's storage does.

    Args:
        world: This Kaggle.
        token: From the upload's address.
        content_range: The header: `bytes */N` asks how far the upload is, `bytes A-B/N` continues it, none starts over.
        chunks: The body.
        fault: What is to go wrong.

    Raises:
        ApiError: 404 for an unknown upload, 400 for a bad range.
        ConnectionDropped: The fault resets the connection, or the client is gone.
    """
    blob = world.store.blob(token)
    if blob is None:
        raise ApiError(404, "Upload not found")
    offset = _offset(content_range, blob)
    if offset is None and 0 < blob.size <= blob.received:
        # The answer to the last byte was lost, not the file.
        blob.complete = True
        world.store.save_blob(blob)
    if offset is None or blob.complete:
        return Progress(200 if blob.complete else 308, blob.received)
    limit = fault.after_bytes if fault and fault.kind in ("reset_upload", "truncate_upload") else None
    path = world.store.blob_path(token)
    with path.open("r+b") as out:
        out.seek(offset)
        try:
            async for chunk in chunks:
                keep = chunk if limit is None else chunk[: max(limit - out.tell(), 0)]
                out.write(keep)
                if (
                    limit is not None
                    and fault is not None
                    and fault.kind == "reset_upload"
                    and len(keep) < len(chunk)
                ):
                    break
        except ClientDisconnect:
            # At least what is known already: the next request may have come before this one's end was seen.
            kept = out.tell() - out.tell() % world.behaviour.broken_upload_keeps
            blob.received = max(blob.received, offset, kept)
            world.store.save_blob(blob)
            raise ConnectionDropped from None
        out.truncate()
        blob.received = out.tell()
    if fault is not None and fault.kind == "reset_upload":
        world.store.save_blob(blob)
        raise ConnectionDropped
    blob.complete = blob.received >= blob.size or (fault is not None and fault.kind == "truncate_upload")
    world.store.save_blob(blob)
    if fault is not None and fault.kind == "lose_blob":
        world.store.lose_blob(token)
    return Progress(200 if blob.complete else 308, blob.received)


def _offset(content_range: str, blob: Blob) -> int | None:
    """Where the body goes; None when the request only asks."""
    if not content_range:
        return 0
    if re.fullmatch(r"bytes \*/(\d+|\*)", content_range):
        return None
    match = re.fullmatch(r"bytes (\d+)-(\d+)/(\d+|\*)", content_range)
    if not match or int(match[1]) > blob.received:
        raise ApiError(400, f"Invalid Content-Range '{content_range}'")
    return int(match[1])


def uploads_of(
    world: World, owner: str, files: Iterable[Any], directories: Iterable[Any]
) -> list[tuple[str, Path]]:
    """The uploaded files of a create call.

    Args:
        world: This Kaggle.
        owner: Who called; uploads of others are not to be had.
        files: ApiDatasetNewFile, at the top.
        directories: ApiUploadDirectoryInfo, as kagglehub sends them.

    Returns:
        Relative path and bytes of each file.

    Raises:
        ApiError: 400 for a token that is unknown, or not finished where Behaviour.incomplete_blobs refuses those.
    """
    found: list[tuple[str, Path]] = []
    for file in files or []:
        blob = upload_of(world, file.token, owner)
        if not blob.complete and world.behaviour.incomplete_blobs == "refused":
            raise ApiError(400, f"The upload of {blob.name} is not complete")
        found.append((blob.name, world.store.blob_path(blob.token)))
    for directory in directories or []:
        inside = uploads_of(world, owner, directory.files, directory.directories)
        found.extend((f"{file_name(directory.name)}/{name}", path) for name, path in inside)
    return found


def upload_of(world: World, token: str, owner: str) -> Blob:
    """The upload of a user; raises ApiError 400 for a token that is unknown or somebody else's."""
    blob = world.store.blob(token)
    if blob is None or blob.owner != owner:
        raise ApiError(400, "Invalid upload token")
    return blob


BLOBS: Handlers = {"StartBlobUpload": _start_blob_upload}
