"""The workspace and the local Kaggle of tests/push, and a machine without credentials."""

import os
from pathlib import Path

import pytest

from tests.push.conftest import made, scene

__all__ = ["alone", "made", "scene"]


@pytest.fixture
def alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """No credentials of whoever runs the tests; returns the home folder, which is empty."""
    for name in [
        name for name in os.environ if any(word in name for word in ("TOKEN", "KEY", "PASS", "_AUTH"))
    ]:
        monkeypatch.delenv(name)
    for name in ("KAGGLE_CONFIG_DIR", "HF_HOME", "NETRC", "PIP_CONFIG_FILE"):
        monkeypatch.delenv(name, raising=False)
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("USERPROFILE", str(home))
    return home
