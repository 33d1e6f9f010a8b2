"""The workspaces and local Kaggles of tests/push."""

from tests.push.conftest import made, scene

__all__ = ["made", "scene"]
