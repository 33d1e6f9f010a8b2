"""The requests that arrived, so that a test can count them."""

from __future__ import annotations

import dataclasses
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass(frozen=True)
class Request:
    """One request; `service` is "storage" for bytes, status 0 means that the connection was dropped, `body` is a call's JSON."""

    time: float
    service: str
    method: str
    path: str
    status: int
    request_bytes: int
    response_bytes: int
    seconds: float
    user: str
    user_agent: str
    fault: str = ""
    body: object = None

    def to_json(self) -> dict[str, object]:
        """For `/_local/requests`; without the body, which may hold a token."""
        return {name: value for name, value in dataclasses.asdict(self).items() if name != "body"}


class Journal:
    """Requests in the order in which they ended."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._requests: list[Request] = []

    def add(self, request: Request) -> None:
        """Writes one down."""
        with self._lock:
            self._requests.append(request)

    def clear(self) -> None:
        """Forgets them all."""
        with self._lock:
            self._requests.clear()

    def requests(self, service: str | None = None, method: str | None = None) -> list[Request]:
        """Those of a service (full name or its last part) and a method."""
        with self._lock:
            every = list(self._requests)
        return [
            r
            for r in every
            if service in (None, r.service, r.service.rpartition(".")[2]) and method in (None, r.method)
        ]

    def count(self, *, but: Callable[[Request], bool] | None = None) -> int:
        """How many requests came, without those that `but` is true of."""
        return sum(1 for r in self.requests() if but is None or not but(r))
