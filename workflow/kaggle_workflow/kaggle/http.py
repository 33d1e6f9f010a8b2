"""The HTTP session of kagglesdk: time limits, request bodies in pieces, and the private parts that we use.

A test checks that every private part exists, so that a release that changes one is noticed.
"""

from __future__ import annotations

import io
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

CONNECT_SECONDS = 15.0
READ_SECONDS = 120.0


_entering = threading.Lock()
_threads_inside = 0
_of_thread = threading.local()
_original: Any = None


@contextmanager
def timeouts(read: float = READ_SECONDS) -> Iterator[None]:
    """Give every HTTP call of this thread inside a time limit: kagglesdk (0.1.38) sets none.

    A text body is sent in pieces: urllib3 applies the connect timeout to sending each piece, and a text is one piece, so that over a
    slow line a notebook of some hundred kB would never arrive (urllib3 2.8, `_make_request`).
    """
    import requests.adapters

    global _threads_inside, _original  # noqa: PLW0603 - the method of the class is one for all threads
    adapter: Any = requests.adapters.HTTPAdapter
    with _entering:
        if not _threads_inside:
            _original, adapter.send = adapter.send, _send
        _threads_inside += 1
    before = getattr(_of_thread, "read", None)
    _of_thread.read = read
    try:
        yield
    finally:
        _of_thread.read = before
        with _entering:
            _threads_inside -= 1
            if not _threads_inside:
                adapter.send = _original


def _send(self: Any, request: Any, *args: Any, timeout: Any = None, **options: Any) -> Any:
    read = getattr(_of_thread, "read", None)
    if read is not None:
        timeout = timeout or (min(CONNECT_SECONDS, read), read)
        if isinstance(request.body, str | bytes):
            # A copy, since a redirect is followed with the body of the original.
            request = request.copy()
            text = request.body
            request.body = io.BytesIO(text.encode("utf-8") if isinstance(text, str) else text)
    return _original(self, request, *args, timeout=timeout, **options)


def open_session(client: Any) -> None:
    """Open kagglesdk's session once, so that every call goes over one connection; it opens it only as a context manager."""
    client.http_client()._init_session()  # noqa: SLF001 - a test names it


def session(client: Any) -> Any:
    """Kagglesdk's session: it takes no headers and no time limit for one call."""
    return client.http_client()._session  # noqa: SLF001 - set by _init_session


def prepare(client: Any, service: str, name: str, request: Any) -> Any:
    """A request as kagglesdk would send it."""
    return client.http_client()._prepare_request(service, name, request)  # noqa: SLF001 - a test names it
