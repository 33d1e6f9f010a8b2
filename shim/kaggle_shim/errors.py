"""What can go wrong inside a Kaggle notebook, one class per room."""


class ShimError(Exception):
    """Base of every error of the shim: one sentence that names the thing and says what to do."""

    def _render_traceback_(self) -> list[str]:
        """What IPython shows in a cell: the sentence alone, since our own frames help nobody."""
        return [f"{type(self).__name__}: {self}"]


class RefError(ShimError):
    """A reference to a competition, dataset, notebook or model does not read as one."""


class MountError(ShimError):
    """An input is missing, ambiguous, or not the one that was planned."""


class ManifestError(ShimError):
    """A manifest is unreadable, or the files beside it are not the files it lists."""


class PlanError(ShimError):
    """The plan that a pushed notebook carries is missing or unreadable."""


class WheelError(ShimError):
    """A file is not a wheel that this interpreter can use."""


class InstallError(ShimError):
    """The wheels can't be laid over the image."""


class CollectError(ShimError):
    """The wheels that the image lacks can't be resolved, built or proved."""


class EntryPointError(ShimError):
    """The entry point is missing, failed, or ran out of time."""


class SubmissionError(ShimError):
    """The submission file is missing or not what the competition's sample announces."""
