"""Kaggle's wire format, taken from kagglesdk itself so that it cannot drift.

A call is `POST …/v1/{service}/{Method}` with a JSON body. Which methods exist, and which types they take and
give, is read off kagglesdk's own service clients: each of their methods is called once on a recorder.
"""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from kagglesdk.kaggle_client import KaggleClient
from kagglesdk.kaggle_env import KaggleEnv
from kagglesdk.kaggle_object import KaggleObject

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True)
class Method:
    """One method of the protocol; `response` is None, a KaggleObject, or one of FileDownload and HttpRedirect."""

    service: str
    name: str
    request: type[KaggleObject]
    response: Any


class _Recorder:
    def __init__(self) -> None:
        self.methods: list[Method] = []

    def call(self, service: str, name: str, request: KaggleObject, response: type | None) -> None:
        self.methods.append(Method(service, name, type(request), response))


@lru_cache(maxsize=1)
def methods() -> dict[tuple[str, str], Method]:
    """Every method that the installed kagglesdk can call, by service and name."""
    recorder = _Recorder()
    for group in vars(KaggleClient(env=KaggleEnv.LOCAL)).values():
        for client in vars(group).values() if hasattr(group, "__dict__") else ():
            if hasattr(client, "_client"):
                for _, function in inspect.getmembers(type(client), inspect.isfunction):
                    if not function.__name__.startswith("_"):
                        function(type(client)(recorder))
    return {(method.service, method.name): method for method in recorder.methods}


@dataclass(frozen=True)
class Redirect:
    """An answer that sends the client to a download; `path` is below the server's root URL."""

    path: str


@dataclass(frozen=True)
class Download:
    """An answer that is the file itself."""

    file: Path
    name: str


@dataclass(frozen=True)
class Plain:
    """A JSON answer that kagglesdk has no correct type for."""

    body: dict[str, object]


@dataclass(frozen=True)
class EventStream:
    """The log of a run that still goes on, as server-sent events."""

    log: Any


Reply = Redirect | Download | Plain | EventStream | KaggleObject | None


def to_body(answer: KaggleObject) -> dict[str, object]:
    """The JSON body of an answer object; fields at their default are left out, as kagglesdk itself does."""
    body: dict[str, object] = answer.to_dict()
    return body
