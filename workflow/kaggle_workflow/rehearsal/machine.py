"""What stands for Kaggle's machine: the isolation of a run, and the local image."""

from __future__ import annotations

from dataclasses import dataclass, replace

from kaggle_workflow.errors import WorkflowError
from kaggle_workflow.rehearsal import engines, image, image_list, sandbox
from kaggle_workflow.rehearsal.executing import Options, Say
from kaggle_workflow.workspace import Notebook, Workspace


@dataclass(frozen=True)
class Machine:
    """The isolation of a run, and the image that it uses."""

    isolation: sandbox.Isolation
    image: image.Image


def isolate(options: Options, say: Say) -> tuple[sandbox.Isolation, list[str]]:
    """The isolation that the options ask for or this machine supports, with notes on what it lacks; raises WorkflowError."""
    container = _container(options)
    isolation = sandbox.detect("none" if options.without_isolation or container else None)
    notes = []
    if container is not None:
        isolation = replace(isolation, missing="", container=container)
        notes += [container.note] if container.note else []
    if not isolation.complete:
        if options.require_isolation:
            raise WorkflowError(f"{isolation.missing} --require-isolation requires it.")
        notes.append(isolation.missing)
        say(f"warning: {isolation.missing}")
    return isolation, notes


def local_image(
    workspace: Workspace, notebook: Notebook, options: Options, isolation: sandbox.Isolation, say: Say
) -> image_list.Made:
    """The image for a notebook; it is made when there is none. Raises WorkflowError."""
    if isolation.container is not None:
        return image_list.Made(isolation.container.describe())
    settings = workspace.settings.of(notebook.name)
    return image_list.ensure(
        workspace,
        notebook,
        options.entry or (*settings.entry, *settings.args),
        python=options.python,
        cache=image.default_cache(),
        on_line=say,
    )


def prepare(workspace: Workspace, notebook: Notebook, say: Say) -> Machine:
    """The machine of a notebook that runs without options; raises WorkflowError."""
    options = Options(notebook.name)
    isolation, _ = isolate(options, say)
    return Machine(isolation, local_image(workspace, notebook, options, isolation, say).image)


def _container(options: Options) -> engines.Container | None:
    """The container image that the command line names, None without one."""
    if not options.image:
        if options.engine:
            raise WorkflowError("--engine chooses the engine for --image NAME: use both, or neither.")
        return None
    if options.python is not None or options.without_isolation:
        other = "--python" if options.python is not None else "--without-isolation"
        raise WorkflowError(f"--image and {other} exclude each other: use one of them.")
    return engines.container(engines.find(options.engine), options.image)
