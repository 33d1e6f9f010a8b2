"""Signing in with a browser (`kaggle auth login`): an address gives out a code, which is exchanged for tokens."""

from __future__ import annotations

import base64
import hashlib
import secrets
import urllib.parse
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kagglesdk.security.types.oauth_service import ExchangeOAuthTokenResponse
from starlette.responses import JSONResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route

from tests.local_kaggle.errors import ApiError
from tests.local_kaggle.users import TOKEN_SECONDS, find_token, give_token

if TYPE_CHECKING:
    from kagglesdk.kaggle_object import KaggleObject
    from starlette.requests import Request

    from tests.local_kaggle.wire import Reply
    from tests.local_kaggle.world import Caller, Handlers, World

_LOOPBACK = ("localhost", "127.0.0.1")


@dataclass(frozen=True)
class Flow:
    """A sign-in that has begun: whose it is, and the hash of the secret that proves who began it (PKCE, RFC 7636)."""

    user: str
    challenge: str


def routes(world: World) -> list[Route]:
    """The two pages of the flow.

    `GET /api/v1/oauth2/authorize` signs in at once, where Kaggle asks in the browser: the first known user, or the
    one in `login_hint`. It leads to the client's redirect address, or to the page that shows the code.
    """

    async def authorize(request: Request) -> Response:
        query = request.query_params
        target = urllib.parse.urlsplit(query.get("redirect_uri", ""))
        with world.store.lock:
            users = [token.user for token in world.store.users.tokens]
            user = query.get("login_hint", users[0] if users else "")
            refusal = _refusal(user in users, target.hostname, query.get("code_challenge", ""))
            if refusal:
                return JSONResponse(ApiError(400, refusal).body(world.behaviour.error_form), status_code=400)
            code = secrets.token_urlsafe(16)
            world.oauth_flows[code] = Flow(user, query["code_challenge"].rstrip("="))
        told = urllib.parse.urlencode({"code": code, "state": query.get("state", "")})
        return RedirectResponse(target._replace(query=told).geturl(), status_code=302)

    async def show(request: Request) -> Response:
        return PlainTextResponse(request.query_params.get("code", ""))

    return [
        Route("/api/v1/oauth2/authorize", authorize, methods=["GET"]),
        Route("/account/api/oauth/token", show, methods=["GET"]),
    ]


def _refusal(known: bool, host: str | None, challenge: str) -> str:  # one of three facts
    if not known:
        return "There is no such user"
    if host not in _LOOPBACK:
        return "Invalid redirect_uri"
    return "" if challenge else "code_challenge is required"


def _exchange(world: World, _caller: Caller, request: KaggleObject) -> Reply:
    """Gives an access and a refresh token for a code, once, or for a refresh token."""
    if request.grant_type == "refresh_token":
        known = find_token(world, request.refresh_token)
        user = known.user if known else ""
    elif request.grant_type == "authorization_code":
        flow = world.oauth_flows.pop(request.code, None)
        digest = hashlib.sha256(request.code_verifier.encode()).digest()
        proof = base64.urlsafe_b64encode(digest).decode().rstrip("=")
        user = flow.user if flow and secrets.compare_digest(flow.challenge.encode(), proof.encode()) else ""
    else:
        raise ApiError(400, f"Unsupported grant_type '{request.grant_type}'")
    if not user:
        raise ApiError(400, "The code or token is invalid or was used before")
    answer = ExchangeOAuthTokenResponse()
    answer.access_token = give_token(world, user, TOKEN_SECONDS).token
    answer.refresh_token = give_token(world, user, None).token
    answer.token_type, answer.expires_in = "Bearer", TOKEN_SECONDS
    answer.username = user
    return answer


OAUTH_FLOW: Handlers = {"ExchangeOAuthToken": _exchange}
