"""The run report: what a run found, did and used, written whatever happens.

It lies in the notebook's output as `run-report.json` and stands in the log as one line, so that it can be read where only
one of the two can be had. The environment is never part of it.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

REPORT_NAME = "run-report.json"
LOG_PREFIX = "kaggle_shim report: "


@dataclass
class Report:
    """Collected while the run goes on.

    Attributes:
        values: what is written, by name.
        phases: seconds by phase, in order.
        warnings: every warning, in order.
    """

    values: dict[str, Any] = field(default_factory=dict)
    phases: dict[str, float] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """Time what happens inside under `name`."""
        started = time.monotonic()
        try:
            yield
        finally:
            self.phases[name] = round(time.monotonic() - started, 3)

    def say(self, sentence: str) -> None:
        """Print one line of ours."""
        print(f"kaggle_shim: {sentence}", flush=True)

    def warn(self, sentence: str) -> None:
        """Print a warning and keep it."""
        self.warnings.append(sentence)
        self.say(f"warning: {sentence}")

    def write(self, folder: Path) -> None:
        """Write the report into `folder` and print it as one line; a disk too full for it is a line in the log."""
        value = {"schema": 1, **self.values, "phases": self.phases, "warnings": self.warnings}
        temporary = folder / f".{REPORT_NAME}.tmp"
        try:
            temporary.write_text(json.dumps(value, indent=1) + "\n", encoding="utf-8")
            os.replace(temporary, folder / REPORT_NAME)
        except OSError as error:
            # A full disk must not hide the failure that filled it.
            self.say(f"warning: the run report can't be written ({error}).")
        print(LOG_PREFIX + json.dumps(value), flush=True)
