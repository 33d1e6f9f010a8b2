"""What the local image installs where `deps/image.txt` names one of Kaggle's images: what the code uses, at the image's versions."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from kaggle_workflow.errors import WorkflowError
from kaggle_workflow.files import write_text
from kaggle_workflow.images import catalogue, from_kaggle
from kaggle_workflow.reach import reached
from kaggle_workflow.rehearsal import image
from kaggle_workflow.stage import requirement_lines
from kaggle_workflow.workspace import CODES, Notebook, Workspace

_SHOWN = 6
# What a package imports only when it is used, so no import statement names it: pandas reads parquet with pyarrow.
_ALONG = {"pandas": ("pyarrow",)}


@dataclass(frozen=True)
class Made:
    """The local image, and a sentence about each way in which it differs from Kaggle's."""

    image: image.Image
    notes: tuple[str, ...] = ()


def ensure(
    workspace: Workspace,
    notebook: Notebook,
    entry: tuple[str, ...],
    *,
    python: Path | None,
    cache: Path,
    on_line: Callable[[str], None],
) -> Made:
    """Give the local image of a notebook, making it when there is none.

    A `deps/image.txt` that names no image lists what to install, as it stands. One that names an image gives its packages that the
    code imports and that `deps/requirements.txt` names, with their dependencies at the image's versions.

    Args:
        workspace: the workspace.
        notebook: the notebook to rehearse.
        entry: the entry point with its arguments.
        python: an interpreter that *is* the image, None to make one.
        cache: the folder of the cached environments.
        on_line: called with a line of progress when an environment is made.

    Raises:
        WorkflowError: the image is unknown, or not even the names without versions can be installed.
    """
    if python is not None or not catalogue.names_image(from_kaggle.image_text(workspace)):
        return Made(image.ensure(workspace.image_list, python=python, cache=cache, on_line=on_line))
    kaggles = from_kaggle.image_of(workspace, notebook.name)
    wanted = sorted(set(_used(workspace, entry, kaggles)))
    folder = workspace.build / "rehearsal-image"
    pins = "".join(f"{name}=={_public(version)}\n" for name, version in kaggles.versions.items() if version)
    write_text(folder / "constraints.txt", pins)
    exact = "".join(f"{line}\n" for line in ("-c constraints.txt", *wanted, *kaggles.added))
    write_text(folder / "requirements.txt", exact)
    try:
        made = image.ensure(folder / "requirements.txt", python=None, cache=cache, on_line=on_line)
    except WorkflowError as error:
        on_line(f"The exact versions of image {kaggles} can't be installed here: {error}")
        write_text(folder / "closest.txt", "".join(f"{line}\n" for line in (*wanted, *kaggles.added)))
        made = image.ensure(folder / "closest.txt", python=None, cache=cache, on_line=on_line)
    return Made(made, tuple(_differences(made, kaggles)))


def _used(workspace: Workspace, entry: tuple[str, ...], kaggles: catalogue.Image) -> Iterator[str]:
    """The image's distributions that the code imports or the requirements name."""
    for _, one in reached(entry, workspace.root / CODES, workspace.build).imports:
        project = kaggles.distribution_of(one.module, one.names)
        if project is not None:
            yield project
            yield from (other for other in _ALONG.get(project, ()) if other in kaggles.versions)
    if workspace.requirements.is_file():
        for line in requirement_lines.read_lines(workspace.requirements):
            if line.name is not None and line.name in kaggles.versions:
                yield line.name


def _public(version: str) -> str:
    """A version without its local part: the CPU build stands for a CUDA build of the same version."""
    return version.partition("+")[0]


def _differences(made: image.Image, kaggles: catalogue.Image) -> Iterator[str]:
    differ = [
        f"{name} {version} here, {kaggles.versions[name]} there"
        for name, version in made.packages.items()
        if kaggles.versions.get(name) and _public(version) != _public(kaggles.versions[name])
    ]
    if differ:
        more = f" and {len(differ) - _SHOWN} more" if len(differ) > _SHOWN else ""
        yield f"Versions differ from image {kaggles}: {'; '.join(differ[:_SHOWN])}{more}."
