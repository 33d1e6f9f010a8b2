"""The outermost layer: what a proxy would get is made ordinary, requests are logged, faults act on connections."""

from __future__ import annotations

import asyncio
import json
import time
import urllib.parse
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tests.local_kaggle.blobs import ConnectionDropped
from tests.local_kaggle.errors import ApiError
from tests.local_kaggle.journal import Request

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from tests.local_kaggle.faults import Fault
    from tests.local_kaggle.world import World

_MAX_JSON = 64 * 1024 * 1024


@dataclass(frozen=True)
class Address:
    """What a path asks for: a protocol call (`call` is true), bytes of the storage, or something else."""

    service: str
    method: str
    call: bool

    @classmethod
    def parse(cls, verb: str, path: str) -> Address:
        """Takes the HTTP verb and the path apart."""
        parts = path.strip("/").split("/")
        if parts[0] == "api":
            parts = parts[1:]
        if parts[0] == "v1" and len(parts) == 3 and verb == "POST":
            return cls(parts[1], parts[2], call=True)
        if parts[:4] == ["v1", "kernels", "logs", "stream"]:
            return cls("kernels.KernelsApiService", "StreamLogs", call=False)
        if parts[0] in ("_upload", "_storage"):
            return cls("storage", verb, call=False)
        return cls("", verb, call=False)


class Gate:
    """An ASGI layer around the application."""

    def __init__(self, app: ASGIApp, world: World) -> None:
        self._app = app
        self._world = world

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        _make_relative(scope)
        await _Exchange(self._app, self._world, scope, receive, send).serve()


def _make_relative(scope: Scope) -> None:
    """Turns `POST http://localhost/api/…`, the form that clients send to a proxy, into `POST /api/…`."""
    if scope["path"].startswith("http://"):
        url = urllib.parse.urlsplit(scope["path"])
        scope["path"] = url.path or "/"
        scope["raw_path"] = urllib.parse.quote(scope["path"]).encode()


def _lose(value: object, path: list[str]) -> None:
    """Removes what is at a path, in every item of the lists on the way."""
    if isinstance(value, list):
        for item in value:
            _lose(item, path)
    elif isinstance(value, dict) and len(path) > 1:
        _lose(value.get(path[0]), path[1:])
    elif isinstance(value, dict):
        value.pop(path[0], None)


class _Exchange:
    def __init__(self, app: ASGIApp, world: World, scope: Scope, receive: Receive, send: Send) -> None:
        self._app, self._world, self._scope = app, world, scope
        self._receive, self._send = receive, send
        self._address = Address.parse(scope["method"], scope["path"])
        self._begun = time.monotonic()
        self._received = self._sent = self._status = 0
        self._fault: Fault | None = None
        self._written = False
        self._body: object = None

    async def serve(self) -> None:
        try:
            self._body = body = await self._read_json() if self._address.call else None
            if self._address.service:
                facts = body if isinstance(body, dict) else {"path": self._scope["path"]}
                self._fault = self._world.faults.hit(self._address.service, self._address.method, facts)
            self._scope["local_kaggle"] = {"fault": self._fault, "body": body}
            await self._act()
        except ConnectionDropped:
            self._status = 0
            self._write_down()
            await self._drop()
        finally:
            self._write_down()

    async def _act(self) -> None:
        fault = self._fault
        if fault is None:
            await self._pass_on()
        elif fault.kind == "drop_before":
            raise ConnectionDropped
        elif fault.kind == "drop_after":
            await self._app(self._scope, self._count_in, _swallow)
            raise ConnectionDropped
        elif fault.kind == "status":
            body = ApiError(fault.code, fault.message).body(self._world.behaviour.error_form)
            await self._answer(fault.code, body, fault.headers)
        elif fault.kind == "answer":
            await self._answer(200, fault.body, fault.headers)
        elif fault.kind in ("change", "lose"):
            await self._changed(fault)
        else:
            await self._pass_on()

    async def _pass_on(self) -> None:
        await self._app(self._scope, self._count_in, self._count_out)
        if "drop" in self._scope["local_kaggle"]:
            raise ConnectionDropped

    async def _changed(self, fault: Fault) -> None:
        """Lets the application act, and alters its JSON answer."""
        messages: list[Message] = []

        async def keep(message: Message) -> None:
            messages.append(message)

        await self._app(self._scope, self._count_in, keep)
        body = json.loads(b"".join(m.get("body", b"") for m in messages) or b"{}")
        _lose(body, fault.path.split("."))
        changed = {name: value for name, value in {**body, **fault.body}.items() if value is not None}
        await self._answer(messages[0]["status"], changed, fault.headers)

    async def _answer(self, status: int, body: Mapping[str, object], headers: Mapping[str, str]) -> None:
        content = json.dumps(body).encode()
        fields = {"content-type": "application/json", "content-length": str(len(content)), **headers}
        encoded = [(name.lower().encode(), str(value).encode()) for name, value in fields.items()]
        await self._count_out({"type": "http.response.start", "status": status, "headers": encoded})
        await self._count_out({"type": "http.response.body", "body": content})

    async def _read_json(self) -> object:
        content = b""
        more = True
        while more and len(content) < _MAX_JSON:
            message = await self._count_in()
            if message["type"] == "http.disconnect":
                raise ConnectionDropped
            content += message.get("body", b"")
            more = message.get("more_body", False)
        try:
            return json.loads(content or b"{}")
        except (ValueError, RecursionError):
            return None

    async def _count_in(self) -> Message:
        message = await self._receive()
        self._received += len(message.get("body", b""))
        return message

    async def _count_out(self, message: Message) -> None:
        if "drop" in self._scope["local_kaggle"]:
            return
        if message["type"] == "http.response.start":
            self._status = message["status"]
        self._sent += len(message.get("body", b""))
        if message["type"] == "http.response.body" and not message.get("more_body", False):
            self._write_down()  # before the client can go on: it may ask at once what was written down
        await self._send(message)

    async def _drop(self) -> None:
        """Resets the TCP connection: uvicorn's `send` is a method of the object that holds the transport."""
        cycle: Any = getattr(self._send, "__self__", None)
        cycle.transport.abort()
        while not cycle.disconnected:  # noqa: ASYNC110  # uvicorn sets a flag there, and has no event for it
            await asyncio.sleep(0)

    def _write_down(self) -> None:
        if self._written or self._scope["path"].startswith("/_local"):
            return
        self._written = True
        headers = {name: value.decode("latin-1") for name, value in self._scope["headers"]}
        self._world.journal.add(
            Request(
                time=time.time(),
                service=self._address.service,
                method=self._address.method,
                path=self._scope["path"],
                status=self._status,
                request_bytes=self._received,
                response_bytes=self._sent,
                seconds=time.monotonic() - self._begun,
                user=self._scope.get("local_kaggle", {}).get("user", ""),
                user_agent=headers.get(b"user-agent", ""),
                fault=self._fault.kind if self._fault else "",
                body=self._body,
            )
        )


async def _swallow(message: Message) -> None:
    del message
