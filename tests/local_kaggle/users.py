"""Who calls: access tokens, API keys, introspection, and kagglehub's `whoami`."""

from __future__ import annotations

import base64
import binascii
import secrets
from typing import TYPE_CHECKING

from kagglesdk.security.types.oauth_service import IntrospectTokenResponse
from kagglesdk.users.types.account_service import GenerateAccessTokenResponse

from tests.local_kaggle.errors import ApiError
from tests.local_kaggle.records import Token
from tests.local_kaggle.wire import Plain, Reply

if TYPE_CHECKING:
    from kagglesdk.kaggle_object import KaggleObject

    from tests.local_kaggle.world import Caller, Handlers, World

TOKEN_SECONDS = 12 * 3600


def user_of(world: World, authorization: str) -> str:
    """The user that an Authorization header names; empty without one.

    Raises:
        ApiError: 401 for credentials that are unknown or expired.
    """
    scheme, _, value = authorization.partition(" ")
    if scheme == "Bearer":
        token = find_token(world, value)
        if token is not None:
            return token.user
    elif scheme == "Basic":
        try:
            user, _, key = base64.b64decode(value).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            user, key = "", ""
        if key and world.store.users.keys.get(user) == key:
            return user
    elif not authorization:
        return ""
    raise ApiError(401, "Unauthenticated")


def find_token(world: World, value: str) -> Token | None:
    """The token, unless it has expired."""
    for token in world.store.users.tokens:
        if token.token == value and (token.expires is None or token.expires > world.clock.now()):
            return token
    return None


def give_token(world: World, user: str, seconds: int | None) -> Token:
    """Makes a token that a user may sign in with; `seconds` None: for good."""
    expires = world.clock.now() + seconds if seconds is not None else None
    token = Token(secrets.token_urlsafe(16), user, expires)
    world.store.users.tokens.append(token)
    world.store.save_users()
    return token


def _introspect(world: World, _caller: Caller, request: KaggleObject) -> Reply:
    """Answers as RFC 7662 does; what Kaggle says of a bad token is not known (Behaviour.inactive_token)."""
    token = find_token(world, request.token)
    answer = IntrospectTokenResponse()
    if token is None:
        if world.behaviour.inactive_token != "inactive":
            raise ApiError(world.behaviour.inactive_token, "Invalid token")
        return answer
    answer.active = True
    answer.username = token.user
    answer.scope = "resources.admin:*"
    if token.expires is not None:
        answer.exp = int(token.expires)
    return answer


def _generate(world: World, _caller: Caller, request: KaggleObject) -> Reply:
    """Gives a new access token for a refresh token; any token of a user serves as one."""
    known = find_token(world, request.refresh_token)
    if known is None:
        raise ApiError(401, "Invalid refresh token")
    wanted = request.expiration_duration
    seconds = min(int(wanted.total_seconds()), TOKEN_SECONDS) if wanted else TOKEN_SECONDS
    token = give_token(world, known.user, seconds)
    answer = GenerateAccessTokenResponse()
    answer.token = token.token
    answer.expires_in = seconds
    answer.user_name = token.user
    return answer


def _expire(world: World, _caller: Caller, request: KaggleObject) -> Reply:
    world.store.users.tokens = [t for t in world.store.users.tokens if t.token != request.token]
    world.store.save_users()
    return None


def hello(world: World, caller: Caller) -> Reply:
    """`api.v1.DiagnosticsService/Hello`, which kagglehub 1.0.2 calls though kagglesdk has no binding for it."""
    del world
    return Plain({"userName": caller.required()})


OAUTH: Handlers = {"IntrospectToken": _introspect}
ACCOUNT: Handlers = {"GenerateAccessToken": _generate, "ExpireApiToken": _expire}
