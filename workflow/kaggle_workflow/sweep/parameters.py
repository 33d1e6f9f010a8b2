"""What the jobs of a sweep are: their parameters from a grid or a file, and their names. No network, nothing is written."""

from __future__ import annotations

import csv
import hashlib
import itertools
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from kaggle_workflow import names
from kaggle_workflow.errors import WorkflowError

VARIABLE = "SWEEP_"
Parameters = Mapping[str, str]

_PARAMETER = re.compile(r"[A-Za-z][A-Za-z0-9_.-]*")
_SWEEP = re.compile(r"[a-z0-9]{1,12}")
# Set beside the parameters, for the entry point's own log.
_OURS = ("name", "job")
_DIGEST = 6


def of_grid(grid: Sequence[str]) -> list[Parameters]:
    """Every combination of `name=value,value…` texts, the last name varying fastest; raises WorkflowError."""
    axes: dict[str, list[str]] = {}
    for text in grid:
        name, mark, values = text.partition("=")
        if not mark or not values:
            raise WorkflowError(
                f"--grid {text} has no values: write a name and its values, such as fold=0,1,2."
            )
        if name in axes:
            raise WorkflowError(f"--grid gives {name} twice: write its values in one, such as {name}=0,1.")
        axes[name] = [value.strip() for value in values.split(",")]
        if "" in axes[name]:
            raise WorkflowError(f"--grid {text} has an empty value: remove the comma that stands alone.")
    return [dict(zip(axes, values, strict=True)) for values in itertools.product(*axes.values())]


def of_file(path: Path) -> list[Parameters]:
    """The jobs of a CSV file (a header with the names, a row a job) or a YAML file (a list of mappings); raises WorkflowError."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise WorkflowError(f"{path} can't be read ({error}): correct --file.") from error
    rows = _rows_of_csv(text, path) if path.suffix.lower() == ".csv" else _rows_of_yaml(text, path)
    if not rows:
        raise WorkflowError(f"{path.name} lists no job: write a row for each.")
    return rows


def _rows_of_csv(text: str, path: Path) -> list[Parameters]:
    rows: list[Parameters] = []
    reader = csv.DictReader(text.splitlines())
    columns = [name.strip() for name in reader.fieldnames or ()]
    if len(set(columns)) < len(columns):
        raise WorkflowError(f"{path.name} has two columns of one name: rename one.")
    for number, row in enumerate(reader, 2):
        if None in row or None in row.values():
            raise WorkflowError(
                f"{path.name}, line {number}: it has other columns than the first line. Correct it."
            )
        rows.append({str(name).strip(): str(value).strip() for name, value in row.items()})
    return rows


def _rows_of_yaml(text: str, path: Path) -> list[Parameters]:
    from invoke.vendor import yaml

    try:
        value = yaml.safe_load(text)  # type: ignore[no-untyped-call]  # invoke's vendored parser has no types
    except yaml.YAMLError as error:
        raise WorkflowError(f"{path.name} is not YAML ({error}): correct it.") from error
    if not isinstance(value, list) or not all(isinstance(row, dict) for row in value):
        raise WorkflowError(
            f"{path.name} is not a list of jobs: write `- fold: 0` and the like, a list item a job."
        )
    return [{str(name): _spelled(one, path) for name, one in row.items()} for row in value]


def _spelled(value: Any, path: Path) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if not isinstance(value, str | int | float):
        raise WorkflowError(f"{path.name}: {value!r} is not a single value: write a text or a number.")
    return str(value)


def check(jobs: Sequence[Parameters], args: Sequence[str], environment: Sequence[str]) -> None:
    """Refuse parameters that can't reach the entry point, and jobs that are equal.

    Args:
        jobs: the parameters of each job.
        args: the words that `invoke.yaml` gives the entry point.
        environment: the names of the variables that it sets.

    Raises:
        WorkflowError: in one sentence with the parameter or the jobs.
    """
    used = {word.removeprefix("--").partition("=")[0] for word in args if word.startswith("--")}
    for name in dict.fromkeys(name for job in jobs for name in job):
        if not _PARAMETER.fullmatch(name):
            raise WorkflowError(
                f"The parameter {name!r} can't be an option: begin with a letter, then letters, digits, - and _."
            )
        if name.lower() in _OURS or variable(name) in environment:
            raise WorkflowError(
                f"The parameter {name} would replace {variable(name)}, which is set already: choose another name."
            )
        if name in used:
            raise WorkflowError(
                f"The parameter {name} is also among the args of invoke.yaml (--{name}): remove it there."
            )
    variables = Counter(variable(name) for name in {name for job in jobs for name in job})
    shared = [name for name, count in variables.items() if count > 1]
    if shared:
        raise WorkflowError(f"Two parameters would share the variable {shared[0]}: rename one.")
    if {} in jobs:
        raise WorkflowError("A job has no parameters: give each at least one.")
    twice = [
        dict(one) for one, count in Counter(tuple(sorted(job.items())) for job in jobs).items() if count > 1
    ]
    if twice:
        raise WorkflowError(
            f"Two jobs are equal ({words(twice[0])}): remove one, or add a parameter such as seed."
        )


def variable(name: str) -> str:
    """The environment variable that holds a parameter: `SWEEP_LR` for `lr`."""
    return VARIABLE + re.sub(r"[^A-Z0-9]", "_", name.upper())


def words(parameters: Parameters) -> str:
    """Parameters as people read them: `fold=0 lr=1e-3`."""
    return " ".join(f"{name}={value}" for name, value in parameters.items())


def arguments(parameters: Parameters) -> tuple[str, ...]:
    """The arguments of the entry point: `--fold=0`, one word each, so that a negative number is no option."""
    return tuple(f"--{name}={value}" for name, value in parameters.items())


def check_sweep_name(name: str) -> None:
    """Raise WorkflowError for a name of a sweep that can't be part of a slug."""
    if not _SWEEP.fullmatch(name):
        raise WorkflowError(
            f"--name {name} can't be used: write up to 12 small letters and digits, such as lr2."
        )


def named(jobs: Sequence[Parameters], longest: int) -> list[str]:
    """Names of the jobs, each different and fit for a slug: `fold0-lr1e-3`.

    Args:
        jobs: the parameters of each job; no two are equal.
        longest: how many characters a name may have. A longer one, and one that two jobs would share, ends in a digest.
    """
    plain = [names.slugify("-".join(f"{name}{value}" for name, value in job.items())) for job in jobs]
    shared = Counter(plain)
    return [
        name if len(name) <= longest and shared[name] == 1 else _with_digest(name, job, longest)
        for name, job in zip(plain, jobs, strict=True)
    ]


def _with_digest(name: str, job: Parameters, longest: int) -> str:
    digest = hashlib.sha256(words(job).encode()).hexdigest()[:_DIGEST]
    return f"{name[: longest - _DIGEST - 1].strip('-')}-{digest}".strip("-")
