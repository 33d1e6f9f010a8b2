"""What a run can say about where it runs: image, Python, processors, GPUs."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any


def image_identity(etc: Path = Path("/etc")) -> dict[str, str | None]:
    """What says which image this is: Kaggle writes `/etc/git_commit` and `/etc/build_date` and sets `KAGGLE_DOCKER_IMAGE`."""
    return {
        "git_commit": _line(etc / "git_commit"),
        "build_date": _line(etc / "build_date"),
        "docker_image": os.environ.get("KAGGLE_DOCKER_IMAGE"),
    }


def facts() -> dict[str, Any]:
    """Python, image and machine of a run, as the report has them."""
    return {
        "python": ".".join(str(part) for part in sys.version_info[:3]),
        "image": image_identity(),
        "machine": {"cpus": os.cpu_count(), "platform": sys.platform},
    }


def gpu_names() -> list[str]:
    """Names of the GPUs that the driver shows, an empty list for none."""
    import shutil
    import subprocess

    program = shutil.which("nvidia-smi") or "/opt/bin/nvidia-smi"
    try:
        child = subprocess.run(
            [program, "--query-gpu=name", "--format=csv,noheader"],
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
    except (OSError, subprocess.TimeoutExpired):
        return []
    return (
        [line.strip() for line in child.stdout.splitlines() if line.strip()] if child.returncode == 0 else []
    )


def _line(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8").strip() or None
    except (OSError, UnicodeDecodeError):
        return None
