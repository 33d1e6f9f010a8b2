"""`invoke.yaml`, read once and turned into values; the environment overrides it (`INVOKE_WORKSPACE_POLL=5`).

It is read when `tasks.py` is imported, before invoke reads it: a bad line is one sentence, not invoke's traceback.
"""

from __future__ import annotations

import difflib
import math
from collections.abc import Callable, Mapping, MutableMapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from invoke.vendor import yaml

from kaggle_workflow import setting_values
from kaggle_workflow.errors import WorkflowError

FILE = "invoke.yaml"
LOCAL_FILE = "invoke.local.yaml"
_PREFIX = "INVOKE_WORKSPACE_"
_MOST_VALUES = 10_000
_ASSUMED_LIMIT = 9 * 3600.0
_DEFAULT_SUBMISSION = {"file": "submission.csv", "gateway": "submission.parquet"}


@dataclass(frozen=True)
class Settings:
    """What `workspace:` in `invoke.yaml` says; seconds are floats, times are written such as `9h` or `1h30m`.

    Attributes:
        id: id of this workspace, None when the file does not say (then `Workspace.id` derives one).
        entry: entry point with its own words: `exp001.py`, `-m solution.infer`, `bash run.sh`.
        args: arguments after it.
        environment: variables for the entry point.
        limit: seconds the competition allows, None when it is not set (9 h are assumed, with a warning).
        warn_at: share of the limit from which the run warns.
        guard: seconds after which the entry point is ended, None for never.
        grace: seconds between SIGTERM and SIGKILL then.
        partial: file that serves as the submission when the guard ended the run.
        submission: name of the file that is scored, None for what `output` implies.
        output: `file` or `gateway`.
        check: `exists`, `columns` or `strict`.
        codes: `dataset` or `inline`.
        save_run: `full` or `light`.
        wheels: attached datasets (`owner/slug`) that hold wheels.
        poll: ceiling in seconds between two looks at Kaggle.
        allow: refusals that are overridden in this workspace.
        owner: account that takes the place of the owner of our ids.
        data: where the local counterparts of Kaggle's mounts lie.
        better: `higher` or `lower`: which score is the better one; None when it is not set.
        public_rows: on how many rows of the test set the public score is computed, None when unknown.
        metric: `module:function` in `codes/` that scores a rehearsed submission; the function is `score` where none is named.
        truth: the file that it is scored against, relative to the workspace.
        notify: `desktop` or the address of a webhook that is told when a submission ends, None for no notification.
        notebooks: settings of single notebooks, by folder; they override the ones above for that notebook alone.
    """

    id: str | None = None
    entry: tuple[str, ...] = ()
    args: tuple[str, ...] = ()
    environment: tuple[tuple[str, str], ...] = ()
    limit: float | None = None
    warn_at: float = 0.8
    guard: float | None = None
    grace: float = 60.0
    partial: str | None = None
    submission: str | None = None
    output: str = "file"
    check: str = "columns"
    codes: str = "dataset"
    save_run: str = "full"
    wheels: tuple[str, ...] = ()
    poll: float = 30.0
    allow: tuple[str, ...] = ()
    owner: str | None = None
    data: str = "data"
    better: str | None = None
    public_rows: float | None = None
    metric: str | None = None
    truth: str | None = None
    notify: str | None = None
    notebooks: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    def of(self, notebook: str) -> Settings:
        """The settings as they hold for the notebook in that folder."""
        return replace(self, **self.notebooks.get(notebook, {}))

    @property
    def submission_name(self) -> str:
        """The file that is scored."""
        return self.submission if self.submission is not None else _DEFAULT_SUBMISSION[self.output]

    @property
    def limit_seconds(self) -> float:
        """The limit that a run is measured against, assumed when it is not set."""
        return _ASSUMED_LIMIT if self.limit is None else self.limit


def load(root: Path, environ: MutableMapping[str, str]) -> Settings:
    """Read the settings of a workspace.

    Args:
        root: the workspace.
        environ: the process's environment. Lists are taken out of it, since invoke can't cast them.

    Raises:
        WorkflowError: a file or variable that does not read as a setting, in one sentence with its line where there is one.
    """
    settings = Settings()
    for name in (FILE, LOCAL_FILE):
        settings = _overlay(settings, _read(root / name), name)
    for one in fields(Settings):
        variable = _PREFIX + one.name.upper()
        if variable in environ:
            settings = replace(settings, **{one.name: _PARSERS[one.name](environ[variable], variable)})
    for name in ("ARGS", "ALLOW", "WHEELS", "ENVIRONMENT", "NOTEBOOKS"):
        environ.pop(_PREFIX + name, None)
    return settings


def _read(path: Path) -> Mapping[str, Any]:
    if not path.is_file():
        return {}
    try:
        value = yaml.safe_load(path.read_text(encoding="utf-8"))  # type: ignore[no-untyped-call]  # invoke's vendored parser has no types
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f", line {mark.line + 1}" if mark is not None else ""
        raise WorkflowError(
            f"{path.name}{line} is not YAML ({getattr(error, 'problem', error)}): correct that line."
        ) from error
    except (OSError, UnicodeDecodeError, RecursionError) as error:
        raise WorkflowError(f"{path.name} can't be read ({error}): save it as UTF-8 text.") from error
    if value is None:
        return {}
    if _written_out(value, {}) > _MOST_VALUES:
        raise WorkflowError(
            f"{path.name} says more than {_MOST_VALUES} values, through aliases (*name) of aliases: write it without."
        )
    section = value.get("workspace", {}) if isinstance(value, dict) else None
    if section is None or not isinstance(section, dict):
        raise WorkflowError(
            f"{path.name} must hold `workspace:` with its settings indented below: correct its first lines."
        )
    return section


def _written_out(value: object, known: dict[int, float]) -> float:
    """How many values there are once every alias is written out; infinitely many where one holds itself."""
    if not isinstance(value, dict | list):
        return 1
    if id(value) not in known:
        known[id(value)] = math.inf
        inner = value.values() if isinstance(value, dict) else value
        known[id(value)] = 1 + sum(_written_out(one, known) for one in inner)
    return known[id(value)]


def _overlay(settings: Settings, section: Mapping[str, Any], name: str) -> Settings:
    return replace(settings, **_parsed(section, f"{name}: workspace", _PARSERS))


def _parsed(
    section: Mapping[str, Any], where: str, parsers: Mapping[str, Callable[[object, str], Any]]
) -> dict[str, Any]:
    values = {}
    for key, value in section.items():
        name = str(key).replace("-", "_")
        if name not in parsers:
            close = difflib.get_close_matches(name, parsers, n=1)
            known = ", ".join(sorted(parsers)).replace("_", "-")
            meant = f"did you mean {close[0].replace('_', '-')}?" if close else f"known are {known}."
            raise WorkflowError(f"{where}.{key} is no setting: {meant}")
        values[name] = parsers[name](value, f"{where}.{key}")
    return values


def _notebooks(value: object, where: str) -> dict[str, dict[str, Any]]:
    if not isinstance(value, dict) or not all(isinstance(section, dict) for section in value.values()):
        raise WorkflowError(
            f"{where} is {value!r}: write the notebook's folder, and its settings indented below."
        )
    parsers = {name: _PARSERS[name] for name in _OF_A_NOTEBOOK}
    return {str(folder): _parsed(section, f"{where}.{folder}", parsers) for folder, section in value.items()}


_PARSERS: Mapping[str, Callable[[object, str], Any]] = {
    "id": setting_values.text,
    "entry": setting_values.words,
    "args": setting_values.words,
    "environment": setting_values.variables,
    "limit": setting_values.duration,
    "warn_at": setting_values.number(0.01, 1),
    "guard": setting_values.duration,
    "grace": setting_values.duration,
    "partial": setting_values.relative,
    "submission": setting_values.relative,
    "output": setting_values.one_of("file", "gateway"),
    "check": setting_values.one_of("exists", "columns", "strict"),
    "codes": setting_values.one_of("dataset", "inline"),
    "save_run": setting_values.one_of("full", "light"),
    "wheels": setting_values.names,
    "poll": setting_values.number(0.01, 3600),
    "allow": setting_values.names,
    "owner": setting_values.text,
    "data": setting_values.text,
    "better": setting_values.one_of("higher", "lower"),
    "public_rows": setting_values.number(1, 1e12),
    "metric": setting_values.text,
    "truth": setting_values.relative,
    "notify": setting_values.notification,
    "notebooks": _notebooks,
}

_OF_A_NOTEBOOK = (
    *("entry", "args", "environment", "limit", "warn_at", "guard", "grace", "partial"),
    *("submission", "output", "check", "save_run", "wheels"),
)
