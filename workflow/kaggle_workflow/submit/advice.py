"""Advice for the reasons that Kaggle gives when it refuses a submission or when a rerun fails.

Kaggle's sentences are not a protocol: each pattern matches the known wording and its likely variants. A reason that matches none
is shown as it is.
"""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True)
class Advice:
    """What to do about a reason.

    Attributes:
        name: short name of the reason.
        pattern: regular expression for Kaggle's words; case is ignored.
        sentence: what to do.
    """

    name: str
    pattern: str
    sentence: str


# The first row that matches counts.
REFUSALS = (
    Advice(
        "daily-limit",
        r"(daily|today|per day|24 hours).*(submission|allowance|limit)|(submission|allowance|limit).*(daily|today|per day|24 hours)",
        "Submit this version again after 00:00 UTC, when the daily limit resets.",
    ),
    Advice(
        "total-limit",
        r"total submission|(used|reached).*(all|total|maximum).*submission",
        "Your team has used all submissions to this competition: choose your final ones on its page.",
    ),
    Advice(
        "phone-verification",
        r"phone|verif(y|ied|ication)",
        "Verify your phone number on kaggle.com/settings, then submit again.",
    ),
    Advice("rules", r"rules", "Accept the rules on the competition's page, then submit again."),
    Advice(
        "still-running",
        r"still running|not (yet )?(finished|complete)|is running|queued",
        "Wait for the run (invoke status shows it), then submit again; invoke ship waits by itself.",
    ),
    Advice(
        "failed-run",
        r"did not (run|finish|complete) successfully|(run|notebook|version) failed",
        "Find the cause with invoke logs, fix it, push, and submit the new version.",
    ),
    Advice(
        "wrong-file",
        r"did not find.*file|output file|file ?name",
        "Name the file that the notebook leaves in workspace.submission of invoke.yaml (invoke output shows what it left), push, and submit again.",
    ),
    Advice(
        "internet",
        r"internet",
        "Set enable_internet to false in kernel-metadata.json, push, and submit the new version.",
    ),
    Advice(
        "not-attached",
        r"data source|not (use|attach).*competition",
        "Add the competition to competition_sources in kernel-metadata.json, push, and submit the new version.",
    ),
    Advice(
        "files-only",
        r"takes files|not.*(code|notebook) competition|only accepts.*files",
        "This competition takes uploaded files: send one with kaggle competitions submit.",
    ),
    Advice(
        "submissions-disabled",
        r"submissions? (is|are|have been|has been) (disabled|closed|paused)|takes no more|not accept|has ended|deadline",
        "Check the competition's page: it is closed, and takes late submissions only if its host allows them.",
    ),
    Advice(
        "not-yours",
        r"kernelsessions|permission|denied|not authorized",
        "Submit a notebook of the account whose credentials are used here, and join the competition with it.",
    ),
)

FAILURES = (
    Advice(
        "timeout",
        r"timeout|time limit|execution duration|exceeded.*time",
        "It ran longer than the competition allows: estimate its time with invoke submit --dry-run --hidden-rows ROWS, or set workspace.guard and "
        "workspace.partial to save partial results in time.",
    ),
    Advice(
        "compute",
        r"\bcompute\b|memory|\bram\b|disk",
        "It used more memory or disk than the machine has: read the hidden test in parts, or use smaller batches.",
    ),
    Advice(
        "exception",
        r"exception|threw|raised",
        "It failed on the hidden files, and Kaggle shows no log of a rerun: put files like the hidden ones into data/rerun (more rows, other "
        "ids, missing values), then run invoke rehearse --rerun.",
    ),
    Advice(
        "no-file",
        r"not found|no submission|missing.*(file|csv)",
        "The rerun completed and did not write the file that is scored: check that the rerun writes the file named in workspace.submission.",
    ),
    Advice(
        "scoring",
        r"scoring|format|evaluation|score",
        "Kaggle could not score the file: check that its columns, ids and number of rows fit the hidden test, not the public one.",
    ),
)


def for_refusal(said: str) -> str:
    """What to do about the reason of a refused submission."""
    return _first(REFUSALS, said, "Check the competition's page for its requirements.")


def for_failure(said: str) -> str:
    """What to do about the reason of a failed rerun."""
    return _first(FAILURES, said, "Check the submission's page; Kaggle shows nothing else about a rerun.")


def _first(rows: tuple[Advice, ...], said: str, otherwise: str) -> str:
    return next((row.sentence for row in rows if re.search(row.pattern, said, re.IGNORECASE)), otherwise)
