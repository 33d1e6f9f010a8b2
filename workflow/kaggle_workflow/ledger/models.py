"""Models on Kaggle: variations and versions with size and date, and the submissions that used them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from typing import Any

from kaggle_shim.refs import ModelRef
from kaggle_workflow.errors import WorkflowError
from kaggle_workflow.files import read_object, write_text
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


def rows(workspace: Workspace, kaggle: Kaggle, models: Sequence[str], *, everything: bool) -> tuple[Row, ...]:
    """Every version of the models.

    Args:
        workspace: the workspace.
        kaggle: Kaggle.
        models: as `owner/model`; empty for those that this workspace attaches, pushed or submitted.
        everything: list every model of the account instead.

    Raises:
        WorkflowError: a name is not that of a model.
    """
    attached = _attached(workspace)
    submissions = history_fold.fold(ledger.read(workspace.root).events)
    wanted = _wanted(workspace, kaggle, models, attached, submissions, everything=everything)
    # Size and date of a version never change: each is read once.
    cache = read_object(workspace.build / _CACHE)
    known = dict(cache)
    found = []
    for owner, model in wanted:
        for variation in kaggle.model_variations(owner, model):
            for number in kaggle.model_version_numbers(variation):
                ref = replace(variation, version=number)
                found.append(_row(ref, _facts(kaggle, ref, known), attached, submissions))
    if known != cache:
        write_text(workspace.build / _CACHE, json.dumps(known, indent=1) + "\n")
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
            raise WorkflowError(f"{name!r} is not a model: write owner/model.")
        found.append((parts[0], parts[1]))
    return list(dict.fromkeys(found))


def _attached(workspace: Workspace) -> list[tuple[str, ModelRef]]:
    return [
        (name, ref)
        for name in workspace.notebook_names()
        for ref in workspace.notebook(name).metadata.sources
        if isinstance(ref, ModelRef)
    ]


def _facts(kaggle: Kaggle, ref: ModelRef, known: dict[str, Any]) -> ModelVersion | None:
    """Size and date of a version, from `known` or from Kaggle; None while it is being processed."""
    with suppress(KeyError, TypeError):
        return ModelVersion(**known[str(ref)])
    try:
        facts = kaggle.model_version_facts(ref)
    except NotThere:
        return None
    known[str(ref)] = asdict(facts)
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
