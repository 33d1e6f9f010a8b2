"""The run report: what a run found, did and used. It is written on success and on failure.

It is both a file of the output, `run-report.json`, and one line of the log: sometimes only one of the two can be
downloaded. It never contains environment variables, some of which are tokens.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

REPORT_NAME = "run-report.json"
# Left by the entry point of a blend, and taken into the run report.
BLEND_REPORT_NAME = "blend-report.json"
LOG_PREFIX = "kaggle_shim report: "


@dataclass
class Report:
    """Values collected during a run.

    Attributes:
        values: reported values by name.
        phases: seconds by phase, in order.
        warnings: every warning, in order.
    """

    values: dict[str, Any] = field(default_factory=dict)
    phases: dict[str, float] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """Time a block under `name`."""
        started = time.monotonic()
        try:
            yield
        finally:
            self.phases[name] = round(time.monotonic() - started, 3)

    def say(self, sentence: str) -> None:
        """Print one line."""
        print(f"kaggle_shim: {sentence}", flush=True)

    def warn(self, sentence: str) -> None:
        """Print a warning and keep it."""
        self.warnings.append(sentence)
        self.say(f"warning: {sentence}")

    def write(self, folder: Path) -> None:
        """Write the report into `folder` and print it as one line; if the disk is full, print a warning."""
        value = {"schema": 1, **self.values, "phases": self.phases, "warnings": self.warnings}
        temporary = folder / f".{REPORT_NAME}.tmp"
        try:
            temporary.write_text(json.dumps(value, indent=1) + "\n", encoding="utf-8")
            os.replace(temporary, folder / REPORT_NAME)
        except OSError as error:
            # The failure that filled the disk matters more.
            self.say(f"warning: the run report can't be written ({error}).")
        print(LOG_PREFIX + json.dumps(value), flush=True)


def image_identity(etc: Path = Path("/etc")) -> dict[str, str | None]:
    """Identify the image: Kaggle writes `/etc/git_commit` and `/etc/build_date` and sets `KAGGLE_DOCKER_IMAGE`."""
    return {
        "git_commit": _line(etc / "git_commit"),
        "build_date": _line(etc / "build_date"),
        "docker_image": os.environ.get("KAGGLE_DOCKER_IMAGE"),
    }


def facts() -> dict[str, Any]:
    """Python, image and machine of a run, for the report."""
    return {
        "python": ".".join(str(part) for part in sys.version_info[:3]),
        "image": image_identity(),
        "machine": {"cpus": os.cpu_count(), "platform": sys.platform},
    }


def gpu_names() -> list[str]:
    """Names of the GPUs that the driver reports."""
    import shutil
    import subprocess

    command = [
        shutil.which("nvidia-smi") or "/opt/bin/nvidia-smi",
        "--query-gpu=name",
        "--format=csv,noheader",
    ]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    except (OSError, subprocess.SubprocessError):
        return []
    return [line.strip() for line in done.stdout.splitlines() if line.strip()]


def _line(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8").strip() or None
    except (OSError, UnicodeDecodeError):
        return None
