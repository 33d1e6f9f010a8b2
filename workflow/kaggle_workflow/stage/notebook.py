"""`build/<notebook>`: a notebook and its metadata, byte for byte as the official client uploads them."""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kaggle_shim import refs
from kaggle_shim.manifest import CODES_MANIFEST
from kaggle_shim.plan import Plan
from kaggle_workflow.credentials import scan as secrets_scan
from kaggle_workflow.credentials import workspace as secrets_workspace
from kaggle_workflow.files import remove_tree
from kaggle_workflow.findings import ERROR, WARNING, Finding
from kaggle_workflow.metadata import KERNEL_FILE
from kaggle_workflow.stage import bundle, compose, plans, requirements
from kaggle_workflow.stage import codes as stage_codes
from kaggle_workflow.workspace import Notebook, Workspace


@dataclass(frozen=True)
class StagedNotebook:
    """A staged notebook: its folder, the file in it, its plan, and what was corrected or left out."""

    folder: Path
    file: Path
    plan: Plan
    corrections: tuple[str, ...]


@dataclass(frozen=True)
class StagedDeps:
    """The staged wheel notebook, what it was asked for, and the dataset of the user's own wheels, if there are any."""

    notebook: StagedNotebook
    asked: requirements.Asked
    wheels: tuple[refs.DatasetRef, Path] | None


def stage_deps(workspace: Workspace, notebook: Notebook) -> StagedDeps:
    """Stage the wheel notebook; raises WorkflowError when something of it can't be used."""
    asked = requirements.read_asked(workspace, image_of(notebook))
    secrets_scan.refuse(requirements.search_credentials(workspace, asked.files))
    wheels = None
    if asked.wheels:
        ref = plans.wheels_id(notebook.metadata.id)
        wheels = (ref, workspace.root / "deps" / requirements.WHEELS)
    plan = plans.for_collecting(workspace, notebook, asked, wheels[0] if wheels else None)
    extra = [wheels[0]] if wheels else []
    return StagedDeps(_write(workspace, notebook, plan, "", extra), asked, wheels)


def stage_running(
    workspace: Workspace,
    notebook: Notebook,
    codes: stage_codes.Staged,
    known: plans.Known,
    entry: tuple[str, ...] | None = None,
    without: frozenset[str] = frozenset(),
    *,
    light: bool = False,
) -> StagedNotebook:
    """Stage a notebook that runs an entry point; raises WorkflowError when something of it can't be used."""
    plan = plans.for_running(workspace, notebook, known, entry, without, light=light)
    packed = ""
    if plan.inline_codes is not None:
        names = [CODES_MANIFEST, *(file.path for file in codes.manifest.files)]
        packed = bundle.pack((name, codes.folder / name) for name in names)
    staged = _write(workspace, notebook, plan, packed, [])
    notes = (*staged.corrections, *plans.wheels_not_attached(workspace, notebook))
    return dataclasses.replace(staged, corrections=notes)


def calls(source: compose.Source, function: str) -> bool:
    """Whether a code cell of the notebook calls that function of the shim."""
    call = re.compile(rf"(?:\bkaggle_shim\s*\.\s*|(?<![\w.])){function}\s*\(")
    return any(call.search(cell["source"]) for cell in source.node["cells"] if cell["cell_type"] == "code")


def findings_of(workspace: Workspace, notebook: Notebook, source: compose.Source) -> tuple[Finding, ...]:
    """Findings about the notebook itself."""
    path = f"{notebook.name}/{notebook.metadata.code_file}"
    found = [Finding(WARNING, "kernel-name", path, sentence) for sentence in source.corrections]
    found += [
        Finding(WARNING, "accelerator", path, sentence) for sentence in _pulled_settings(notebook, source)
    ]
    wanted = "collect" if notebook.collects else "run"
    if not calls(source, wanted):
        sentence = f"no cell calls kaggle_shim.{wanted}(). Add a cell with `import kaggle_shim; kaggle_shim.{wanted}()`."
        found.append(Finding(ERROR, "no-call", path, sentence))
    attached = {ref.name for ref in notebook.metadata.sources if isinstance(ref, refs.DatasetRef)}
    if (
        not notebook.collects
        and workspace.settings.codes == "dataset"
        and workspace.codes.id.name not in attached
    ):
        sentence = f"the code dataset {workspace.codes.id.name} is not attached. Add it to dataset_sources, or set workspace.codes to inline in invoke.yaml."
        found.append(Finding(ERROR, "codes-not-attached", f"{notebook.name}/{KERNEL_FILE}", sentence))
    return tuple(found)


def _pulled_settings(notebook: Notebook, source: compose.Source) -> Iterator[str]:
    """What the site wrote into a notebook that was downloaded from it, where kernel-metadata.json differs."""
    settings = source.node.get("metadata", {}).get("kaggle")
    if not isinstance(settings, dict):
        return
    about = notebook.metadata
    said = str(settings.get("accelerator") or "none").lower()
    ours = (about.machine_shape.lower(), about.accelerator or "none")
    if "accelerator" in settings and said not in ours:
        yield f"the notebook was saved with the accelerator {settings['accelerator']}, but {KERNEL_FILE} says {ours[0] or ours[1]}. Kaggle uses {KERNEL_FILE}."
    internet = settings.get("isInternetEnabled")
    if isinstance(internet, bool) and internet != about.enable_internet:
        state = "on" if internet else "off"
        yield f"the notebook was saved with internet {state}, but {KERNEL_FILE} says the opposite. Kaggle uses {KERNEL_FILE}."


def image_of(notebook: Notebook) -> str:
    """What a notebook's metadata says about its image, as one text."""
    raw = notebook.metadata.raw
    return json.dumps(
        [raw.get("docker_image"), raw.get("docker_image_pinning_type"), notebook.metadata.machine_shape]
    )


def _write(
    workspace: Workspace, notebook: Notebook, plan: Plan, packed: str, extra: list[refs.DatasetRef]
) -> StagedNotebook:
    source = compose.read_source(notebook.source)
    secrets_scan.refuse(secrets_workspace.search_sent_notebook(workspace, notebook, source.node, plan))
    text = compose.compose(source, plan, plan.template, bundle.pack_shim(plan.role), packed)
    folder = workspace.build / notebook.name
    wanted = {KERNEL_FILE, notebook.metadata.code_file}
    if folder.is_dir():
        for path in folder.iterdir():
            if path.name not in wanted:
                remove_tree(path)
    stage_codes.write_if_changed(folder / KERNEL_FILE, _metadata_text(workspace, notebook, extra))
    stage_codes.write_if_changed(folder / notebook.metadata.code_file, text)
    return StagedNotebook(folder, folder / notebook.metadata.code_file, plan, source.corrections)


def _metadata_text(workspace: Workspace, notebook: Notebook, extra: list[refs.DatasetRef]) -> str:
    """The metadata as it is sent: every switch written out, our ids under the account that pushes."""
    about = notebook.metadata
    left_out: set[str] = set()
    if not notebook.collects:
        deps = plans.deps_id(workspace)
        if workspace.settings.codes == "inline":
            left_out.add(workspace.codes.id.name)
        if deps is not None and plans.collecting(workspace) is None:
            left_out.add(deps.name)
    kept = [ref for ref in about.sources if getattr(ref, "name", str(ref)) not in left_out]

    def named(kind: type[refs.Ref]) -> list[str]:
        return [str(ref) for ref in [*kept, *extra] if isinstance(ref, kind)]

    value: dict[str, Any] = {
        **about.raw,
        "id": str(about.id),
        "is_private": about.is_private,
        "enable_gpu": about.enable_gpu,
        "enable_tpu": about.enable_tpu,
        "enable_internet": about.enable_internet,
        "dataset_sources": named(refs.DatasetRef),
        "competition_sources": named(refs.CompetitionRef),
        "kernel_sources": named(refs.NotebookRef),
        "model_sources": named(refs.ModelRef),
    }
    if "machine_shape" in about.raw:
        value["machine_shape"] = about.machine_shape
    return json.dumps(value, indent=2, ensure_ascii=False) + "\n"
