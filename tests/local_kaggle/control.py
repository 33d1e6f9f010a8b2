"""`/_local/…`: what a test in another process does to the server."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from starlette.concurrency import run_in_threadpool
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tests.local_kaggle.competition import every
from tests.local_kaggle.errors import SetupError
from tests.local_kaggle.faults import Fault

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from starlette.requests import Request

    from tests.local_kaggle.records import Version
    from tests.local_kaggle.world import World


Body = dict[str, Any]


def finish_processing(world: World) -> None:
    """Makes every version that is in processing ready, also one that is stuck."""
    now = world.clock.now()
    with world.store.lock:
        for dataset in world.store.datasets.values():
            if _finish(dataset.versions, now):
                world.store.save_dataset(dataset)
        for model in world.store.models.values():
            finished = [_finish(variation.versions, now) for variation in model.variations]
            if any(finished):
                world.store.save_model(model)


def _finish(versions: list[Version], now: float) -> bool:
    waiting = [v for v in versions if not v.failed and (v.ready_at is None or v.ready_at > now)]
    for version in waiting:
        version.ready_at = now
    return bool(waiting)


def summary(world: World) -> dict[str, object]:
    """The state in short: what there is, in which versions, and how it stands."""
    with world.store.lock:
        return {
            "datasets": {
                d.ref: {
                    "versions": len(d.versions),
                    "current": getattr(world.current(d.versions), "number", None),
                }
                for d in world.store.datasets.values()
            },
            "notebooks": {
                n.ref: {str(v.number): v.status for v in n.versions} for n in world.store.notebooks.values()
            },
            "models": {
                f"{m.ref}/{v.framework}/{v.slug}": len(v.versions)
                for m in world.store.models.values()
                for v in m.variations
            },
            "competitions": {
                c.slug: [
                    {"ref": s.ref, "status": s.status, "error": s.error_description, "score": s.public_score}
                    for s in world.store.entry(c.slug).submissions
                ]
                for c in every(world)
            },
        }


def _state(world: World, _query: Mapping[str, str], _body: Body) -> object:
    return summary(world)


def _requests(world: World, query: Mapping[str, str], _body: Body) -> object:
    return [r.to_json() for r in world.journal.requests(query.get("service"), query.get("method"))]


def _forget(world: World, _query: Mapping[str, str], _body: Body) -> object:
    world.journal.clear()
    return {}


def _advance(world: World, _query: Mapping[str, str], body: Body) -> object:
    world.clock.advance(float(body["seconds"]))
    return {}


def _finish_all(world: World, _query: Mapping[str, str], _body: Body) -> object:
    finish_processing(world)
    return {}


def _add_faults(world: World, _query: Mapping[str, str], body: Body) -> object:
    world.faults.add(*(Fault.parse(each) for each in body["faults"]))
    return {}


def _clear_faults(world: World, _query: Mapping[str, str], _body: Body) -> object:
    world.faults.clear()
    return {}


def _behave(world: World, _query: Mapping[str, str], body: Body) -> object:
    world.behaviour = world.behaviour.with_changes(**body)
    return {}


def _runs(world: World, _query: Mapping[str, str], body: Body) -> object:
    (world.sessions.hold if body["held"] else world.sessions.release)()
    return {}


def _cancel(world: World, _query: Mapping[str, str], body: Body) -> object:
    world.sessions.cancel(world.store.notebooks[body["ref"]].id, int(body["version"]))
    return {}


_ACTIONS = (
    ("state", "GET", _state),
    ("requests", "GET", _requests),
    ("requests", "DELETE", _forget),
    ("advance", "POST", _advance),
    ("finish-processing", "POST", _finish_all),
    ("faults", "POST", _add_faults),
    ("faults", "DELETE", _clear_faults),
    ("behaviour", "POST", _behave),
    ("runs", "POST", _runs),
    ("cancel", "POST", _cancel),
)


def routes(world: World) -> list[Route]:
    """The control addresses; README.md lists them with their bodies."""
    return [_route(world, name, verb, act) for name, verb, act in _ACTIONS]


def _route(
    world: World, name: str, verb: str, act: Callable[[World, Mapping[str, str], Body], object]
) -> Route:
    async def endpoint(request: Request) -> Response:
        content = await request.body()
        try:
            body = json.loads(content or b"{}")
            answer = await run_in_threadpool(act, world, request.query_params, body)
        except (SetupError, KeyError, TypeError, ValueError) as error:
            return JSONResponse({"code": 400, "message": f"{error}"}, status_code=400)
        return JSONResponse(answer)

    return Route(f"/_local/{name}", endpoint, methods=[verb])
