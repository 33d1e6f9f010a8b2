"""A server that speaks Kaggle's wire protocol to the real clients; see README.md beside this file."""

from tests.local_kaggle.behaviour import Behaviour
from tests.local_kaggle.faults import Fault
from tests.local_kaggle.runner import RunOrder, RunOutcome, SandboxRunner, ScriptedRunner
from tests.local_kaggle.server import LocalKaggle

__all__ = ["Behaviour", "Fault", "LocalKaggle", "RunOrder", "RunOutcome", "SandboxRunner", "ScriptedRunner"]
