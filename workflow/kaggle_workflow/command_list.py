"""Every command with its options, in the groups in which `invoke --list` shows them."""

from __future__ import annotations

from kaggle_workflow.command_options import (
    ACCELERATOR,
    ALLOW,
    FETCH_YES,
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

GROUPS: dict[str, tuple[Command, ...]] = {
    "prepare": (
        Command("doctor", "Check for anything that would block a push, and how to fix it.", (JSON,)),
        Command(
            "check",
            "Validate the whole workspace, without network; --fix repairs.",
            (
                Option("fix", "repair what needs no decision of yours; shows each change and asks"),
                Option("yes", "write the repairs without asking"),
                Option(
                    "deps",
                    "also resolve deps/requirements.txt against Kaggle's image; asks the package index",
                ),
                Option(
                    "no-secret",
                    "mark the finding at this place as no credential, in .secrets.baseline (may be repeated)",
                    [],
                ),
                JSON,
            ),
        ),
        Command(
            "data",
            "Download the competition's files, or the attached sources, to where rehearsal mounts them.",
            (
                NOTEBOOK,
                Option("only", "files whose name matches, such as 'train/*' (may be repeated)", []),
                Option("sample", "only so many files of each folder, and every small table", 0),
                Option(
                    "attached",
                    "what the notebook attaches instead of the competition: everything, or the source named",
                    None,
                    optional=True,
                ),
                Option("list", "list the files and download nothing", into="list_"),
                FETCH_YES,
                ALLOW,
                JSON,
            ),
        ),
        Command(
            "new-exp",
            "Start an experiment from an earlier one and make it the entry point.",
            (
                Option(
                    "from",
                    "file or folder of codes/ to start from (default: the entry point's)",
                    "",
                    into="source",
                ),
                Option("name", "name of the new one (default: the next free number)", "", into="new_name"),
                JSON,
            ),
        ),
        Command(
            "pin-image",
            "Pin the image of the last good run, for the final week.",
            (
                NOTEBOOK,
                Option(
                    "version",
                    "pin the image of this version's run (default: the newest version whose run completed)",
                    0,
                ),
                Option("undo", "use the newest image again"),
                JSON,
            ),
        ),
        Command(
            "vendor",
            "Store the commands and their dependencies as wheels in vendor/, for a machine without the template.",
            (JSON,),
        ),
    ),
    "run here": (
        Command(
            "rehearse",
            "Run deps and sub on this machine, offline, as Kaggle would.",
            (
                NOTEBOOK,
                Option("layout", "how inputs are mounted: namespaced (default) or classic", "namespaced"),
                Option("entry", "use another entry point, for this run only", ""),
                Option(
                    "rerun", "run as in the scored rerun: data/rerun is laid over the competition's files"
                ),
                Option("without", "mount an empty folder for this source (may be repeated)", []),
                Option("python", "interpreter that stands for Kaggle's image", ""),
                Option(
                    "image",
                    "run in this image of a container engine, such as gcr.io/kaggle-images/python",
                    "",
                ),
                Option("engine", "docker or podman (default: the first that answers)", ""),
                Option("require-isolation", "fail if this machine can't provide the sandbox"),
                Option("without-isolation", "run without the sandbox"),
                Option("force", "collect the wheels again"),
                JSON,
            ),
        ),
    ),
    "send": (
        Command(
            "push",
            "Push codes, deps and sub in order, each only if it changed.",
            (NOTEBOOK, MESSAGE, ACCELERATOR, NO_WAIT, PUBLIC, *SEND),
        ),
        Command(
            "push-codes", "Push codes/ as a dataset and wait until it is current.", (MESSAGE, PUBLIC, *SEND)
        ),
        Command(
            "push-deps",
            "Run the wheel notebook on Kaggle if what it collects changed.",
            (NO_WAIT, PUBLIC, *SEND),
        ),
        Command(
            "push-sub",
            "Push one notebook and wait for its run.",
            (NOTEBOOK, ACCELERATOR, NO_WAIT, PUBLIC, *SEND),
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
                Option("licence", "licence of a new variation, such as 'Apache 2.0'", ""),
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
        ),
        Command(
            "push-dataset",
            "Push any folder, such as weights or features, as a dataset.",
            (
                Option("path", "the folder", ""),
                Option(
                    "id",
                    "owner/slug (default: that of its dataset-metadata.json, or <username>/<prefix>-<folder>)",
                    "",
                    into="id_",
                ),
                Option(
                    "notebook", "folder of the notebook that attaches it, such as sub (default: none)", ""
                ),
                MESSAGE,
                PUBLIC,
                *SEND,
            ),
        ),
        Command(
            "ship",
            "Push, submit and watch: from a saved file to a score.",
            (
                NOTEBOOK,
                Option("detach", "wait for no run and no score; run it again to continue"),
                *SUBMIT,
                ACCELERATOR,
                PUBLIC,
                *SEND,
            ),
        ),
        Command(
            "submit",
            "Submit the pushed version.",
            (
                NOTEBOOK,
                VERSION,
                *SUBMIT,
                Option("dry-run", "check everything and submit nothing"),
                Option("force", "the same as --again"),
                YES,
                ALLOW,
                LIMIT,
                JSON,
            ),
        ),
    ),
    "look": (
        Command("status", "Show how codes and notebooks stand on Kaggle.", (JSON,)),
        Command("logs", "Show the log of a run on Kaggle, live while it runs.", (NOTEBOOK, VERSION, JSON)),
        Command(
            "output",
            "Download the output of a run on Kaggle.",
            (
                NOTEBOOK,
                VERSION,
                Option("only", "files whose name matches (may be repeated)", []),
                Option("to", "folder to write into (default: build/output/<notebook>/v<version>)", ""),
                FETCH_YES,
                ALLOW,
                JSON,
            ),
        ),
        Command(
            "watch",
            "Follow submissions to their scores.",
            (
                Option(
                    "ref", "a submission's reference (may be repeated; default: all that are pending)", []
                ),
                Option("limit", "stop waiting after this time, such as 10h; run it again to continue", ""),
                JSON,
            ),
        ),
        Command(
            "models",
            "Show variations and versions of the models, with size, date and the submissions that used them.",
            (
                Option(
                    "model",
                    "owner/model to show (may be repeated; default: those that this workspace attaches, pushed or submitted)",
                    [],
                ),
                Option("all", "every model of the account", into="everything"),
                JSON,
            ),
        ),
    ),
    "remember": (
        Command(
            "history",
            "Show what was submitted and how it scored.",
            (
                Option(
                    "sort",
                    "time (default), public, private, cv, rerun, or any column of --csv; the newest or best first",
                    "time",
                ),
                Option("reverse", "reverse the order"),
                Option(
                    "filter",
                    "name=value (also != < <= > >=), or a text to find anywhere; may be repeated",
                    [],
                    into="filters",
                ),
                Option("group", "one line per experiment"),
                Option("limit", "how many to show (default: 50, 0 for all)", 50),
                Option("refresh", "first read Kaggle's list: browser, team-mates, private scores"),
                Option("reproduce", "restore what this submission was made of into build/", ""),
                Option("push", "with --reproduce: push it again"),
                Option("yes", "with --push: answer every question with yes"),
                Option("allow", "with --push: override a refusal by its name (may be repeated)", []),
                Option("json", "print everything as JSON"),
                Option("csv", "print everything as CSV"),
            ),
        ),
        Command(
            "report",
            "Draw the history: one HTML file that works offline.",
            (Option("output", "file to write (default: build/report.html)", ""), JSON),
        ),
    ),
}
