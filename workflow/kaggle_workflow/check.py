"""`invoke check`: find every error of the workspace that shows without network."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

from kaggle_shim import entry, local, refs
from kaggle_workflow import attached, code_reading, import_check, metadata, model_files, names
from kaggle_workflow.credentials import workspace as secrets_workspace
from kaggle_workflow.errors import WorkflowError
from kaggle_workflow.findings import ERROR, WARNING, Finding, relative
from kaggle_workflow.fix import everything as fix
from kaggle_workflow.images import catalogue as images
from kaggle_workflow.known import Known
from kaggle_workflow.settings import FILE as SETTINGS
from kaggle_workflow.stage import bundle, compose, plans, requirements, tree
from kaggle_workflow.stage import notebook as stage_notebook
from kaggle_workflow.workspace import CODES, DEPS, SUB, Notebook, Workspace
from kaggle_workflow.workspace import findings_of as metadata_findings

_FINGERPRINT = "0" * 64


def find_all(workspace: Workspace) -> tuple[Finding, ...]:
    """Find all errors and warnings of a workspace, sorted by file."""
    found = list(metadata_findings(workspace))
    codes = tree.Tree((), (), ())
    try:
        codes = tree.list_files(workspace.root / CODES, workspace.root, (metadata.DATASET_FILE,))
        found += _about_codes(workspace, codes)
    except WorkflowError as error:
        found.append(Finding(ERROR, "unusable", CODES, str(error)))
    found += _about_settings(workspace, codes)
    found += _about_evaluation(workspace)
    found += requirements.findings_of(workspace)
    found += _about_image_list(workspace)
    found += _about_parts(workspace)
    for name in workspace.notebook_names():
        try:
            found += _about_notebook(workspace, name)
        except WorkflowError as error:
            found.append(Finding(ERROR, "unusable", name, str(error)))
    found += fix.findings_of(workspace)
    unique = dict.fromkeys(found)
    return tuple(sorted(unique, key=lambda f: (f.path, f.line or 0, f.level)))


def _about_codes(workspace: Workspace, listed: tree.Tree) -> tuple[Finding, ...]:
    read = code_reading.findings_of(listed, f"{CODES}/")
    return (
        *listed.findings,
        *read,
        *secrets_workspace.search_files(
            workspace, workspace.root / CODES, ((one.path, one.source) for one in listed.files), CODES
        ),
    )


def _about_settings(workspace: Workspace, codes: tree.Tree) -> Iterator[Finding]:
    if workspace.settings.limit is None:
        sentence = "no time limit is set, so 9h is assumed: set workspace.limit to the limit on the competition's page."
        yield Finding(WARNING, "limit", SETTINGS, sentence)
    if workspace.settings.save_run == "light":
        sentence = (
            "save-run is light: a save run checks mounts, install and imports, and skips the entry point."
        )
        yield Finding(WARNING, "light-save-run", SETTINGS, sentence)
    folders = workspace.notebook_names()
    for name in workspace.settings.notebooks:
        if name not in folders:
            sentence = f"workspace.notebooks.{name} matches no notebook: choose one of {', '.join(folders)}."
            yield Finding(WARNING, "no-such-notebook", SETTINGS, sentence)
    for name in folders:
        if name != DEPS:
            yield from _about_entry(workspace, name, codes)


def _about_evaluation(workspace: Workspace) -> Iterator[Finding]:
    """Whether the competition's data holds an evaluation API, which writes the submission itself."""
    slug = local.competition(workspace.root)
    if slug is None or workspace.settings.output != "file":
        return
    folder = local.data_folder(workspace.root) / "competitions" / slug / "kaggle_evaluation"
    if folder.is_dir():
        sentence = (
            f"the data of {slug} holds kaggle_evaluation, so its gateway writes the submission in the scored rerun: "
            "write `output: gateway` below `workspace`, unless the competition still takes a file."
        )
        yield Finding(WARNING, "evaluation-api", SETTINGS, sentence)


def _about_entry(workspace: Workspace, notebook: str, codes: tree.Tree) -> Iterator[Finding]:
    """Whether the notebook's entry point can be run from what is uploaded."""
    settings = workspace.settings.of(notebook)
    words = (*settings.entry, *settings.args)
    problem = entry.problem(words, workspace.root / CODES)
    if problem is not None:
        yield Finding(ERROR, "entry-point", SETTINGS, problem)
    elif _program_missing(words):
        sentence = f"the program {words[0]} is not installed, so rehearsal can't run it."
        yield Finding(WARNING, "entry-program", SETTINGS, sentence)
    elif entry.is_script(words) and words[0] in codes.left_out:
        sentence = f"the entry point {words[0]} is not uploaded, because an ignore file excludes it: change .kaggleignore or .gitignore."
        yield Finding(ERROR, "entry-ignored", SETTINGS, sentence)


def _program_missing(words: tuple[str, ...]) -> bool:
    """Whether a command's program is not on the path of this machine."""
    command = not entry.is_script(words) and not entry.is_module(words)
    return command and "/" not in words[0] and shutil.which(words[0]) is None


def _about_wheels(workspace: Workspace, notebook: Notebook) -> Iterator[Finding]:
    for sentence in plans.wheels_not_attached(workspace, notebook):
        yield Finding(WARNING, "wheels-not-attached", f"{notebook.name}/{metadata.KERNEL_FILE}", sentence)


def _about_image_list(workspace: Workspace) -> Iterator[Finding]:
    if not (workspace.root / DEPS / "image.txt").is_file():
        sentence = f"missing, so rehearsal follows the tool's default image: create it with the line `image: {images.DEFAULT}`."
        yield Finding(WARNING, "image-list", f"{DEPS}/image.txt", sentence)


def _about_parts(workspace: Workspace) -> Iterator[Finding]:
    folders = workspace.notebook_names()
    if not (workspace.root / CODES / metadata.DATASET_FILE).is_file():
        yield Finding(
            ERROR,
            "no-codes",
            CODES,
            f"{CODES}/{metadata.DATASET_FILE} is missing, so this folder is not a complete workspace: `copier copy` adds what is missing.",
        )
    if all(name == DEPS for name in folders):
        yield Finding(
            ERROR,
            "no-notebook",
            SUB,
            "there is no submission notebook: `copier copy` adds what is missing.",
        )


def _about_notebook(workspace: Workspace, name: str) -> tuple[Finding, ...]:
    value, _ = workspace.read_notebook(name)
    if value is None:
        return ()
    notebook = workspace.notebook(name)
    found = [*_about_metadata(workspace, notebook), *_about_attached(workspace, notebook)]
    try:
        source = compose.read_source(notebook.source)
    except WorkflowError as error:
        return (
            *found,
            Finding(ERROR, "notebook", f"{name}/{value.code_file}", _short(str(error), notebook.source)),
        )
    found += stage_notebook.findings_of(workspace, notebook, source)
    if not notebook.collects:
        found += _about_wheels(workspace, notebook)
        found += import_check.findings_of(workspace, notebook)
    found += secrets_workspace.search_notebook(workspace, notebook, source.node)
    found += _about_size(workspace, notebook, source)
    return tuple(found)


def _about_metadata(workspace: Workspace, notebook: Notebook) -> Iterator[Finding]:
    about, path = notebook.metadata, f"{notebook.name}/{metadata.KERNEL_FILE}"
    if not about.is_private:
        yield Finding(WARNING, "public", path, "is_private is false: pushes need --public to make it public.")
    if notebook.collects:
        if not about.enable_internet:
            yield Finding(
                ERROR,
                "deps-offline",
                path,
                "enable_internet is false, and the deps notebook downloads wheels: set it to true.",
            )
        return
    if about.competition is not None and about.enable_internet and notebook.name == SUB:
        yield Finding(
            WARNING,
            "internet-on",
            path,
            "enable_internet is true, and code competitions refuse such a notebook: set it to false. (To submit a plain file, use `kaggle competitions submit`.)",
        )
    if about.competition is None and notebook.name == SUB:
        yield Finding(
            ERROR,
            "no-competition",
            path,
            "competition_sources is empty, so nothing can be submitted: write the competition's slug there.",
        )
    for ref in about.sources:
        if isinstance(ref, refs.CompetitionRef) and ref.slug in names.PLACEHOLDERS:
            yield Finding(
                WARNING, "competition", path, f"{ref} is a placeholder: write the competition's slug."
            )
    deps = plans.collecting(workspace)
    attached = {str(getattr(ref, "name", ref)) for ref in about.sources if isinstance(ref, refs.NotebookRef)}
    if deps is not None and deps.name not in attached and notebook.name == SUB:
        yield Finding(
            WARNING,
            "deps-not-attached",
            path,
            f"{DEPS}/requirements.txt lists packages, but {deps.name} is not attached: add it to kernel_sources.",
        )


def _about_attached(workspace: Workspace, notebook: Notebook) -> Iterator[Finding]:
    """Compare local folders with what was pushed from them, as far as this machine knows; report placeholder files."""
    path = f"{notebook.name}/{metadata.KERNEL_FILE}"
    for ref in notebook.metadata.sources:
        if not isinstance(ref, refs.ModelRef | refs.DatasetRef) or ref.name == workspace.codes.id.name:
            continue
        manifest = Known(workspace.build).manifest(ref.name, ref.version)
        try:
            stale = attached.stale(workspace, ref, manifest) if manifest is not None else None
            if stale is not None:
                yield Finding(WARNING, "stale-weights", path, f"{stale}: `{stale.command}` pushes it.")
            folder = (
                local.weights_of(ref, local.data_folder(workspace.root))
                if isinstance(ref, refs.ModelRef)
                else None
            )
            if folder is not None:
                ignore = manifest.ignore if manifest is not None else ()
                sent = model_files.paths(folder, (*model_files.IGNORED, *ignore))
                for sentence in model_files.told(folder, sent)[0]:
                    file, _, told = sentence.partition(": ")
                    yield Finding(WARNING, "stand-in", relative(folder / file, workspace.root), told)
        except (WorkflowError, OSError) as error:
            yield Finding(WARNING, "weights", path, f"{error}")


def _about_size(workspace: Workspace, notebook: Notebook, source: compose.Source) -> Iterator[Finding]:
    """Whether the notebook is under Kaggle's limit once it carries shim and plan."""
    try:
        composed(workspace, notebook, source)
    except WorkflowError as error:
        yield Finding(ERROR, "staging", f"{notebook.name}/{notebook.metadata.code_file}", str(error))


def composed(workspace: Workspace, notebook: Notebook, source: compose.Source) -> str:
    """Compose a notebook as a push would, with placeholders for what staging finds out.

    Raises:
        WorkflowError: it can't be staged, or it is larger than Kaggle takes.
    """
    if notebook.collects:
        plan = plans.for_collecting(workspace, notebook, requirements.read_asked(workspace, ""), None)
    else:
        plan = plans.for_running(workspace, notebook, plans.Known(_FINGERPRINT, _FINGERPRINT))
    return compose.compose(source, plan, plan.template, bundle.pack_shim(plan.role))


def _short(text: str, path: Path) -> str:
    return text.replace(str(path), path.name)
