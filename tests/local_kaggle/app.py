"""The web application: calls go to their handlers, bytes to and from the storage, `/_local/…` to a test's hands."""

from __future__ import annotations

import base64
import hashlib
import json
from typing import TYPE_CHECKING

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.responses import (
    FileResponse,
    JSONResponse,
    PlainTextResponse,
    RedirectResponse,
    Response,
    StreamingResponse,
)
from starlette.routing import Route

from tests.local_kaggle import control, oauth
from tests.local_kaggle.blobs import BLOBS, ConnectionDropped, receive
from tests.local_kaggle.competitions import COMPETITIONS
from tests.local_kaggle.dataset_files import DATASET_FILES
from tests.local_kaggle.dataset_settings import DATASET_SETTINGS
from tests.local_kaggle.datasets import DATASETS
from tests.local_kaggle.errors import ApiError
from tests.local_kaggle.gate import Gate
from tests.local_kaggle.leaderboard import LEADERBOARD
from tests.local_kaggle.models import MODELS
from tests.local_kaggle.notebook_saving import NOTEBOOK_SAVING
from tests.local_kaggle.notebooks import NOTEBOOKS, log_stream
from tests.local_kaggle.oauth import OAUTH_FLOW
from tests.local_kaggle.quota import QUOTA
from tests.local_kaggle.requests_in import read_request
from tests.local_kaggle.submissions import SUBMISSIONS
from tests.local_kaggle.users import ACCOUNT, OAUTH, hello, user_of
from tests.local_kaggle.variations import VARIATIONS
from tests.local_kaggle.wire import (
    Download,
    EventStream,
    Plain,
    Redirect,
    Reply,
    methods,
    to_body,
)
from tests.local_kaggle.world import Caller, Handlers, World

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping
    from pathlib import Path

    from starlette.requests import Request
    from starlette.types import ASGIApp

    from tests.local_kaggle.live_log import LiveLog

SERVICES: Mapping[str, Handlers] = {
    "blobs.BlobApiService": BLOBS,
    "datasets.DatasetApiService": {**DATASETS, **DATASET_FILES, **DATASET_SETTINGS},
    "kernels.KernelsApiService": {**NOTEBOOKS, **NOTEBOOK_SAVING, **QUOTA},
    "models.ModelApiService": {**MODELS, **VARIATIONS},
    "competitions.CompetitionApiService": {**COMPETITIONS, **SUBMISSIONS, **LEADERBOARD},
    "security.OAuthService": {**OAUTH, **OAUTH_FLOW},
    "users.AccountService": ACCOUNT,
}
_ANONYMOUS = frozenset(
    [
        ("security.OAuthService", "IntrospectToken"),
        ("security.OAuthService", "ExchangeOAuthToken"),
        ("users.AccountService", "GenerateAccessToken"),
        ("users.AccountService", "ExpireApiToken"),
    ]
)
"""Calls whose Authorization header is not looked at: they carry what they are about in their body."""


def build(world: World) -> ASGIApp:
    """Makes the ASGI application of one Kaggle."""

    async def call(request: Request) -> Response:
        return await run_in_threadpool(_call, world, request)

    async def upload(request: Request) -> Response:
        return await _upload(world, request)

    async def storage(request: Request) -> Response:
        return await run_in_threadpool(_storage, world, request)

    async def logs(request: Request) -> Response:
        return await run_in_threadpool(_logs, world, request)

    routes = [Route(f"{prefix}/v1/{{service}}/{{method}}", call, methods=["POST"]) for prefix in ("/api", "")]
    routes += [
        Route("/api/v1/kernels/logs/stream/{owner}/{slug}", logs, methods=["GET"]),
        Route("/_upload/{token}", upload, methods=["PUT"]),
        Route("/_storage/{signature}/{where}/{name}", storage, methods=["GET", "HEAD"]),
        *oauth.routes(world),
        *control.routes(world),
    ]
    app = Starlette(routes=routes, exception_handlers={404: _no_such_page, 405: _no_such_page, 500: _broken})
    return Gate(app, world)


async def _no_such_page(request: Request, error: Exception) -> Response:
    del request, error
    return JSONResponse(ApiError(404, "Not found").body(), status_code=404)


async def _broken(request: Request, error: Exception) -> Response:
    """A mistake of this server: its traceback goes to stderr, the client gets what Kaggle's 500 looks like."""
    del request
    return JSONResponse(ApiError(500, f"The local Kaggle made a mistake: {error!r}").body(), status_code=500)


def _caller(world: World, request: Request, *, anonymous: bool = False) -> Caller:
    """Who calls, and under which address; the Host header is that of the client's own URL, also through a proxy."""
    user = "" if anonymous else user_of(world, request.headers.get("authorization", ""))
    extra = request.scope["local_kaggle"]
    extra["user"] = user
    return Caller(user, f"http://{request.headers.get('host', 'localhost')}", extra["fault"])


def _refusal(world: World, error: ApiError) -> Response:
    return JSONResponse(error.body(world.behaviour.error_form), status_code=error.code, headers=error.headers)


def _call(world: World, request: Request) -> Response:
    service, name = request.path_params["service"], request.path_params["method"]
    try:
        _require_json(request)
        with world.store.lock:
            caller = _caller(world, request, anonymous=(service, name) in _ANONYMOUS)
            if (service, name) == ("api.v1.DiagnosticsService", "Hello"):
                return _respond(world, caller, hello(world, caller))
            method = methods().get((service, name))
            handler = SERVICES.get(service, {}).get(name)
            if method is None or handler is None:
                return _refusal(world, _unknown(service, name, known=method is not None))
            reply = handler(
                world, caller, read_request(method.request, request.scope["local_kaggle"]["body"])
            )
        return _respond(world, caller, reply)
    except ApiError as error:
        return _refusal(world, error)


def _require_json(request: Request) -> None:
    """Raises ApiError 415 for a body that says it is something else than JSON; the clients always send JSON."""
    kind = request.headers.get("content-type", "application/json").partition(";")[0].strip().lower()
    if kind != "application/json":
        raise ApiError(415, f"The Content-Type has to be application/json, not {kind[:100]}")


def _unknown(service: str, name: str, *, known: bool) -> ApiError:
    """501 for a method that kagglesdk has and this server lacks, 404 for one that nobody knows."""
    if known:
        return ApiError(501, f"The local Kaggle has no {service}/{name}")
    return ApiError(404, f"There is no method {service}/{name}")


def _respond(world: World, caller: Caller, reply: Reply) -> Response:
    if isinstance(reply, Redirect):
        return RedirectResponse(caller.base + reply.path, status_code=302)
    if isinstance(reply, Download):
        return _file(reply.file, reply.name)
    if isinstance(reply, EventStream):
        return StreamingResponse(_events(reply.log), media_type="text/event-stream")
    if isinstance(reply, Plain):
        return JSONResponse(reply.body)
    del world
    return JSONResponse({} if reply is None else to_body(reply))


def _logs(world: World, request: Request) -> Response:
    """`GET …/kernels/logs/stream/{owner}/{slug}`, the address that kaggle 2.2.4 follows logs at."""
    try:
        with world.store.lock:
            caller = _caller(world, request)
            label = request.query_params.get("versionLabel")
            reply = log_stream(
                world, caller, request.path_params["owner"], request.path_params["slug"], label
            )
        return _respond(world, caller, reply)
    except ApiError as error:
        return _refusal(world, error)


async def _events(log: LiveLog) -> AsyncIterator[str]:
    """Server-sent events from the beginning of the run to its end; a comment now and then keeps the line open."""
    seen, over = 0, False
    while not over:
        events, over = await run_in_threadpool(log.wait, seen, 1.0)
        seen += len(events)
        for event in events:
            yield f"data: {json.dumps(event)}\n\n"
        if not events and not over:
            yield ": waiting\n\n"
    yield "data: END_OF_LOG\n\n"


async def _upload(world: World, request: Request) -> Response:
    extra = request.scope["local_kaggle"]
    try:
        progress = await receive(
            world,
            request.path_params["token"],
            request.headers.get("content-range", ""),
            request.stream(),
            extra["fault"],
        )
    except ConnectionDropped:
        # Not raised on: starlette would answer 500 before the gate could cut the line.
        extra["drop"] = True
        return Response()
    except ApiError as error:
        return PlainTextResponse(error.message, status_code=error.code)
    return Response(status_code=progress.status, headers=progress.headers)


def _storage(world: World, request: Request) -> Response:
    """A file by its signed address, with Range, ETag, and the MD5 that kagglehub checks."""
    try:
        file = world.downloads.open(request.path_params["signature"], request.path_params["where"])
    except ApiError as error:
        return PlainTextResponse(error.message, status_code=error.code)
    with file.open("rb") as stream:
        digest = hashlib.file_digest(stream, "md5").digest()
    return _file(
        file, request.path_params["name"], {"x-goog-hash": f"md5={base64.b64encode(digest).decode()}"}
    )


def _file(file: Path, name: str, headers: dict[str, str] | None = None) -> Response:
    kind = "application/json" if name.endswith(".log") else "application/octet-stream"
    return FileResponse(file, media_type=kind, headers=headers)
