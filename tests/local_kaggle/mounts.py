"""Where a version's inputs are mounted, in either layout (docs/explanation/kaggle.md)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.local_kaggle.runner import InputMount

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from tests.local_kaggle.behaviour import Layout
    from tests.local_kaggle.records import Binding
    from tests.local_kaggle.world import World


def targets(bindings: Iterable[Binding], layout: Layout) -> list[tuple[Binding, str]]:
    """Where each source appears below the input root.

    In the classic layout two sources may want the same top folder. Then competitions and notebooks keep the plain
    slug, and datasets and models move to `d/<owner>/…` and `m/<owner>/…`; of two datasets the one that was named
    first stays. Who stays is not known of Kaggle.
    """
    if layout == "namespaced":
        return [(binding, _namespaced(binding)) for binding in bindings]
    first_come = sorted(bindings, key=lambda b: ["competition", "notebook", "dataset", "model"].index(b.kind))
    taken: dict[str, Binding] = {}
    placed = []
    for binding in first_come:
        holder = taken.setdefault(binding.slug, binding)
        same = (holder.kind, holder.owner) == (binding.kind, binding.owner)
        placed.append((binding, _classic(binding, clash=not same)))
    return placed


def _model_path(binding: Binding) -> str:
    return f"{binding.slug}/{binding.framework}/{binding.variation}/{binding.version}"


def _namespaced(binding: Binding) -> str:
    if binding.kind == "competition":
        return f"competitions/{binding.slug}"
    if binding.kind == "model":
        return f"models/{binding.owner}/{_model_path(binding)}"
    return f"{binding.kind}s/{binding.owner}/{binding.slug}"


def _classic(binding: Binding, *, clash: bool) -> str:
    path = _model_path(binding) if binding.kind == "model" else binding.slug
    if clash and binding.kind in ("dataset", "model"):
        return f"{binding.kind[0]}/{binding.owner}/{path}"
    return path


def _script(binding: Binding, layout: Layout) -> str:
    """Utility scripts lie in `/kaggle/usr/lib`, not below the input root (docs/explanation/kaggle.md)."""
    module = binding.slug.replace("-", "_")
    return (
        f"../usr/lib/notebooks/{binding.owner}/{binding.slug}"
        if layout == "namespaced"
        else f"../usr/lib/{module}"
    )


def _is_utility_script(world: World, binding: Binding) -> bool:
    notebook = world.store.notebooks.get(f"{binding.owner}/{binding.slug}")
    if binding.kind != "notebook" or notebook is None:
        return False
    return any("utility script" in v.keywords for v in notebook.versions if v.number == binding.version)


def mounts_of(world: World, bindings: Iterable[Binding], *, rerun: str = "") -> tuple[InputMount, ...]:
    """What a run sees.

    Args:
        world: This Kaggle.
        bindings: The sources as they were bound when the notebook was saved.
        rerun: The competition whose hidden files lie over its public ones; empty for a saved run.
    """
    mounts: list[InputMount] = []
    layout = world.behaviour.layout
    listed = list(bindings)
    scripts = [(one, _script(one, layout)) for one in listed if _is_utility_script(world, one)]
    others = targets((one for one in listed if not _is_utility_script(world, one)), layout)
    for binding, target in [*others, *scripts]:
        folder = _folder(world, binding)
        if folder is None or not folder.is_dir():
            continue
        mounts.append(InputMount(folder, target))
        if binding.kind == "competition" and binding.slug == rerun:
            hidden = world.store.competition_folder(rerun) / "hidden"
            mounts.extend(_over(hidden, target, replace=world.behaviour.hidden_replaces_folders))
    return tuple(mounts)


def _over(hidden: Path, target: str, *, replace: bool) -> list[InputMount]:
    """The hidden files one by one, or folder by folder where a folder is to lose its public files."""
    if not hidden.is_dir():
        return []
    found = []
    for entry in sorted(hidden.iterdir()):
        place = f"{target}/{entry.name}"
        holds_files = entry.is_file() or any(child.is_file() for child in entry.iterdir())
        if entry.is_file() or (replace and holds_files):
            found.append(InputMount(entry, place))
        else:
            found.extend(_over(entry, place, replace=replace))
    return found


def _folder(world: World, binding: Binding) -> Path | None:
    ref = f"{binding.owner}/{binding.slug}"
    if binding.kind == "competition":
        return world.store.competition_folder(binding.slug) / "public"
    if binding.kind == "dataset":
        dataset = world.store.datasets.get(ref)
        return world.store.dataset_folder(dataset, binding.version) if dataset else None
    if binding.kind == "notebook":
        notebook = world.store.notebooks.get(ref)
        return world.store.notebook_folder(notebook, binding.version) / "output" if notebook else None
    model = world.store.models.get(ref)
    for variation in model.variations if model else ():
        if model and variation.slug == binding.variation:
            return world.store.model_folder(model, variation.id, binding.version)
    return None
