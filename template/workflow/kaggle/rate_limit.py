"""Calls that must not be repeated, but for the one answer with which Kaggle says that it did nothing."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import Any

from workflow.kaggle.errors import RateLimited, of_response

RATE_LIMIT = 429
_LONGEST_RATE_LIMIT = 60.0


def within_rate_limit(call: Callable[[], Any], what: str) -> Any:
    """Make a call that 429 alone lets repeat: Kaggle says with it that it did nothing."""
    import requests

    waited = 0.0
    while True:
        try:
            return call()
        except requests.HTTPError as error:
            if error.response is None or error.response.status_code != RATE_LIMIT:
                raise
            refused = of_response(what, error.response)
            seconds = refused.seconds if isinstance(refused, RateLimited) else None
            pause = seconds if seconds is not None else 2.0 + waited
            waited += pause
            if waited > _LONGEST_RATE_LIMIT:
                raise refused from error
            print(
                f"Kaggle limits how often it may be asked: waiting {pause:.0f} s, then {what} again.",
                file=sys.__stderr__,
            )
            time.sleep(pause)
