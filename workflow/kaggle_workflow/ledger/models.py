"""Models at Kaggle: variations and versions with size and date, and which submissions used them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from kaggle_shim.refs import ModelRef
from kaggle_workflow.errors import WorkflowError
from kaggle_workflow.files import write_text
from kaggle_workflow.kaggle.client import Kaggle
from kaggle_workflow.kaggle.errors import NotThere
from kaggle_workflow.kaggle.values import ModelVersion
from kaggle_workflow.ledger import book as ledger
from kaggle_workflow.ledger import fold as history_fold
from kaggle_workflow.ledger.fold import Submission
from kaggle_workflow.workspace import Workspace

_CACHE = "known/model-versions.json"


@dataclass(frozen=True)
class Row:
    """One version of a variation.

    Attributes:
        variation: `owner/model/framework/variation`.
        version: its number.
        files: number of files, None while it is being processed.
        size: bytes, None likewise.
        date: when its newest file was made (ISO 8601, UTC; "" when not known).
        attached: folders of the notebooks that attach this version.
        submissions: references of the submissions that used it, oldest first.
    """

    variation: str
    version: int
    files: int | None
    size: int | None
    date: str
    attached: tuple[str, ...] = ()
    submissions: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """As plain JSON values."""
        return asdict(self)


def rows(workspace: Workspace, kaggle: Kaggle, models: Sequence[str], *, everything: bool) -> tuple[Row, ...]:
    """Every version of the models asked for.

    Args:
        workspace: the workspace.
        kaggle: Kaggle.
        models: `owner/model`, several; none for those that this workspace attaches, pushed or submitted.
        everything: every model of the account instead.

    Raises:
        WorkflowError: a name reads as no model.
    """
    attached = _attached(workspace)
    submissions = history_fold.fold(ledger.read(workspace.root).events)
    wanted = _wanted(workspace, kaggle, models, attached, submissions, everything=everything)
    cache = _Cache(workspace.build / _CACHE)
    found = []
    for owner, model in wanted:
        for variation in kaggle.model_variations(owner, model):
            for number in kaggle.model_version_numbers(variation):
                ref = replace(variation, version=number)
                facts = cache.of(ref) or _facts(kaggle, ref, cache)
                found.append(_row(ref, facts, attached, submissions))
    cache.write()
    return tuple(found)


def _wanted(
    workspace: Workspace,
    kaggle: Kaggle,
    models: Sequence[str],
    attached: Iterable[tuple[str, ModelRef]],
    submissions: Iterable[Submission],
    *,
    everything: bool,
) -> list[tuple[str, str]]:
    if everything:
        names: Iterable[str] = kaggle.models(kaggle.account)
    elif models:
        names = models
    else:
        codes = workspace.codes.id
        own = f"{codes.owner}/{codes.slug.removesuffix('-codes')}-models"
        used = [part.ref for one in submissions for part in one.models or ()]
        names = [own, *(ref.name for _, ref in attached), *used]
    found = []
    for name in names:
        parts = name.split("/")
        if len(parts) < 2 or not all(parts[:2]):  # noqa: PLR2004 - owner and model
            raise WorkflowError(f"{name!r} names no model: write owner/model.")
        found.append((parts[0], parts[1]))
    return list(dict.fromkeys(found))


def _attached(workspace: Workspace) -> list[tuple[str, ModelRef]]:
    return [
        (name, ref)
        for name in workspace.notebook_names()
        for ref in workspace.notebook(name).metadata.sources
        if isinstance(ref, ModelRef)
    ]


def _facts(kaggle: Kaggle, ref: ModelRef, cache: _Cache) -> ModelVersion | None:
    try:
        facts = kaggle.model_version_facts(ref)
    except NotThere:
        return None
    cache.note(ref, facts)
    return facts


def _row(
    ref: ModelRef,
    facts: ModelVersion | None,
    attached: Iterable[tuple[str, ModelRef]],
    submissions: Iterable[Submission],
) -> Row:
    def same(name: str, version: int | None) -> bool:
        return version == ref.version and name.lower() == ref.name.lower()

    users = [one.ref for one in submissions if any(same(part.ref, part.version) for part in one.models or ())]
    folders = [name for name, other in attached if same(other.name, other.version)]
    return Row(
        ref.name,
        ref.version or 0,
        facts.files if facts else None,
        facts.size if facts else None,
        facts.date if facts else "",
        tuple(folders),
        tuple(users),
    )


class _Cache:
    """Sizes and dates of versions, which never change: each is asked for once."""

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            value = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            value = {}
        self._known: dict[str, Any] = value if isinstance(value, dict) else {}
        self._changed = False

    def of(self, ref: ModelRef) -> ModelVersion | None:
        try:
            return ModelVersion(**self._known[str(ref)])
        except (KeyError, TypeError):
            return None

    def note(self, ref: ModelRef, facts: ModelVersion) -> None:
        self._known[str(ref)] = asdict(facts)
        self._changed = True

    def write(self) -> None:
        if self._changed:
            write_text(self._path, json.dumps(self._known, indent=1) + "\n")
