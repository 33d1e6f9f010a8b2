"""Plans: what a staged notebook must find and do, taken from the metadata and the settings."""

from __future__ import annotations

from dataclasses import dataclass

from kaggle_shim import refs
from kaggle_shim.plan import Input, Plan
from kaggle_workflow.errors import WorkflowError
from kaggle_workflow.settings import Settings
from kaggle_workflow.stage import bundle, requirements
from kaggle_workflow.workspace import DEPS, Notebook, Workspace


@dataclass(frozen=True)
class Known:
    """Fingerprints of our own inputs, by reference without version: the run must find these."""

    codes: str
    deps: str
    others: tuple[tuple[str, str], ...] = ()


def for_collecting(
    workspace: Workspace, notebook: Notebook, asked: requirements.Asked, wheels: refs.DatasetRef | None
) -> Plan:
    """The plan of the deps notebook; `wheels` is the dataset that carries the user's own wheels."""
    inputs = tuple(Input(ref, "data") for ref in notebook.metadata.sources)
    if wheels is not None:
        inputs += (Input(wheels, "wheels"),)
    return Plan(
        role="deps",
        notebook=notebook.metadata.id.name,
        workspace=workspace.id,
        competition=notebook.metadata.competition,
        template=bundle.template_version(),
        inputs=inputs,
        internet=notebook.metadata.enable_internet,
        requirements=asked.files,
        deps_fingerprint=asked.fingerprint,
        allow=workspace.settings.allow,
    )


def for_running(
    workspace: Workspace,
    notebook: Notebook,
    known: Known,
    entry: tuple[str, ...] | None = None,
    without: frozenset[str] = frozenset(),
    *,
    light: bool = False,
) -> Plan:
    """The plan of a notebook that runs an entry point.

    Args:
        workspace: the workspace.
        notebook: the notebook.
        known: fingerprints of what is ours.
        entry: takes the place of the settings' entry point.
        without: references that are mounted empty, so that no fingerprint is asked of them.
        light: makes the run a light one, as `workspace.save-run` does.

    Raises:
        WorkflowError: no entry point is set, or the codes are neither attached nor inline.
    """
    settings = workspace.settings.of(notebook.name)
    words = entry or settings.entry
    if not words:
        raise WorkflowError(
            "No entry point is set. Set workspace.entry in invoke.yaml, for example to exp001.py."
        )
    inline = settings.codes == "inline"
    codes = workspace.codes.id
    deps, collects = deps_id(workspace), collecting(workspace) is not None
    inputs = []
    for ref in notebook.metadata.sources:
        if isinstance(ref, refs.DatasetRef) and ref.name == codes.name:
            if not inline:
                inputs.append(Input(ref, "codes", known.codes))
        elif isinstance(ref, refs.NotebookRef) and deps is not None and ref.name == deps.name:
            if not collects:
                continue
            inputs.append(Input(ref, "wheels", None if ref.name in without else known.deps))
        elif isinstance(ref, refs.DatasetRef) and ref.name in settings.wheels:
            inputs.append(Input(ref, "wheels"))
        else:
            inputs.append(Input(ref, "data", dict(known.others).get(getattr(ref, "name", str(ref)))))
    if not inline and not any(one.role == "codes" for one in inputs):
        raise WorkflowError(
            f"{notebook.name}/kernel-metadata.json: the code dataset {codes.name} is not attached. Add it to dataset_sources, "
            "or set workspace.codes to inline in invoke.yaml."
        )
    return Plan(
        role="sub",
        notebook=notebook.metadata.id.name,
        workspace=workspace.id,
        competition=notebook.metadata.competition,
        template=bundle.template_version(),
        inputs=tuple(inputs),
        inline_codes=known.codes if inline else None,
        internet=notebook.metadata.enable_internet,
        entry=(*words, *settings.args),
        environment=settings.environment,
        limit=settings.limit_seconds,
        limit_assumed=settings.limit is None,
        warn_share=settings.warn_at,
        guard=settings.guard,
        grace=settings.grace,
        partial=settings.partial,
        submission=_submission(settings, notebook),
        output=settings.output,
        check=settings.check,
        accelerator=notebook.metadata.accelerator,
        light=light or settings.save_run == "light",
        allow=settings.allow,
    )


def wheels_not_attached(workspace: Workspace, notebook: Notebook) -> list[str]:
    """A sentence for each dataset of `workspace.wheels` that the notebook does not attach."""
    attached = {ref.name for ref in notebook.metadata.sources if isinstance(ref, refs.DatasetRef)}
    return [
        f"workspace.wheels names {name}, which {notebook.name} does not attach. Its wheels are not installed: add it to dataset_sources."
        for name in workspace.settings.of(notebook.name).wheels
        if name not in attached
    ]


def _submission(settings: Settings, notebook: Notebook) -> str:
    """The file to check, "" for a notebook that can't be submitted: no competition, or internet on (one that trains)."""
    submits = notebook.metadata.competition is not None and not notebook.metadata.enable_internet
    return settings.submission_name if submits or settings.submission is not None else ""


def deps_id(workspace: Workspace) -> refs.NotebookRef | None:
    """The deps notebook, None in a workspace without one."""
    return workspace.notebook(DEPS).metadata.id if DEPS in workspace.notebook_names() else None


def collecting(workspace: Workspace) -> refs.NotebookRef | None:
    """The deps notebook if it has anything to collect, None otherwise."""
    if DEPS not in workspace.notebook_names() or not requirements.asks(workspace):
        return None
    return workspace.notebook(DEPS).metadata.id


def wheels_id(deps: refs.NotebookRef) -> refs.DatasetRef:
    """The dataset that carries the user's own wheels to the deps notebook: `…-deps` becomes `…-wheels`."""
    stem = deps.slug.removesuffix("-deps")
    return refs.DatasetRef(deps.owner, f"{stem}-wheels")
