"""Upload files to Kaggle's storage: resume after a break, and fail when nothing more arrives.

Kaggle gives an address and a token for each file (`StartBlobUpload`); the file goes to the address by Google's resumable
protocol (PUT with Content-Range; 308 and a Range header say how much is there), and the token names it in the call that makes
the version. The next command resumes what an interrupted one had uploaded, identified by its content.
"""

from __future__ import annotations

import contextlib
import json
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from kaggle_shim.manifest import hash_file
from kaggle_workflow import files, progress
from kaggle_workflow.errors import KaggleRefused, Unreachable
from kaggle_workflow.kaggle import http
from kaggle_workflow.kaggle.errors import RATE_LIMIT, AnswerLost

# Pauses after a break before asking how much has arrived (seconds). Progress restarts them; after the last the upload fails.
PAUSES = (0.0, 1.0, 2.0, 4.0, 8.0, 15.0, 30.0, 60.0, 60.0)
# How long an address is reused: Google keeps an unfinished upload for a week.
_DAYS = 6 * 86400.0
_INCOMPLETE = 308
_GONE = (404, 410)
_SERVER_FAULT = 500

# Asks Kaggle for an address; takes name, size and time of the last change (seconds since 1970) of a file.
Start = Callable[[str, int, int], Any]


class _Expired(Exception):
    """Storage no longer has the upload."""


@dataclass(frozen=True)
class _Ticket:
    """The address to upload a file to, and the token that names it afterwards."""

    token: str
    address: str


class Uploads:
    """The files of one version.

    Args:
        start: asks Kaggle for an address.
        memory: a private folder that stores addresses until the version is made; an address lets anyone upload.
    """

    def __init__(self, start: Start, memory: Path) -> None:
        self._start, self._memory = start, memory
        self._notes: list[Path] = []

    def send(self, path: Path, name: str, what: str) -> str:
        """Upload one file; content that was uploaded before is not sent again.

        Args:
            path: the file.
            name: its name on Kaggle.
            what: its name in messages, such as `exp001.py`.

        Returns:
            The token of the whole upload.

        Raises:
            KaggleRefused: storage refused it.
            Unreachable: nothing arrived for minutes, or storage failed.
        """
        content = f"{name}\0{hash_file(path)}"
        note = self._memory / f"{sha256(content.encode()).hexdigest()}.json"
        self._notes.append(note)
        ticket = _read(note)
        for _ in range(3):
            resumed = ticket is not None
            if ticket is None:
                ticket = self._new_ticket(path, name)
                _write(note, ticket)
            try:
                _Upload(path, ticket.address, what).run(resumed=resumed)
            except _Expired:
                note.unlink(missing_ok=True)
                ticket = None
            except KaggleRefused:
                note.unlink(missing_ok=True)
                raise
            else:
                return ticket.token
        raise KaggleRefused(
            f"The upload of {what} failed, and no version was made: Kaggle's storage no longer has it. Run this again."
        )

    def forget(self) -> None:
        """Remove the addresses: the version is made, or Kaggle refused it."""
        for note in self._notes:
            note.unlink(missing_ok=True)

    def _new_ticket(self, path: Path, name: str) -> _Ticket:
        about = path.stat()
        answer = self._start(name, about.st_size, int(about.st_mtime))
        if not answer.create_url or not answer.token:
            raise AnswerLost(
                "Kaggle gave no address to upload to: check your network for a proxy or a login page, then run this again."
            )
        return _Ticket(str(answer.token), str(answer.create_url))


def _read(note: Path) -> _Ticket | None:
    try:
        if time.time() - note.stat().st_mtime > _DAYS:
            return None
        value = json.loads(note.read_text(encoding="utf-8"))
        return _Ticket(str(value["token"]), str(value["address"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _write(note: Path, ticket: _Ticket) -> None:
    """Store an address; if that fails, an interrupted upload starts over."""
    with contextlib.suppress(OSError):
        note.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        files.write_text(note, json.dumps({"token": ticket.token, "address": ticket.address}))


class _Upload:
    """One file uploaded to one address."""

    def __init__(self, path: Path, address: str, what: str) -> None:
        self._path, self._address, self._what = path, address, what
        self._size = path.stat().st_size
        self._arrived = self._in_vain = 0
        self._status: int | None = None

    def run(self, *, resumed: bool) -> None:
        """Send until everything has arrived; raises _Expired, KaggleRefused or Unreachable."""
        if resumed and self._ask():
            return
        while not self._put():
            while True:
                self._pause()
                known = self._ask()
                if known:
                    return
                if known is not None:
                    break

    def _put(self) -> bool:
        """Send what is missing; returns whether storage has all of it."""
        headers = {"Content-Type": "application/octet-stream"}
        if self._size:
            headers["Content-Range"] = f"bytes {self._arrived}-{self._size - 1}/{self._size}"
        with self._path.open("rb") as file:
            file.seek(self._arrived)
            body = progress.Sending(file, self._size - self._arrived) if self._size else b""
            return self._is_complete(self._request(headers, body))

    def _ask(self) -> bool | None:
        """Whether everything has arrived; None when storage did not answer."""
        answer = self._request({"Content-Range": f"bytes */{self._size}"}, b"")
        if self._is_complete(answer):
            return True
        if answer is None or answer.status_code != _INCOMPLETE:
            return None
        there = answer.headers.get("Range")
        arrived = int(there.rpartition("-")[2]) + 1 if there else 0
        if arrived > self._arrived:
            self._in_vain = 0
        # Everything arrived but the upload is not complete: send the whole file again.
        self._arrived = arrived if arrived < self._size else 0
        return False

    def _request(self, headers: dict[str, str], body: Any) -> Any:
        """The answer to a PUT, None when the connection broke."""
        import requests

        try:
            limits = (http.CONNECT_SECONDS, http.READ_SECONDS)
            return requests.put(self._address, data=body, headers=headers, timeout=limits)
        except requests.RequestException:
            return None

    def _is_complete(self, answer: Any) -> bool:
        if answer is None:
            self._status = None
            return False
        self._status = code = int(answer.status_code)
        if answer.ok and code != _INCOMPLETE:
            return True
        if code in _GONE:
            raise _Expired
        if code in (_INCOMPLETE, RATE_LIMIT) or code >= _SERVER_FAULT:
            return False
        raise KaggleRefused(
            f"The upload of {self._what} failed, and no version was made: Kaggle's storage refused it "
            f"(HTTP {code}). Run this again."
        )

    def _pause(self) -> None:
        if self._in_vain == len(PAUSES):
            nothing = f"The upload of {self._what} failed, and no version was made"
            if self._status in (None, _INCOMPLETE):
                raise Unreachable(
                    f"{nothing}: the connection broke again and again. Check your network, then run this again; it resumes where it stopped."
                )
            raise Unreachable(
                f"{nothing}: Kaggle's storage failed (HTTP {self._status}). Run this again in a few minutes."
            )
        pause = PAUSES[self._in_vain]
        self._in_vain += 1
        after = f" in {pause:.0f} s" if pause else ""
        print(f"The upload of {self._what} was interrupted; resuming{after}.", file=sys.stderr)
        time.sleep(pause)
