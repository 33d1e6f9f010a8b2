"""What can go wrong on the developer's machine, each class with the exit code (docs/reference/exit-codes.md)."""


class WorkflowError(Exception):
    """Something here is wrong and nothing was sent: one sentence that names the thing and says what to do."""

    exit_code = 2


class Refused(WorkflowError):
    """A check refused; `--allow NAME` (or `workspace.allow`) overrides it.

    Args:
        name: the stable name of the refusal, such as `take-over`.
        sentence: what is wrong and what to do, without the flag (it is appended).
    """

    def __init__(self, name: str, sentence: str) -> None:
        super().__init__(f"{sentence.rstrip('.')} (go on anyway: --allow {name}).")
        self.name = name


class KaggleRefused(WorkflowError):
    """Kaggle answered, and the answer is no; `said` holds its own words where there are any."""

    exit_code = 3
    said = ""


class RunFailed(WorkflowError):
    """The notebook ran and failed, on Kaggle or in rehearsal."""

    exit_code = 4


class WaitedTooLong(WorkflowError):
    """A named condition did not come true within its limit."""

    exit_code = 5


class Unreachable(WorkflowError):
    """Kaggle could not be reached or its answer was lost: nothing is assumed, running again is safe."""

    exit_code = 6
