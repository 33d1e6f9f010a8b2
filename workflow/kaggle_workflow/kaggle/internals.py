"""Everything that is not public and that we use all the same; a test asserts it, so that a release which changes it is named at once."""

from __future__ import annotations

import importlib
import inspect
from typing import Any

# Dotted names, each with the parameters that we pass.
USED: dict[str, tuple[str, ...]] = {
    "kagglesdk.kaggle_http_client.KaggleHttpClient._init_session": ("self",),
    "kagglesdk.kaggle_http_client.KaggleHttpClient._prepare_request": (
        "self",
        "service_name",
        "request_name",
        "request",
    ),
    "requests.adapters.HTTPAdapter.send": ("self", "request", "stream", "timeout"),
    "requests.sessions.Session.merge_environment_settings": (
        "self",
        "url",
        "proxies",
        "stream",
        "verify",
        "cert",
    ),
    "invoke.program.Program.list_flat": ("self",),
    "invoke.vendor.yaml.safe_load": ("stream",),
}


def changed() -> list[str]:
    """What of it the installed versions lack or take other arguments for, as sentences."""
    found = []
    for dotted, parameters in USED.items():
        try:
            there = tuple(inspect.signature(_find(dotted)).parameters)
        except (ImportError, AttributeError) as error:
            found.append(f"{dotted} is gone ({error})")
            continue
        if not set(parameters) <= set(there):
            found.append(f"{dotted} takes ({', '.join(there)}), not ({', '.join(parameters)})")
    return found


def open_session(client: Any) -> None:
    """Open kagglesdk's session once, so that every call goes over one connection; it opens it only as a context manager."""
    client.http_client()._init_session()  # noqa: SLF001 - listed above


def session(client: Any) -> Any:
    """Kagglesdk's session: it takes no headers and no time limit for one call."""
    return client.http_client()._session  # noqa: SLF001 - set by _init_session


def prepare(client: Any, service: str, name: str, request: Any) -> Any:
    """A request as kagglesdk would send it."""
    return client.http_client()._prepare_request(service, name, request)  # noqa: SLF001 - listed above


def _find(dotted: str) -> Any:
    parts = dotted.split(".")
    for size in range(len(parts), 0, -1):
        try:
            found: Any = importlib.import_module(".".join(parts[:size]))
        except ModuleNotFoundError:
            continue
        for part in parts[size:]:
            found = getattr(found, part)
        return found
    raise ImportError(dotted)
