"""Writes the generated series that the `cmi-sleep` example ships: `python benchmarks/example_data.py FOLDER`.

Nothing in them was measured on anybody. The schema is that of *Child Mind Institute - Detect Sleep States*: one row every
five seconds with series_id, step, timestamp (local time with its offset), anglez (degrees) and enmo (g).
"""

import argparse
from datetime import datetime, timedelta, timezone
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

SERIES = {
    "0a1b2c3d4e5f": ("2018-05-14T15:30:00", -4),
    "2f4e6d8c0b1a": ("2018-06-02T09:00:00", -4),
    "7c9e1f3a5b2d": ("2018-11-20T18:15:00", -5),
}
NIGHTS = 3
STEPS_A_DAY = 24 * 60 * 12
POSTURE_STEPS = 120


def series(name: str, start: str, offset: int, seed: int) -> pd.DataFrame:
    """One invented person over three nights: calm between 23:00 and 06:30, moving otherwise."""
    random = np.random.default_rng(seed)
    steps = np.arange(NIGHTS * STEPS_A_DAY, dtype=np.uint32)
    begin = datetime.fromisoformat(start).replace(tzinfo=timezone(timedelta(hours=offset)))
    stamps = [(begin + timedelta(seconds=5 * int(step))).strftime("%Y-%m-%dT%H:%M:%S%z") for step in steps]
    hour = (begin.hour + begin.minute / 60 + steps * 5 / 3600) % 24
    asleep = (hour >= 23) | (hour < 6.5)
    postures = random.integers(-60, 60, size=len(steps) // POSTURE_STEPS + 1)
    anglez = np.repeat(postures, POSTURE_STEPS)[: len(steps)] + np.where(
        asleep, 0, random.integers(-8, 9, len(steps))
    )
    enmo = np.where(asleep, 0.0, np.round(random.exponential(0.04, len(steps)), 2))
    return pd.DataFrame(
        {
            "series_id": name,
            "step": steps,
            "timestamp": stamps,
            "anglez": anglez.astype(np.float32),
            "enmo": enmo.astype(np.float32),
        }
    )


def main() -> None:
    """Write test_series.parquet and sample_submission.csv into the folder given."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    folder: Path = parser.parse_args().folder
    folder.mkdir(parents=True, exist_ok=True)
    frames = [
        series(name, start, offset, seed) for seed, (name, (start, offset)) in enumerate(SERIES.items())
    ]
    table = pa.Table.from_pandas(pd.concat(frames), preserve_index=False)
    encodings = {"timestamp": "DELTA_BYTE_ARRAY", "step": "DELTA_BINARY_PACKED"}
    pq.write_table(
        table,
        folder / "test_series.parquet",
        compression="zstd",
        compression_level=19,
        use_dictionary=["series_id", "anglez", "enmo"],
        column_encoding=encodings,
    )
    placeholders = [(name, event) for name in SERIES for event in ("onset", "wakeup") for _ in range(NIGHTS)]
    rows = [f"{row},{name},{100 + row},{event},0.0" for row, (name, event) in enumerate(placeholders)]
    (folder / "sample_submission.csv").write_text(
        "\n".join(["row_id,series_id,step,event,score", *rows]) + "\n", encoding="utf-8"
    )


if __name__ == "__main__":
    main()
