"""What only one server can have: the folder of its state, and a port."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

import filelock

from tests.local_kaggle.errors import SetupError

if TYPE_CHECKING:
    from pathlib import Path


def locked(root: Path) -> filelock.FileLock:
    """Takes a root for one server; the lock of a killed one is gone with it. Raises SetupError when it is taken."""
    root.mkdir(parents=True, exist_ok=True)
    lock = filelock.FileLock(root / "server.lock", thread_local=False)
    try:
        lock.acquire(timeout=0)
    except filelock.Timeout as error:
        raise SetupError(f"Another local Kaggle serves {root}: end it, or take another --root.") from error
    return lock


def listening(port: int) -> socket.socket:
    """Takes a loopback port, 0 for a free one; raises OSError or OverflowError for one that is not to be had."""
    # Named by its protocol, since asyncio turns Nagle's algorithm off for no other socket.
    made = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.bind(("127.0.0.1", port))
        made.listen(128)
    except (OSError, OverflowError):
        made.close()
        raise
    return made
