"""Errors of the shim."""


class ShimError(Exception):
    """Base of every error of the shim: one sentence that names the thing and says what to do."""

    def _render_traceback_(self) -> list[str]:
        """What IPython shows in a cell: the sentence without a traceback."""
        return [f"{type(self).__name__}: {self}"]


class RefError(ShimError):
    """A text is not a reference to a competition, dataset, notebook or model."""


class MountError(ShimError):
    """An input is missing, ambiguous, or not the one that was planned."""


class ManifestError(ShimError):
    """A manifest is unreadable, or the files beside it are not the files it lists."""


class PlanError(ShimError):
    """The plan that a pushed notebook carries is missing or unreadable."""


class WheelError(ShimError):
    """A file is not a wheel that this interpreter can use."""


class InstallError(ShimError):
    """The wheels can't be installed over the image."""


class CollectError(ShimError):
    """The wheels that the image lacks can't be resolved, built or installed."""


class EntryPointError(ShimError):
    """The entry point is missing, failed, or ran out of time."""


class SubmissionError(ShimError):
    """The submission file is missing or differs from the competition's sample."""


class BlendError(ShimError):
    """A blend's members can't be run or averaged."""
