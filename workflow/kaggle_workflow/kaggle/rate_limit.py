"""Kaggle's rate limit (429): with it Kaggle says that it did nothing, so that any call may be repeated after a while."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import Any

from kaggle_workflow.kaggle.errors import RateLimited, of_response

_LONGEST = 60.0


def pause_of(error: RateLimited, waited: float) -> float:
    """Seconds to wait before the call is made again: as long as Kaggle says, or a little longer each time.

    Args:
        error: what Kaggle answered.
        waited: seconds that were waited before.

    Raises:
        RateLimited: all in all it would be too long.
    """
    pause = error.seconds if error.seconds is not None else 2.0 + waited
    if waited + pause > _LONGEST:
        raise error
    return pause


def sentence(what: str, pause: float) -> str:
    """What is said about such a pause."""
    return f"Kaggle limits how often it may be asked: waiting {pause:.0f} s, then {what} again."


def within_rate_limit(call: Callable[[], Any], what: str) -> Any:
    """Make a call of the official client's that must not be repeated but for a 429."""
    import requests

    waited = 0.0
    while True:
        try:
            return call()
        except requests.HTTPError as error:
            refused = of_response(what, error.response)
            if not isinstance(refused, RateLimited):
                raise
            pause = pause_of(refused, waited)
            waited += pause
            print(sentence(what, pause), file=sys.__stderr__)
            time.sleep(pause)
