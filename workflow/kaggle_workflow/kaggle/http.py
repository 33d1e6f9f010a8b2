"""What every call by kagglesdk gets: a time limit, and a body in pieces."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

CONNECT_SECONDS = 15.0
READ_SECONDS = 120.0


@contextmanager
def timeouts(read: float = READ_SECONDS) -> Iterator[None]:
    """Give every HTTP call inside a time limit: kagglesdk (0.1.38) sets none.

    A text is sent piece by piece: urllib3 gives the time to connect to the sending of each piece, and to a text as a whole it is one piece, so
    that over a slow line a notebook of some hundred kB would never arrive (urllib3 2.8, `_make_request`).
    """
    import requests.adapters

    adapter: Any = requests.adapters.HTTPAdapter
    original = adapter.send

    def send(self: Any, request: Any, *args: Any, timeout: Any = None, **options: Any) -> Any:
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
