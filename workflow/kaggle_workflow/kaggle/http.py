"""What every HTTP call of every client gets: time limits, a body in pieces, and a word about how far an upload is."""

from __future__ import annotations

import io
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from kaggle_workflow import progress

CONNECT_SECONDS = 15.0
READ_SECONDS = 120.0


@contextmanager
def timeouts(read: float = READ_SECONDS) -> Iterator[None]:
    """Give every HTTP call inside a time limit: none of the clients sets one (kagglesdk 0.1.37, kaggle 2.2.4).

    `HTTPAdapter.send` is the one place that all of them go through. An upload (PUT) is made once by it: the official client
    asks for ten repeats there, each of all the bytes from the first, when it could ask how many have arrived. A text is sent
    piece by piece: urllib3 gives the time to connect to the sending of each piece, and to a text as a whole it is one piece, so
    that over a slow line a notebook of some hundred kB would never arrive (urllib3 2.8, `_make_request`).
    """
    import requests.adapters
    from urllib3.util import Retry

    adapter: Any = requests.adapters.HTTPAdapter
    original = adapter.send

    def send(self: Any, request: Any, *args: Any, timeout: Any = None, **options: Any) -> Any:
        if request.method == "PUT":
            self.max_retries = Retry(0, read=False)
            length = request.headers.get("Content-Length")
            if length and hasattr(request.body, "read") and not _on_terminal():
                request.body = progress.Sending(request.body, int(length))
        if isinstance(request.body, str | bytes):
            # A copy, since a redirect is followed with the body of the original.
            request = request.copy()
            text = request.body
            request.body = io.BytesIO(text.encode("utf-8") if isinstance(text, str) else text)
        return original(
            self, request, *args, timeout=timeout or (min(CONNECT_SECONDS, read), read), **options
        )

    adapter.send = send
    try:
        yield
    finally:
        adapter.send = original


def _on_terminal() -> bool:
    return sys.__stderr__ is not None and sys.__stderr__.isatty()
