"""Every command with its options, in the groups in which `invoke --list` shows them."""

from __future__ import annotations

from kaggle_workflow import command_list_send
from kaggle_workflow.command_options import ALLOW, FETCH_YES, JSON, NOTEBOOK, VERSION, Command, Option

GROUPS: dict[str, tuple[Command, ...]] = {
    "prepare": (
        Command("doctor", "Check for anything that would block a push, and how to fix it.", (JSON,)),
        Command(
            "check",
            "Validate the whole workspace, without network. --fix repairs it.",
            (
                Option("fix", "repair what needs no decision; shows each change and asks"),
                Option("yes", "write the repairs without asking"),
                Option(
                    "deps",
                    "also resolve deps/requirements.txt against Kaggle's image; asks the package index",
                ),
                Option(
                    "no-secret",
                    "mark the finding at this place as no credential, in .secrets.baseline (may be repeated; default: none)",
                    [],
                ),
                JSON,
            ),
            example="--fix",
        ),
        Command(
            "data",
            "Download the competition's files, or the attached sources, to where rehearsal mounts them.",
            (
                NOTEBOOK,
                Option(
                    "only",
                    "files whose name matches, such as 'train/*' (may be repeated; default: all files)",
                    [],
                ),
                Option(
                    "sample",
                    "download only so many files of each folder, and every small table (default: all)",
                    0,
                ),
                Option(
                    "attached",
                    "download what the notebook attaches: everything, or the named source (default: only the competition)",
                    None,
                    optional=True,
                ),
                Option("list", "list the files and download nothing", into="list_"),
                FETCH_YES,
                ALLOW,
                JSON,
            ),
            example="--only 'train/*' --sample 10",
        ),
        Command(
            "new-exp",
            "Start an experiment from an earlier one and make it the entry point.",
            (
                Option(
                    "from",
                    "file or folder of codes/ to start from (default: that of the entry point)",
                    "",
                    into="source",
                ),
                Option(
                    "name", "name of the new experiment (default: the next free number)", "", into="new_name"
                ),
                JSON,
            ),
            example="--from exp001.py --name exp002",
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
                Option("undo", "remove the pin: use the newest image again"),
                JSON,
            ),
            example="--version 12",
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
                Option(
                    "layout",
                    "how inputs are mounted: namespaced or classic (default: namespaced)",
                    "namespaced",
                ),
                Option(
                    "entry", "run another entry point, once (default: workspace.entry in invoke.yaml)", ""
                ),
                Option("rerun", "run as in the scored rerun: files of data/rerun replace the competition's"),
                Option(
                    "without", "mount an empty folder for this source (may be repeated; default: none)", []
                ),
                Option(
                    "python",
                    "Python to use instead of Kaggle's image (default: one with the packages of deps/image.txt)",
                    "",
                ),
                Option(
                    "image",
                    "run in this container image, such as gcr.io/kaggle-images/python (default: no container)",
                    "",
                ),
                Option("engine", "container engine, docker or podman (default: the first that runs)", ""),
                Option("require-isolation", "fail if this machine can't provide the sandbox"),
                Option("without-isolation", "run without the sandbox"),
                Option("force", "collect the wheels again"),
                JSON,
            ),
            example="--entry exp002.py",
        ),
    ),
    "send": command_list_send.COMMANDS,
    "look": (
        Command(
            "explain",
            "Explain a refusal by its name, such as take-over: what it means, how to fix or override it.",
            (
                Option(
                    "refusal",
                    "name of the refusal, as the message shows it after --allow (required)",
                    positional=True,
                ),
            ),
            example="take-over",
        ),
        Command("status", "Show how codes and notebooks stand on Kaggle.", (JSON,)),
        Command(
            "logs",
            "Show the log of a run on Kaggle, live while it runs.",
            (NOTEBOOK, VERSION, JSON),
            example="--version 12",
        ),
        Command(
            "output",
            "Download the output of a run on Kaggle.",
            (
                NOTEBOOK,
                VERSION,
                Option("only", "files whose name matches (may be repeated; default: all files)", []),
                Option("to", "folder to write into (default: build/output/<notebook>/v<version>)", ""),
                FETCH_YES,
                ALLOW,
                JSON,
            ),
            example="--only '*.csv' --to /tmp/output",
        ),
        Command(
            "watch",
            "Follow submissions to their scores.",
            (
                Option("ref", "a submission's reference (may be repeated; default: all pending ones)", []),
                Option(
                    "limit",
                    "stop waiting after this time, such as 10h (default: the longest possible run)",
                    "",
                ),
                JSON,
            ),
            example="--limit 10h",
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
            example="--model owner/model",
        ),
    ),
    "remember": (
        Command(
            "history",
            "Show what was submitted and how it scored.",
            (
                Option(
                    "sort",
                    "time, public, private, cv, rerun, or any column of --csv; newest or best first (default: time)",
                    "time",
                ),
                Option("reverse", "reverse the order"),
                Option(
                    "filter",
                    "name=value (also != < <= > >=), or a text to find anywhere (may be repeated; default: none)",
                    [],
                    into="filters",
                ),
                Option("group", "one line per experiment"),
                Option("limit", "how many to show, 0 for all (default: 50)", 50),
                Option(
                    "refresh",
                    "read Kaggle's list first: submissions from the browser and team-mates, private scores",
                ),
                Option("reproduce", "restore the files of this submission into build/ (default: none)", ""),
                Option("push", "with --reproduce: push it again"),
                Option("yes", "with --push: answer every question with yes"),
                Option("allow", "with --push: override this refusal (may be repeated; default: none)", []),
                Option("json", "print everything as JSON", group="Output"),
                Option("csv", "print everything as CSV", group="Output"),
            ),
            example="--sort public --limit 10",
        ),
        Command(
            "report",
            "Draw the history: one HTML file that works offline.",
            (Option("output", "file to write (default: build/report.html)", ""), JSON),
            example="--output report.html",
        ),
    ),
}
