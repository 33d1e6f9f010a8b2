"""kagglehub's uploads, made careful.

It gives up after five broken connections in all, however much arrived between them, and then publishes the file as far as it
came; it takes every status that it does not know for "all is there"; and where storage answers that nothing more has come it
sends the whole file again without end (all read in kagglehub 1.0.2, `gcs_upload`).
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from kaggle_workflow.errors import KaggleRefused, Unreachable
from kaggle_workflow.kaggle.errors import RATE_LIMIT

# kagglehub pauses for 1, 2, 4, … seconds after a break, up to a minute: with these it ends after three minutes without a byte.
TRIES_IN_VAIN = 7
_INCOMPLETE = 308
_SERVER_FAULT = 500


@contextmanager
def careful(name: str, timeout: tuple[float, float]) -> Iterator[None]:
    """Let an upload go on for as long as bytes arrive, and end it with a sentence when they do not.

    Args:
        name: the model, for the sentence.
        timeout: seconds to connect, and to wait for an answer.
    """
    from kagglehub import gcs_upload

    client: Any = gcs_upload
    known = {one: getattr(client, one) for one in ("MAX_RETRIES", "REQUEST_TIMEOUT", "_check_uploaded_size")}
    client.MAX_RETRIES, client.REQUEST_TIMEOUT = sys.maxsize, timeout
    client._check_uploaded_size = _Arrived(name, timeout)  # noqa: SLF001 - the one place where it asks how far an upload is
    try:
        yield
    finally:
        for one, value in known.items():
            setattr(client, one, value)


class _Arrived:
    """How much of an upload has arrived, asked after each break."""

    def __init__(self, name: str, timeout: tuple[float, float]) -> None:
        self._name, self._timeout = name, timeout
        self._address, self._arrived, self._in_vain = "", 0, 0

    def __call__(self, address: str, size: int) -> int:
        """The bytes that are there, `size` when that is all; raises Unreachable or KaggleRefused."""
        if address != self._address:
            self._address, self._arrived, self._in_vain = address, 0, 0
        arrived = self._ask(address, size)
        self._in_vain = 0 if arrived > self._arrived else self._in_vain + 1
        self._arrived = max(arrived, self._arrived)
        if self._in_vain > TRIES_IN_VAIN:
            raise Unreachable(
                f"The upload of the model {self._name} did not succeed and nothing was made of it: in {TRIES_IN_VAIN} tries not "
                "a byte more arrived. Look at your network, then run this again."
            )
        return self._arrived

    def _ask(self, address: str, size: int) -> int:
        import requests

        headers = {"Content-Length": "0", "Content-Range": f"bytes */{size}"}
        try:
            answer = requests.put(address, headers=headers, timeout=self._timeout)
        except requests.RequestException:
            return self._arrived
        if answer.status_code == _INCOMPLETE:
            there = answer.headers.get("Range")
            return int(there.rpartition("-")[2]) + 1 if there else 0
        if answer.ok:
            return size
        if answer.status_code >= _SERVER_FAULT or answer.status_code == RATE_LIMIT:
            return self._arrived
        raise KaggleRefused(
            f"The upload of the model {self._name} did not succeed and nothing was made of it: Kaggle's storage does not "
            f"know it any more (HTTP {answer.status_code}). Run this again."
        )
