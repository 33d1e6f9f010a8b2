"""The workspaces and local Kaggles of tests/push and tests/submit."""

from tests.push.conftest import made, scene
from tests.submit.conftest import desk, pushed_once

__all__ = ["desk", "made", "pushed_once", "scene"]
