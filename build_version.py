"""The version of a build: the release and the commit, because pip keeps an installed package whose version has not changed."""

import re
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parent


def version() -> str:
    """Such as `0.2.0+g1a2b3c4d5e6f`; the release alone where the source is no git repository."""
    text = (ROOT / "shim" / "kaggle_shim" / "__init__.py").read_text(encoding="utf-8")
    release = re.findall(r'(?m)^__version__ = "(.+)"$', text)[0]
    if not (ROOT / ".git").exists():
        return release
    command = ["git", "rev-parse", "--short=12", "HEAD"]
    done = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, encoding="utf-8")
    return f"{release}+g{done.stdout.strip()}"
