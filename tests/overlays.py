"""Overlays over the environment of another interpreter than the one that runs the tests."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import kaggle_shim
from kaggle_shim.overlay import Overlay

_CREATE = """
import json, sys
from pathlib import Path
from kaggle_shim import overlay
print(json.dumps(vars(overlay.create(Path(sys.argv[1]))), default=str))
"""


def create(prefix: Path, python: str | Path) -> Overlay:
    """Let an interpreter make an overlay over its own environment."""
    done = subprocess.run(
        [str(python), "-c", _CREATE, str(prefix)],
        env={**os.environ, "PYTHONPATH": str(Path(kaggle_shim.__file__).parents[1])},
        check=True,
        capture_output=True,
        text=True,
    )
    made = json.loads(done.stdout)
    image = tuple(map(Path, made.pop("image")))
    tag = made.pop("python_tag")
    return Overlay(**{name: Path(path) for name, path in made.items()}, image=image, python_tag=tag)
