"""`invoke pin-image`."""

from __future__ import annotations

from dataclasses import asdict

from kaggle_workflow import command_list, console
from kaggle_workflow.commands.push import open_session
from kaggle_workflow.push import pins
from kaggle_workflow.submit import submitting
from kaggle_workflow.workspace import Workspace


def pin_image(workspace: Workspace, command: command_list.PinImage) -> None:
    """Pin the image of a good run in the notebook's metadata, or remove the pin."""
    session = open_session(workspace, command)
    version = submitting.check_version(command.version)
    if command.undo:
        done = pins.unpin_image(session, command.notebook)
    else:
        done = pins.pin_image(session, command.notebook, version)
    if command.json:
        console.as_json(asdict(done))
    elif command.undo:
        console.say(f"{done.file}: pin removed. The next push runs in the newest image.")
    else:
        console.say(
            f"{done.file}: pinned the image of version {done.version}, {done.image}. Every push runs in it until `invoke pin-image --undo`."
        )
