"""`invoke data`."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from kaggle_shim import local, refs
from kaggle_workflow import console
from kaggle_workflow.commands.logs import newest
from kaggle_workflow.errors import KaggleRefused, WorkflowError
from kaggle_workflow.files import write_text
from kaggle_workflow.kaggle import fetching
from kaggle_workflow.kaggle.client import Kaggle
from kaggle_workflow.kaggle.values import RemoteFile
from kaggle_workflow.push.session import aside
from kaggle_workflow.stage import plans
from kaggle_workflow.workspace import Workspace

Items = list[fetching.Item]
Refs = list[refs.Ref]


def main(
    workspace: Workspace,
    *,
    notebook: str,
    only: list[str],
    sample: int,
    attached: str | bool | None,
    list_: bool,
    yes: bool,
    allow: list[str],
    json: bool,
) -> None:
    """Fetch the competition's files, or what a notebook attaches, to where rehearsal mounts them.

    Raises:
        WorkflowError: nothing is attached, or it does not fit on the disk.
    """
    kaggle = Kaggle(console.warn)
    say = aside if json else console.say
    folder = workspace.notebook(notebook)
    sources = _chosen(workspace, folder.metadata.sources, attached)
    wanted: dict[refs.Ref, Items] = {}
    for ref in sources:
        exact = _with_version(kaggle, ref)
        place = local.data_folder(workspace.root) / exact.mount("namespaced")
        wanted[exact] = _items(kaggle, exact, place, tuple(only), sample or None)
    everything = [item for items in wanted.values() for item in items]
    if not json:
        rows = [
            (
                str(ref),
                str(len(items)),
                console.size(sum(i.size or 0 for i in items)),
                str(sum(i.there for i in items)),
                _place(workspace, ref),
            )
            for ref, items in wanted.items()
        ]
        console.table("data", ("source", "files", "size", "there", "place"), rows)
    fetched = 0
    if not list_:
        fetching.check_size(
            everything, local.data_folder(workspace.root), yes=yes, allow=(*allow, *workspace.settings.allow)
        )
        fetched = fetching.fetch_all(everything, say)
        say(f"{fetched} files fetched, {len(everything) - fetched} were there.")
    if json:
        files = {
            str(ref): [{"name": i.name, "size": i.size, "path": str(i.target)} for i in items]
            for ref, items in wanted.items()
        }
        console.as_json({"fetched": fetched, "sources": files})


def _chosen(workspace: Workspace, sources: Iterable[refs.Ref], attached: str | bool | None) -> Refs:
    """What to fetch: the competition, everything else that is attached, or the one source that is named."""
    listed = [*sources]
    if not attached:
        found: Refs = [ref for ref in listed if isinstance(ref, refs.CompetitionRef)]
        if not found:
            raise WorkflowError(
                "No competition is attached: add it to competition_sources in sub/kernel-metadata.json."
            )
        return found
    deps = plans.deps_id(workspace)
    made_here = {workspace.codes.id.name, *([deps.name] if deps is not None else [])}
    others = [ref for ref in listed if not isinstance(ref, refs.CompetitionRef)]
    if attached is True:
        return [ref for ref in others if getattr(ref, "name", "") not in made_here]
    named = [ref for ref in listed if attached in (str(ref), getattr(ref, "name", ""))]
    if not named:
        there = ", ".join(str(ref) for ref in listed)
        raise WorkflowError(f"--attached {attached}: no such source is attached; attached are {there}.")
    return named


def _with_version(kaggle: Kaggle, ref: refs.Ref) -> refs.Ref:
    """A model needs its version for its place; without one, the newest."""
    if not isinstance(ref, refs.ModelRef) or ref.version is not None:
        return ref
    version = kaggle.model_version(ref)
    if version is None:
        raise KaggleRefused(
            f"The model {ref} is not on Kaggle, or not for this account: correct model_sources."
        )
    return replace(ref, version=version)


def _items(kaggle: Kaggle, ref: refs.Ref, place: Path, only: tuple[str, ...], sample: int | None) -> Items:
    if isinstance(ref, refs.CompetitionRef):
        competition = ref
        return fetching.items(
            place,
            kaggle.competition_files(ref),
            only,
            sample,
            lambda f, to: kaggle.download_competition_file(competition, f.name, to),
        )
    if isinstance(ref, refs.DatasetRef):
        dataset = ref
        files = kaggle.dataset_files(ref, ref.version)
        return fetching.items(
            place,
            files,
            only,
            sample,
            lambda f, to: kaggle.download_dataset_file(dataset, dataset.version, f.name, to),
        )
    if isinstance(ref, refs.ModelRef):
        model = ref
        return fetching.items(
            place,
            kaggle.model_files(ref),
            only,
            sample,
            lambda f, to: kaggle.download_model_file(model, f.name, to),
        )
    number = ref.version or newest(kaggle, ref)
    sizes = {file.name: file.size for file in kaggle.output_sizes(ref, number)}
    listed = [RemoteFile(file.name, sizes.get(file.name), file.url) for file in kaggle.output(ref, number)[0]]
    there = kaggle.notebook(ref, number)
    script = f"{ref.module}.py" if there is not None and there.utility_script else ""
    if there is not None and script and script not in {file.name for file in listed}:
        # Rehearsal tells a utility script by its module; not every output holds it.
        listed.append(RemoteFile(script, len(there.text.encode())))

    def fetch(file: RemoteFile, to: Path) -> None:
        if file.url or there is None:
            kaggle.download_url(file.name, file.url, to)
        else:
            write_text(to, there.text)

    return fetching.items(place, listed, only, sample, fetch)


def _place(workspace: Workspace, ref: refs.Ref) -> str:
    place = local.data_folder(workspace.root) / ref.mount("namespaced")
    return (
        place.relative_to(workspace.root).as_posix() if place.is_relative_to(workspace.root) else str(place)
    )
