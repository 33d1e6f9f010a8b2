"""The workspaces and local Kaggles of tests/push and tests/submit."""

from tests.push.conftest import scene
from tests.submit.conftest import desk, made, pushed_once

__all__ = ["desk", "made", "pushed_once", "scene"]
