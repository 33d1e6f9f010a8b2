"""`invoke pin-image`."""

from __future__ import annotations

from dataclasses import asdict

from kaggle_workflow import console
from kaggle_workflow.push import pins
from kaggle_workflow.push.session import Options, Push
from kaggle_workflow.submit import submitting
from kaggle_workflow.workspace import Workspace


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
