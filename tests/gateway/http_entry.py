"""Plays every game that the gateway has; in a save run there is no gateway, and a file has to be left."""

import json
import os
import time
import urllib.error
import urllib.request
from pathlib import Path

URL = "http://gateway:8001/api/games"
LIMIT = 60.0


def games() -> list[str]:
    until = time.monotonic() + LIMIT
    while True:
        try:
            with urllib.request.urlopen(URL) as answer:
                found: list[str] = json.load(answer)
                return found
        except urllib.error.URLError as error:
            # Refused means not up yet; any other answer will not change.
            if not isinstance(error.reason, ConnectionRefusedError) or time.monotonic() > until:
                raise
            time.sleep(0.1)


if os.environ.get("KAGGLE_IS_COMPETITION_RERUN"):
    for game in games():
        with urllib.request.urlopen(urllib.request.Request(URL, data=game.encode())) as reply:
            print("played", game, json.load(reply))  # noqa: T201 - what a notebook does
else:
    Path("submission.csv").write_text("move\nnone\n", encoding="utf-8")
