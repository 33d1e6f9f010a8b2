"""`invoke models`."""

from __future__ import annotations

from kaggle_workflow import console
from kaggle_workflow.kaggle.client import Kaggle
from kaggle_workflow.ledger import models as models_list
from kaggle_workflow.workspace import Workspace


def main(workspace: Workspace, *, model: list[str], everything: bool, json: bool) -> None:
    """Print every version of the models of this workspace."""
    found = models_list.rows(workspace, Kaggle(console.warn), model, everything=everything)
    if json:
        console.as_json({"versions": [one.to_json() for one in found]})
        return
    if not found:
        console.say("There is no model: invoke push-model makes the first version.")
        return
    shown = [
        (
            one.variation,
            str(one.version),
            "in processing" if one.size is None else console.size(one.size),
            one.date[:16].replace("T", " "),
            ", ".join(one.attached),
            ", ".join(one.submissions),
        )
        for one in found
    ]
    console.table(
        "models", ("variation", "version", "size", "date (UTC)", "attached by", "used by submissions"), shown
    )
