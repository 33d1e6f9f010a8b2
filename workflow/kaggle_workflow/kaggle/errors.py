"""Turn what the clients raise into our errors: Kaggle's own words and one line of advice.

Three cases are kept apart: it does not exist (404), access is denied (403), and unknown (a broken connection, an error inside
Kaggle).
"""

from __future__ import annotations

import email.utils
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from kaggle_workflow.credentials import own as secrets_own
from kaggle_workflow.errors import KaggleRefused, Unreachable, WorkflowError

CREDENTIALS_ADVICE = "make a new token on kaggle.com/settings/api and put it into KAGGLE_API_TOKEN or ~/.kaggle/access_token, then run this again"
RATE_LIMIT = 429
_SERVER_FAULT = 500
_LONGEST_WORDS = 500


class NotThere(KaggleRefused):
    """It does not exist (404)."""


class Denied(KaggleRefused):
    """Access is denied (403); Kaggle also answers this for much that does not exist."""


class Conflict(KaggleRefused):
    """A name is taken, or something is still being processed (409)."""


class RateLimited(KaggleRefused):
    """Too many requests (429); `seconds` is how long Kaggle asks to wait, None when it does not say."""

    def __init__(self, sentence: str, seconds: float | None) -> None:
        super().__init__(sentence)
        self.seconds = seconds


class AnswerLost(Unreachable):
    """The connection broke, or Kaggle failed: the request may have been carried out or not."""


@contextmanager
def translated(what: str) -> Iterator[None]:
    """Turn what the clients raise in the block into our errors.

    Args:
        what: what is being done, such as `reading the dataset me/cmi-codes`.

    Raises:
        KaggleRefused: Kaggle refused; one of the classes above where it fits.
        AnswerLost: it is unknown whether the request was carried out.
    """
    import requests

    try:
        yield
    except WorkflowError:
        raise
    except requests.HTTPError as error:
        raise of_response(what, error.response, str(error)) from error
    except requests.Timeout as error:
        raise AnswerLost(f"Kaggle did not answer in time while {what}: run this again.") from error
    except requests.RequestException as error:
        raise AnswerLost(
            f"Kaggle could not be reached while {what} ({reason(error)}): check your network, then run this again."
        ) from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        # kagglesdk does not validate answers: a network's login page, or a changed protocol, ends here.
        raise AnswerLost(
            f"Kaggle's answer could not be read while {what} ({type(error).__name__}): "
            "check your network for a proxy or a login page, then run this again."
        ) from error


def of_response(what: str, response: Any, otherwise: str = "") -> WorkflowError:
    """The error for an HTTP error response."""
    if response is None:
        return AnswerLost(f"Kaggle's answer was lost while {what}: run this again.")
    code = int(response.status_code)
    said = words(response, otherwise)
    if code >= _SERVER_FAULT:
        return AnswerLost(
            f"Kaggle failed while {what} (HTTP {code}: {said}): run this again in a few minutes."
        )
    if code == RATE_LIMIT:
        seconds = retry_after(response)
        after = f"in {seconds:.0f} s" if seconds is not None else "in a few minutes"
        return RateLimited(
            f"Kaggle's rate limit is reached (HTTP 429 while {what}: {said}): run this again {after}.",
            seconds,
        )
    named = {
        401: (
            KaggleRefused,
            f"Kaggle does not accept these credentials while {what} (HTTP 401: {said}): {CREDENTIALS_ADVICE}.",
        ),
        403: (
            Denied,
            f"Kaggle denied {what} (HTTP 403: {said}): check that it belongs to your account, and accept the rules on its page.",
        ),
        404: (NotThere, f"Not found on Kaggle while {what} (HTTP 404: {said}): check the name."),
        409: (
            Conflict,
            f"Kaggle reports a conflict while {what} (HTTP 409: {said}): wait until it is processed, or choose another name.",
        ),
        413: (KaggleRefused, f"Too large for Kaggle while {what} (HTTP 413: {said}): send less."),
    }
    kind, sentence = named.get(
        code,
        (
            KaggleRefused,
            f"Kaggle refused {what} (HTTP {code}: {said}): fix what it names, then run this again.",
        ),
    )
    error = kind(sentence)
    error.said = said
    return error


def words(response: Any, otherwise: str = "") -> str:
    """Kaggle's message: `{"code", "message"}`, or the nested form `{"error": {…}}` that users' logs show."""
    try:
        value = response.json()
    except ValueError:
        value = None
    if isinstance(value, dict):
        nested = value.get("error")
        inner: dict[str, object] = nested if isinstance(nested, dict) else value
        message = inner.get("message") or inner.get("error")
        if isinstance(message, str) and message.strip():
            return one_line(message)
    said = one_line(str(response.reason or otherwise or "no reason given"))
    if value is None and "html" in response.headers.get("Content-Type", ""):
        return f"{said}, on a web page that may be your network's login page"
    return said


def one_line(text: str) -> str:
    """A message as part of a sentence, without this machine's credentials: a server may echo what it was sent."""
    return secrets_own.redacted(" ".join(text.split()))[:_LONGEST_WORDS].rstrip(".:")


def retry_after(response: Any) -> float | None:
    """Seconds of a `Retry-After` header, which holds seconds or a date (RFC 9110, 10.2.3)."""
    text = response.headers.get("Retry-After")
    if text is None:
        return None
    try:
        return max(0.0, float(text))
    except ValueError:
        pass
    try:
        return max(0.0, email.utils.parsedate_to_datetime(text).timestamp() - time.time())
    except (TypeError, ValueError):
        return None


def reason(error: BaseException) -> str:
    """The innermost reason of a network error, in a few words."""
    inner: BaseException = error
    while True:
        below = getattr(inner, "reason", None) or inner.__cause__ or inner.__context__
        if not isinstance(below, BaseException) or below is inner:
            break
        inner = below
    text = getattr(inner, "strerror", None) or str(inner) or type(inner).__name__
    return one_line(text)[:120]
