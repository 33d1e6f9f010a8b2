"""Faults that a test scripts: which call, which time, and what goes wrong."""

from __future__ import annotations

import dataclasses
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, TypedDict, Unpack, get_args

from tests.local_kaggle.errors import SetupError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

Kind = Literal[
    "status",
    "drop_before",
    "drop_after",
    "answer",
    "change",
    "lose",
    "reset_upload",
    "truncate_upload",
    "lose_blob",
    "processing",
    "run",
]
_OUTCOMES: Mapping[str, tuple[str, ...]] = {
    "processing": ("stuck", "failed"),
    "run": ("fail", "cancel", "never", "timeout"),
}


@dataclass(frozen=True)
class Fault:
    """One thing that goes wrong.

    It hits calls of `method` (and `service`, when given; for bytes the service is "storage" and the method PUT or
    GET; for runs the service is "runs" and the method Save or Rerun) whose request carries every value in `match`
    and satisfies `when`; the first `skip` of them pass, whatever else hits them, then `times` are hit (None: all).
    Make one with the functions below.
    """

    kind: Kind
    method: str
    service: str | None = None
    match: Mapping[str, object] = field(default_factory=dict)
    when: Callable[[Mapping[str, Any]], bool] | None = None
    skip: int = 0
    times: int | None = 1
    code: int = 500
    message: str = "The server made an error on purpose"
    headers: Mapping[str, str] = field(default_factory=dict)
    body: Mapping[str, object] = field(default_factory=dict)
    after_bytes: int = 0
    outcome: str = ""
    path: str = ""

    def __post_init__(self) -> None:
        if self.kind not in get_args(Kind):
            raise SetupError(f"There is no fault called {self.kind}; use one of {', '.join(get_args(Kind))}.")
        outcomes = _OUTCOMES.get(self.kind)
        if outcomes and self.outcome not in outcomes:
            raise SetupError(f"A {self.kind} fault needs an outcome: one of {', '.join(outcomes)}.")

    @classmethod
    def parse(cls, data: Mapping[str, Any]) -> Fault:
        """Reads a fault from JSON; raises SetupError for unknown names."""
        known = {f.name for f in dataclasses.fields(cls)} - {"when"}
        for name in data:
            if name not in known:
                raise SetupError(f"A fault has no {name}; it has {', '.join(sorted(known))}.")
        if "kind" not in data or "method" not in data:
            raise SetupError('A fault needs "kind" and "method".')
        return cls(**data)

    def fits(self, service: str, method: str, request: Mapping[str, Any]) -> bool:
        """Whether a call is one of those that this fault counts."""
        if method != self.method or self.service not in (None, service, service.rpartition(".")[2]):
            return False
        if any(request.get(name) != value for name, value in self.match.items()):
            return False
        return self.when is None or self.when(request)


class Which(TypedDict, total=False):
    """Which calls a fault hits, as keyword arguments of the functions below."""

    service: str
    match: Mapping[str, object]
    when: Callable[[Mapping[str, Any]], bool]
    skip: int
    times: int | None


def status(
    method: str,
    code: int,
    message: str = "",
    headers: Mapping[str, str] | None = None,
    **which: Unpack[Which],
) -> Fault:
    """The call is not done and ends with this status, e.g. 429 with `{"Retry-After": "1"}`."""
    return Fault(
        "status", method, code=code, message=message or f"Error {code}", headers=headers or {}, **which
    )


def drop_before(method: str, **which: Unpack[Which]) -> Fault:
    """The connection breaks before the server acts."""
    return Fault("drop_before", method, **which)


def drop_after(method: str, **which: Unpack[Which]) -> Fault:
    """The server acts, then the connection breaks: the answer is lost."""
    return Fault("drop_after", method, **which)


def answer(method: str, body: Mapping[str, object], **which: Unpack[Which]) -> Fault:
    """The call is not done; this body comes back with status 200."""
    return Fault("answer", method, body=body, **which)


def change(method: str, body: Mapping[str, object], **which: Unpack[Which]) -> Fault:
    """The call is done; these fields of its JSON answer are replaced (None removes one)."""
    return Fault("change", method, body=body, **which)


def lose(method: str, path: str, **which: Unpack[Which]) -> Fault:
    """The call is done; its JSON answer comes without the field at this path, such as `versions.status`, in every item of a list."""
    return Fault("lose", method, path=path, **which)


def reset_upload(after_bytes: int, **which: Unpack[Which]) -> Fault:
    """The connection is reset when this many bytes of a PUT have arrived; they are kept, as resumable uploads do."""
    return Fault("reset_upload", "PUT", after_bytes=after_bytes, **which)


def truncate_upload(keep_bytes: int, **which: Unpack[Which]) -> Fault:
    """The upload is answered with success, but only this many bytes of it are kept."""
    return Fault("truncate_upload", "PUT", after_bytes=keep_bytes, **which)


def lose_blob(**which: Unpack[Which]) -> Fault:
    """The upload is answered with success, and its token is unknown afterwards."""
    return Fault("lose_blob", "PUT", **which)


def processing(method: str, outcome: Literal["stuck", "failed"], **which: Unpack[Which]) -> Fault:
    """The version that this create call makes never becomes ready, or fails."""
    return Fault("processing", method, outcome=outcome, **which)


def run(
    outcome: Literal["fail", "cancel", "never", "timeout"], method: str = "Save", **which: Unpack[Which]
) -> Fault:
    """A run fails, is cancelled, goes on for ever, or hits its limit, without being executed; `method` Save or Rerun."""
    return Fault("run", method, outcome=outcome, **which)


@dataclass
class _Count:
    fault: Fault
    to_skip: int
    hits: int = 0


class Faults:
    """The faults that are set, and how often each has been counted."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._set: list[_Count] = []

    def add(self, *faults: Fault) -> None:
        """Sets faults; of several that are due at a call, the one that was set first hits it."""
        with self._lock:
            self._set.extend(_Count(fault, fault.skip) for fault in faults)

    def clear(self) -> None:
        """Removes every fault."""
        with self._lock:
            self._set.clear()

    def unused(self) -> list[Fault]:
        """Faults that have hit nothing yet: a test that expects one to hit can assert that this is empty."""
        with self._lock:
            return [count.fault for count in self._set if not count.hits]

    def hit(self, service: str, method: str, request: Mapping[str, Any]) -> Fault | None:
        """Counts a call and returns the fault that hits it; another that is due too waits for the next call."""
        found: Fault | None = None
        with self._lock:
            for count in self._set:
                if not count.fault.fits(service, method, request):
                    continue
                if count.to_skip:
                    count.to_skip -= 1
                elif found is None and (count.fault.times is None or count.hits < count.fault.times):
                    count.hits += 1
                    found = count.fault
        return found
