"""What the server does where Kaggle's answer is not known, may vary, or must be shortened for a test."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, get_args, get_origin, get_type_hints

from tests.local_kaggle.errors import SetupError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

Layout = Literal["namespaced", "classic"]
ImageName = Literal["usual", "newer"]


@dataclass(frozen=True)
class Behaviour:
    """Switches of the local Kaggle; each default is the answer that asks more of a client.

    `[open]`, `[reports]` and `[one]` are as in docs/explanation/kaggle.md, where the facts are collected.
    """

    layout: Layout = "namespaced"
    """Where inputs are mounted; both layouts are alive and nothing in the metadata selects one [open]."""

    processing_seconds: float | None = 0.2
    """How long a dataset version is processed before it becomes current; None: until told by hand."""

    model_processing_seconds: float | None = 0.2
    """The same for a model version, whose files are listed only afterwards."""

    pin_dataset_versions: bool = False
    """Whether `owner/slug/N` in dataset_sources binds version N, or N is ignored [open]."""

    pin_notebook_versions: bool = False
    """Whether `owner/slug/N` in kernel_sources binds version N, or N is ignored [open]."""

    only_latest_model_version: bool = False
    """Whether a model source that is not the newest version is dropped as invalid [one]."""

    list_processing_versions: bool = False
    """Whether `GetDataset.versions` lists a version that is still in processing or failed [open]."""

    longest_notes: int | None = None
    """How many characters of a version's notes are kept [open]; None: all of them."""

    output_files: int | None = None
    """How many files of `/kaggle/working` are kept, in the order of their names [open]; None: every file."""

    status_of: Literal["current", "newest"] = "current"
    """Which version `GetDatasetStatus` speaks of; it takes no version, so "ready" may mean the old one [open].

    A newest version that failed is reported as failed either way.
    """

    missing_dataset: Literal[403, 404] = 403
    """The status for a dataset that does not exist: "Permission 'datasets.get' was denied" in logs of users.

    The same answer was seen for a private dataset in the first seconds after its creation [one].
    """

    missing_notebook: Literal[403, 404] = 403
    """The status for a notebook that does not exist; kaggle 2.2.4 explains a 403 as "a wrong kernel slug"."""

    missing_model: Literal[403, 404] = 404
    """The status for a model that does not exist; kagglehub 1.0.2 takes both for "create it"."""

    inactive_token: Literal["inactive", 400, 401, 403, 404] = "inactive"
    """How introspection answers an unknown or expired token; kaggle 2.2.4 dies of a 401 and copes with the rest."""

    unpack_archives: bool = True
    """Whether archives in an upload are unpacked."""

    leave_packed: tuple[str, ...] = ()
    """Name patterns of archives that stay packed all the same, as happens now and then [reports]."""

    strip_archive_folder: bool = False
    """Whether the only folder at the top of an archive is dropped when it is unpacked [reports]."""

    wheel_becomes_folder: bool = False
    """Whether a wheel is unpacked into a folder called `name.whl/`, as few reports saw."""

    late_mounts: tuple[str, ...] = ()
    """Name patterns of sources that are not mounted in the run of the version that attaches them first [reports]."""

    strip_single_folder: bool = True
    """Whether the only top-level folder of an upload is stripped [reports]."""

    incomplete_blobs: Literal["published", "refused"] = "published"
    """What becomes of a file whose upload never finished: published truncated, or the call ends with 400."""

    broken_upload_keeps: int = 256 * 1024
    """In multiples of how many bytes storage keeps what came before a connection broke: Google's documentation names 256 KiB for
    pieces, and its C++ client found nothing of less than that written (issue 1149 of fake-gcs-server) [reports].
    """

    error_form: Literal["flat", "nested"] = "flat"
    """`{"code": …, "message": …}`, which kagglesdk reads, or `{"error": {"code": …, "message": …, "status": …}}`.

    The nested form is in logs of users; with it kaggle 2.2.4 shows no reason at all ("403 Client Error: Forbidden").
    """

    failed_submissions_count: bool = False
    """Whether a submission that ended in an error counts against the daily limit; one user saw that it does not."""

    top_level_files: int = 50
    """How many files may stand at the top of a dataset."""

    source_limit: int = 1_048_576
    """The bytes of a notebook's source above which SaveKernel answers an opaque 400."""

    title_decides_slug: bool = True
    """Whether a notebook follows its title when `id` says something else [reports]."""

    gpu_sessions: int = 2
    """How many batch sessions with an accelerator may be queued or running."""

    cpu_sessions: int = 5
    """How many batch sessions without one may be queued or running."""

    gpu_devices: Literal["played", "machine"] = "played"
    """Whether a run that asks for a GPU finds two T4 in `nvidia-smi`, or what this machine has, which may be none."""

    image: ImageName = "usual"
    """Which of its two images runs start in; Kaggle replaces its image without notice, and a pinned version stays in its own."""

    gpu_hours: int = 30
    """The weekly GPU quota that GetAcceleratorQuotaStatistics answers."""

    tpu_hours: int = 20
    """The same for TPUs."""

    unentered_competition_is_invalid: bool = True
    """Whether a competition whose rules are not accepted comes back in invalid_competition_sources [open]."""

    known_tags: tuple[str, ...] | None = None
    """The keywords that exist; others come back in invalid_tags. None: every keyword exists."""

    hidden_replaces_folders: bool = True
    """Whether a folder with hidden files loses its public ones in a rerun (the test folder is *replaced*)."""

    evaluation_package_on_path: bool = False
    """Whether the folder of a competition that ships `kaggle_evaluation` is on PYTHONPATH [open]."""

    single_file_zipped: bool = False
    """Whether a single file is downloaded as `<name>.zip`; kagglehub 1.0.2 unpacks such an answer."""

    run_limit_seconds: float = 12 * 3600
    """The longest run of a saved notebook."""

    def __post_init__(self) -> None:
        for name, hint in get_type_hints(type(self)).items():
            allowed, value = get_args(hint), getattr(self, name)
            if allowed and not any(isinstance(each, type) or get_args(each) for each in allowed):
                if value not in allowed:
                    raise SetupError(
                        f"Behaviour {name} is {value!r}; use one of {', '.join(map(repr, allowed))}."
                    )
            elif not _fits(value, hint):
                raise SetupError(f"Behaviour {name} is {value!r}; it has to be {_said(hint)}.")

    @classmethod
    def parse(cls, values: Mapping[str, object]) -> Behaviour:
        """Takes switches by name, as from JSON; raises SetupError for a name that is none."""
        known = {field.name for field in dataclasses.fields(cls)}
        for name in values:
            if name not in known:
                raise SetupError(f"There is no switch called {name}; Behaviour lists them.")
        as_tuples = {name: tuple(v) if isinstance(v, list) else v for name, v in values.items()}
        return cls(**as_tuples)  # type: ignore[arg-type]  # names are checked above, values in __post_init__

    @classmethod
    def from_options(cls, layout: str, options: Iterable[str]) -> Behaviour:
        """Takes switches as they stand on the command line, `NAME=JSON`; raises SetupError for one that is not so."""
        values: dict[str, object] = {"layout": layout}
        for option in options:
            name, _, text = option.partition("=")
            try:
                values[name] = json.loads(text)
            except ValueError as error:
                raise SetupError(
                    f"--set {option}: what follows the = has to be JSON, a word in quotes for instance."
                ) from error
        return cls.parse(values)

    def with_changes(self, **changes: object) -> Behaviour:
        """The same switches but for the named ones."""
        return Behaviour.parse({**dataclasses.asdict(self), **changes})


def _fits(value: object, hint: Any) -> bool:  # a type hint can be anything
    """Whether a value has the type of a switch; an integer is a number too, true and false are not."""
    if hint is float:
        return isinstance(value, int | float) and not isinstance(value, bool)
    if hint in (int, bool):
        return type(value) is hint
    if get_origin(hint) is tuple:
        return isinstance(value, tuple) and all(isinstance(each, str) for each in value)
    if get_args(hint):
        return any(_fits(value, each) for each in get_args(hint))
    return isinstance(value, hint)


def _said(hint: Any) -> str:  # as above
    names = {float: "a number", int: "an integer", bool: "true or false", type(None): "null"}
    if hint in names:
        return names[hint]
    return "a list of names" if get_origin(hint) is tuple else " or ".join(map(_said, get_args(hint)))
