"""The workspace and the local Kaggle of tests/push."""

from tests.push.conftest import made, scene

__all__ = ["made", "scene"]
