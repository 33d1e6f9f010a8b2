"""`invoke data`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path

from kaggle_shim import local, refs
from kaggle_workflow import command_list, console
from kaggle_workflow.commands.logs import newest_version
from kaggle_workflow.errors import KaggleRefused, WorkflowError
from kaggle_workflow.files import write_text
from kaggle_workflow.findings import relative
from kaggle_workflow.kaggle import fetching
from kaggle_workflow.kaggle.client import Kaggle
from kaggle_workflow.kaggle.values import RemoteFile
from kaggle_workflow.push.session import aside
from kaggle_workflow.stage import plans
from kaggle_workflow.workspace import Workspace


def download(workspace: Workspace, command: command_list.Data) -> None:
    """Download the competition's files, or what a notebook attaches, to where rehearsal mounts them.

    Raises:
        WorkflowError: nothing is attached, or the disk is too small for it.
    """
    say = aside if command.json else console.say
    data = local.data_folder(workspace.root)
    sources = workspace.notebook(command.notebook).metadata.sources
    wanted = listed(
        workspace,
        _chosen(workspace, sources, command.attached),
        only=tuple(command.only),
        sample=command.sample or None,
    )
    if not command.json:
        rows = [
            (
                str(ref),
                str(len(items)),
                console.size(sum(i.size or 0 for i in items)),
                str(sum(i.there for i in items)),
                relative(data / ref.mount("namespaced"), workspace.root),
            )
            for ref, items in wanted.items()
        ]
        console.table("data", ("source", "files", "size", "there", "place"), rows)
    fetched = 0
    if not command.list_:
        fetched = fetch(workspace, wanted, say, yes=command.yes, allow=command.allow)
        say(
            f"{console.count(fetched, 'file')} downloaded, {sum(map(len, wanted.values())) - fetched} already there."
        )
    if command.json:
        found = {
            str(ref): [{"name": i.name, "size": i.size, "path": str(i.target)} for i in items]
            for ref, items in wanted.items()
        }
        console.as_json({"fetched": fetched, "sources": found})


def listed(
    workspace: Workspace,
    sources: Iterable[refs.Ref],
    *,
    only: tuple[str, ...] = (),
    sample: int | None = None,
) -> dict[refs.Ref, list[fetching.Item]]:
    """The files of each source, with their places where rehearsal mounts them, and a connection for each source."""
    data = local.data_folder(workspace.root)
    found: dict[refs.Ref, list[fetching.Item]] = {}
    for ref in sources:
        kaggle = Kaggle(console.warn)
        exact = _with_version(kaggle, ref)
        files, get = _source(kaggle, exact)
        found[exact] = fetching.items(data / exact.mount("namespaced"), files, only, sample, get)
    return found


def fetch(
    workspace: Workspace,
    wanted: Mapping[refs.Ref, list[fetching.Item]],
    say: Callable[[str], None],
    *,
    yes: bool,
    allow: Iterable[str],
) -> int:
    """Download what is missing, several sources at a time; returns how many files; raises WorkflowError like `check_size`."""
    everything = [item for items in wanted.values() for item in items]
    allowed = (*allow, *workspace.settings.allow)
    fetching.check_size(everything, local.data_folder(workspace.root), yes=yes, allow=allowed)
    return fetching.fetch_sources({str(ref): items for ref, items in wanted.items()}, say)


def _chosen(workspace: Workspace, sources: Iterable[refs.Ref], attached: str | bool | None) -> list[refs.Ref]:
    """What to download: the competition, everything else that is attached, or the named source."""
    there = [*sources]
    if not attached:
        found: list[refs.Ref] = [ref for ref in there if isinstance(ref, refs.CompetitionRef)]
        if not found:
            raise WorkflowError(
                "No competition is attached: add it to competition_sources in sub/kernel-metadata.json."
            )
        return found
    if attached is True:
        deps = plans.deps_id(workspace)
        made_here = {workspace.codes.id.name, *([deps.name] if deps is not None else [])}
        others = [ref for ref in there if not isinstance(ref, refs.CompetitionRef)]
        return [ref for ref in others if ref.name not in made_here]
    named = [ref for ref in there if attached in (str(ref), getattr(ref, "name", ""))]
    if not named:
        names = ", ".join(str(ref) for ref in there)
        raise WorkflowError(f"--attached {attached}: no such source is attached; attached are {names}.")
    return named


def _with_version(kaggle: Kaggle, ref: refs.Ref) -> refs.Ref:
    """A model without a version is mounted at its newest one."""
    if not isinstance(ref, refs.ModelRef) or ref.version is not None:
        return ref
    version = kaggle.model_version(ref)
    if version is None:
        raise KaggleRefused(
            f"The model {ref} is not on Kaggle, or this account can't read it: correct model_sources."
        )
    return replace(ref, version=version)


def _source(kaggle: Kaggle, ref: refs.Ref) -> tuple[list[RemoteFile], Callable[[RemoteFile, Path], None]]:
    """The files of a source, and what downloads one of them."""
    if isinstance(ref, refs.NotebookRef):
        return _notebook(kaggle, ref)
    if isinstance(ref, refs.CompetitionRef):
        files, fetch = kaggle.competition_files(ref), partial(kaggle.download_competition_file, ref)
    elif isinstance(ref, refs.DatasetRef):
        files = kaggle.dataset_files(ref, ref.version)
        fetch = partial(kaggle.download_dataset_file, ref, ref.version)
    else:
        files, fetch = kaggle.model_files(ref), partial(kaggle.download_model_file, ref)
    return [*files], lambda file, target: fetch(file.name, target)


def _notebook(
    kaggle: Kaggle, ref: refs.NotebookRef
) -> tuple[list[RemoteFile], Callable[[RemoteFile, Path], None]]:
    number = ref.version or newest_version(kaggle, ref)
    sizes = {file.name: file.size for file in kaggle.output_sizes(ref, number)}
    listed = [RemoteFile(file.name, sizes.get(file.name), file.url) for file in kaggle.output(ref, number)[0]]
    there = kaggle.notebook(ref, number)
    script = f"{ref.module}.py" if there is not None and there.utility_script else ""
    if there is not None and script and script not in {file.name for file in listed}:
        # Rehearsal recognizes a utility script by its module, which not every output holds.
        listed.append(RemoteFile(script, len(there.text.encode())))

    def fetch(file: RemoteFile, target: Path) -> None:
        if file.url or there is None:
            kaggle.download_url(file.name, file.url, target)
        else:
            write_text(target, there.text)

    return listed, fetch
