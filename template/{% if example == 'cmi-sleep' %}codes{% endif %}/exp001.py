"""Baseline for *Child Mind Institute - Detect Sleep States*: everybody falls asleep at 23:00 and wakes up at 06:30."""

import pandas as pd
from loguru import logger
from omegaconf import OmegaConf

import kaggle_shim

CONFIG = OmegaConf.create({"onset": "23:00:00", "wakeup": "06:30:00", "score": 0.5})


def events(series: pd.DataFrame, name: str, clock: str) -> pd.DataFrame:
    """The steps at which the local clock of each series shows `clock`, as events of that name."""
    at_clock = series[series["timestamp"].str.slice(11, 19) == clock]
    return at_clock[["series_id", "step"]].assign(event=name)


def main() -> None:
    """Write submission.csv for the test series of the attached competition."""
    test = pd.read_parquet(
        kaggle_shim.find() / "test_series.parquet", columns=["series_id", "step", "timestamp"]
    )
    logger.info("{} rows of {} series", len(test), test["series_id"].nunique())
    found = [events(test, name, str(CONFIG[name])) for name in ("onset", "wakeup")]
    submission = pd.concat(found).sort_values(["series_id", "step"]).reset_index(drop=True)
    submission.insert(0, "row_id", submission.index)
    submission["score"] = CONFIG.score
    submission.to_csv("submission.csv", index=False)
    logger.info("{} events written", len(submission))


if __name__ == "__main__":
    main()
