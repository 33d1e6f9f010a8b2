"""The log of a run: server-sent events while it runs, stored JSON afterwards."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from kaggle_shim.refs import NotebookRef
from kaggle_workflow.kaggle import http

_END = "END_OF_LOG"
# A run may print nothing for a long time; the stream is opened again after this silence.
_SILENCE_SECONDS = 300.0


def stream(client: Any, ref: NotebookRef, version: int | None) -> Iterator[str]:
    """Texts of the log as they arrive.

    Args:
        client: a kagglesdk `KaggleClient`.
        ref: the notebook.
        version: the version, None for the newest.

    Raises:
        requests.RequestException: the connection broke, or Kaggle refused.
    """
    from kagglesdk.kernels.types.kernels_api_service import ApiGetKernelSessionLogsStreamRequest

    request = ApiGetKernelSessionLogsStreamRequest()
    request.user_name, request.kernel_slug = ref.owner, ref.slug
    if version is not None:
        request.version_label = f"v{version}"
    session = http.session(client)
    prepared = http.prepare(client, "kernels.KernelsApiService", "GetKernelSessionLogsStream", request)
    settings = session.merge_environment_settings(prepared.url, {}, True, None, None)
    with session.send(prepared, timeout=(http.CONNECT_SECONDS, _SILENCE_SECONDS), **settings) as response:
        response.raise_for_status()
        if "event-stream" in response.headers.get("Content-Type", ""):
            yield from _events(response.iter_lines(decode_unicode=False))
        else:
            yield from texts(response.content.decode("utf-8", "replace"))


def texts(log: str) -> list[str]:
    """The texts of a stored log: a JSON array of `{stream_name, time, data}`, or plain text as it is."""
    try:
        events = json.loads(log)
    except ValueError:
        return [log] if log else []
    if not isinstance(events, list):
        return [log]
    return [str(event.get("data", "")) for event in events if isinstance(event, dict)]


def plain(log: str) -> str:
    """A stored log as plain text."""
    return "".join(texts(log))


def tail(log: str, lines: int) -> list[str]:
    """The last lines of a stored log, without empty ones."""
    return [line for line in plain(log).splitlines() if line.strip()][-lines:]


def _events(lines: Iterator[bytes]) -> Iterator[str]:
    for raw in lines:
        line = raw.decode("utf-8", "replace")
        if not line.startswith("data:"):
            continue
        data = line.removeprefix("data:").strip()
        if data == _END:
            return
        try:
            event = json.loads(data)
        except ValueError:
            yield f"{data}\n"
            continue
        yield str(event.get("data", "")) if isinstance(event, dict) else f"{data}\n"
