"""A notebook's sources: which are valid, and to which versions they are bound when it is saved."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tests.local_kaggle.competition import load
from tests.local_kaggle.errors import ApiError
from tests.local_kaggle.listing import visible
from tests.local_kaggle.names import ModelSource, Source, framework_slug
from tests.local_kaggle.records import Binding

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from tests.local_kaggle.records import Notebook, NotebookVersion
    from tests.local_kaggle.world import World


@dataclass
class Bound:
    """What became of one kind of sources: those kept, as they were written, their bindings, and those dropped."""

    kept: list[str] = field(default_factory=list)
    bindings: list[Binding] = field(default_factory=list)
    invalid: list[str] = field(default_factory=list)


def _bind(texts: Iterable[str] | None, bind: Callable[[str], Binding | None]) -> Bound:
    bound = Bound()
    for text in texts or []:
        binding = bind(text)
        if binding is None:
            bound.invalid.append(text)
        else:
            bound.kept.append(text)
            bound.bindings.append(binding)
    return bound


def bind_datasets(world: World, user: str, texts: Iterable[str] | None) -> Bound:
    """Binds datasets to their current version, which during processing is the old one.

    Raises:
        ApiError: 409 while the very first version of one is processing [reports].
    """

    def bind(text: str) -> Binding | None:
        source = Source.parse(text)
        dataset = world.store.datasets.get(source.ref) if source else None
        if source is None or dataset is None or not visible(dataset, user):
            return None
        ready = world.ready_versions(dataset.versions)
        if not ready:
            if dataset.versions[-1].failed:
                return None
            raise ApiError(409, f"Dataset {dataset.ref} is still being processed")
        if world.behaviour.pin_dataset_versions and source.version:
            ready = [version for version in ready if version.number == source.version]
        return Binding("dataset", dataset.owner, dataset.slug, ready[-1].number) if ready else None

    return _bind(texts, bind)


def bind_notebooks(world: World, user: str, texts: Iterable[str] | None) -> Bound:
    """Binds notebooks to the output of their last complete version; version 0 means that there is none yet.

    What Kaggle says of a notebook without output is not known; here it is taken, and nothing is mounted for it.
    """

    def bind(text: str) -> Binding | None:
        source = Source.parse(text)
        notebook = find(world, source.owner, source.slug) if source else None
        if source is None or notebook is None or not visible(notebook, user):
            return None
        complete = [v for v in notebook.versions if v.status == "COMPLETE"]
        if world.behaviour.pin_notebook_versions and source.version:
            complete = [v for v in complete if v.number == source.version]
            if not complete:
                return None
        return Binding("notebook", notebook.owner, notebook.slug, complete[-1].number if complete else 0)

    return _bind(texts, bind)


def bind_models(world: World, user: str, texts: Iterable[str] | None) -> Bound:
    """Binds models to the version that their source names."""

    def bind(text: str) -> Binding | None:
        source = ModelSource.parse(text)
        model = world.store.models.get(f"{source.owner}/{source.model}") if source else None
        if source is None or model is None or not visible(model, user):
            return None
        for variation in model.variations:
            if (framework_slug(variation.framework), variation.slug) == (source.framework, source.variation):
                ready = [version.number for version in world.ready_versions(variation.versions)]
                if world.behaviour.only_latest_model_version:
                    ready = ready[-1:]
                if source.version in ready:
                    return Binding(
                        "model", model.owner, model.slug, source.version, source.framework, variation.slug
                    )
        return None

    return _bind(texts, bind)


def bind_competitions(world: World, user: str, texts: Iterable[str] | None) -> Bound:
    """Binds competitions; one whose rules the user has not accepted is dropped (Behaviour)."""

    def bind(text: str) -> Binding | None:
        competition = load(world, text)
        if competition is None:
            return None
        if world.behaviour.unentered_competition_is_invalid and not competition.rules_accepted_by(
            world, user
        ):
            return None
        return Binding("competition", "", competition.slug)

    return _bind(texts, bind)


def find(world: World, owner: str, slug: str) -> Notebook | None:
    """A notebook by its slug, or by one that it had before its title changed."""
    notebook = world.store.notebooks.get(f"{owner}/{slug}")
    if notebook is not None:
        return notebook
    former = [n for n in world.store.notebooks.values() if n.owner == owner and slug in n.former_slugs]
    return former[0] if former else None


def uses_gpu(version: NotebookVersion) -> bool:
    """Whether a version counts against the GPU sessions.

    The known names of machine shapes are in docs/explanation/kaggle.md; a name that Kaggle does not know is ignored in silence.
    """
    return version.enable_gpu or version.machine_shape in GPU_SHAPES


GPU_SHAPES = frozenset(
    [
        "NvidiaTeslaT4",
        "NvidiaTeslaT4Highmem",
        "NvidiaL4",
        "NvidiaL4X1",
        "NvidiaTeslaA100",
        "NvidiaH100",
        "NvidiaRtxPro6000",
    ]
)
TPU_SHAPES = frozenset(["TpuV5E8", "TpuV6E8"])
