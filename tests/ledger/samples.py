"""Ledgers to test with: events as `submit` and `watch` write them."""

from datetime import UTC, datetime, timedelta
from hashlib import sha1, sha256
from random import Random
from typing import Any

from kaggle_workflow.ledger.event import Event, Part
from kaggle_workflow.ledger.jobs import Job

START = datetime(2026, 5, 1, 8, 30, tzinfo=UTC)
LIMIT = 9 * 3600.0


def pushed(number: int, **changes: Any) -> Event:
    values: dict[str, Any] = {
        "account": "ada",
        "competition": "detect-sleep",
        "notebook": "ada/cmi-sub",
        "notebook_version": number,
        "entry": (f"exp{1 + number // 20:03}.py",),
        "args": ("--fold", str(number % 5)),
        "git_commit": sha1(str(number).encode(), usedforsecurity=False).hexdigest(),
        "git_dirty": number % 3 == 0,
        "codes": Part("ada/cmi-codes", number, sha256(f"codes {number}".encode()).hexdigest()),
        "deps": Part("ada/cmi-deps", 3, "d" * 64),
        "sub": Part("ada/cmi-sub", number, sha256(f"sub {number}".encode()).hexdigest()),
        "models": (Part("ada/sleep/pytorch/exp001", 1 + number // 40),),
        "image": "gcr.io/kaggle-images/python@sha256:" + "a" * 64,
        "machine_shape": "NvidiaTeslaT4",
        "save_run_seconds": 300.0 + number,
        "save_run_rows": 2000,
        "peak_memory": 4_200_000_000,
        "limit": LIMIT,
    }
    return Event("pushed", START + timedelta(hours=5 * number), **{**values, **changes})


def submitted(number: int, **changes: Any) -> Event:
    values: dict[str, Any] = {
        "ref": str(51_000_000 + number),
        "account": "ada",
        "competition": "detect-sleep",
        "notebook": "ada/cmi-sub",
        "notebook_version": number,
        "message": f"exp {number}: larger windows, lower learning rate",
        "cv": 0.70 + number / 4000,
    }
    return Event("submitted", START + timedelta(hours=5 * number, minutes=20), **{**values, **changes})


def score(number: int, **changes: Any) -> Event:
    noise = Random(number)  # noqa: S311 - the same numbers each time, not secrets
    values: dict[str, Any] = {
        "ref": str(51_000_000 + number),
        "status": "complete",
        "public_score": round(0.69 + number / 4200 + noise.gauss(0, 0.008), 5),
        "rerun_seconds": 7200.0 + 3600 * noise.random() + 30 * number,
        "rerun_error": 31.0,
    }
    return Event("score", START + timedelta(hours=5 * number + 3), **{**values, **changes})


def standing(number: int) -> dict[str, Any]:
    """Where a score stood on a leaderboard with medals."""
    return {
        "teams": 3000,
        "team_rank": 400 - number,
        "score_rank": 420 - number,
        "gold_score": 0.74 + number / 9000,
        "silver_score": 0.72 + number / 9000,
        "bronze_score": 0.71 + number / 9000,
    }


def events(count: int) -> list[Event]:
    """A push, a submission and a score for each; every 17th rerun runs into the limit."""
    result = []
    for number in range(1, count + 1):
        result += [pushed(number), submitted(number)]
        failed = {
            "status": "error",
            "error": "Notebook Timeout",
            "public_score": None,
            "rerun_seconds": LIMIT + 40,
        }
        result.append(score(number, **(failed if number % 17 == 0 else {})))
    return result


def sweep(name: str = "s1", model: str = "b0") -> list[Event]:
    """A sweep of five folds for each of eight settings; the fold 4 of the first failed."""
    rates, models = ("1e-2", "1e-3", "1e-4", "1e-5"), (model, "tf_efficientnet_b7_ns")
    settings = [{"lr": rate, "model": one, "loss": "focal"} for rate in rates for one in models]
    jobs = [
        Job(
            name,
            40,
            f"j{number}-{fold}",
            "train",
            {**setting, "fold": str(fold)},
            f"ada/train-{name}-j{number}-{fold}",
            Part("ada/cmi-codes", 1, "c" * 64),
            status="error" if (number, fold) == (0, 4) else "complete",
            metrics={} if (number, fold) == (0, 4) else {"cv": 0.7 + number / 100 + fold / 1000, "rows": 9.0},
        )
        for number, setting in enumerate(settings)
        for fold in range(5)
    ]
    return [job.event() for job in jobs]
