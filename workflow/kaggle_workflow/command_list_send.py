"""The commands that send something to Kaggle, with their options."""

from __future__ import annotations

from kaggle_workflow.command_options import (
    ACCELERATOR,
    ALLOW,
    JSON,
    LIMIT,
    MESSAGE,
    NO_WAIT,
    NOTEBOOK,
    PUBLIC,
    SEND,
    SUBMIT,
    VERSION,
    YES,
    Command,
    Option,
)

COMMANDS: tuple[Command, ...] = (
    Command(
        "push",
        "Push codes, deps and sub in order, each only if it changed.",
        (NOTEBOOK, MESSAGE, ACCELERATOR, NO_WAIT, PUBLIC, *SEND),
        example='--message "larger model"',
    ),
    Command(
        "push-codes",
        "Push codes/ as a dataset and wait until it is current.",
        (MESSAGE, PUBLIC, *SEND),
        example="--dry-run",
    ),
    Command(
        "push-deps",
        "Run the wheel notebook on Kaggle if what it collects changed.",
        (NO_WAIT, PUBLIC, *SEND),
        example="--force",
    ),
    Command(
        "push-sub",
        "Push one notebook and wait for its run.",
        (NOTEBOOK, ACCELERATOR, NO_WAIT, PUBLIC, *SEND),
        example="--notebook sub --no-wait",
    ),
    Command(
        "push-model",
        "Push weights as a model and attach the new version.",
        (
            Option("exp", "experiment that gives the defaults (default: that of the entry point)", ""),
            Option("path", "folder of the weights (default: data/working/models/<exp>)", ""),
            Option(
                "handle",
                "owner/model/framework/variation (default: <username>/<prefix>-models/<framework>/<exp>)",
                "",
            ),
            Option("framework", "as Kaggle names it (default: pytorch)", "pytorch"),
            Option("licence", "licence of a new variation, such as 'Apache 2.0' (default: not set)", ""),
            Option(
                "ignore",
                "pattern of files that are not uploaded (may be repeated; default: as last time, '' forgets that)",
                [],
            ),
            Option(
                "notebook",
                "folder of the notebook that attaches the version (default: sub; '' for none)",
                "sub",
            ),
            Option("message", "notes of the new version (default: the experiment)", ""),
            *SEND,
        ),
        example="--exp exp001",
    ),
    Command(
        "push-dataset",
        "Push any folder, such as weights or features, as a dataset.",
        (
            Option("path", "folder to upload (required)", ""),
            Option(
                "id",
                "owner/slug (default: that of its dataset-metadata.json, or <username>/<prefix>-<folder>)",
                "",
                into="id_",
            ),
            Option("notebook", "folder of the notebook that attaches it, such as sub (default: none)", ""),
            MESSAGE,
            PUBLIC,
            *SEND,
        ),
        example="--path data/working/features --notebook sub",
    ),
    Command(
        "ship",
        "Push, submit and watch: from a saved file to a score.",
        (
            NOTEBOOK,
            Option("detach", "return without waiting for the run and the score; run it again to continue"),
            *SUBMIT,
            ACCELERATOR,
            PUBLIC,
            *SEND,
        ),
        example='--message "larger model" --cv 0.812',
    ),
    Command(
        "submit",
        "Submit the pushed version.",
        (
            NOTEBOOK,
            VERSION,
            *SUBMIT,
            Option("dry-run", "check everything and submit nothing", group="Sending"),
            Option("force", "the same as --again", group="Sending"),
            YES,
            ALLOW,
            LIMIT,
            JSON,
        ),
        example="--version 12 --cv 0.812",
    ),
)
