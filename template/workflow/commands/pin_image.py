"""`invoke pin-image`."""

from __future__ import annotations

from dataclasses import asdict

from workflow import console
from workflow.push import pins
from workflow.push.session import Options, Push
from workflow.submit import submitting
from workflow.workspace import Workspace


def main(workspace: Workspace, *, notebook: str, version: int, undo: bool, json: bool) -> None:
    """Pin the image of a good run in the notebook's metadata, or take that back."""
    session = Push(workspace, Options(quiet=json))
    number = submitting.check_version(version)
    done = pins.unpin_image(session, notebook) if undo else pins.pin_image(session, notebook, number)
    if json:
        console.as_json(asdict(done))
    elif undo:
        console.say(f"{done.file} names no image any more: the next push runs in the newest.")
    else:
        console.say(
            f"{done.file} names the image of version {done.version}, {done.image}: every push runs in it until pin-image --undo."
        )
