"""One line of advice for each reason that Kaggle gives: for a submission it does not take, and for a rerun that failed.

Kaggle's sentences are not a protocol. Each row is a pattern that the known wording and its likely variants match; a reason
that matches none is shown as it is, with where to look.
"""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True)
class Advice:
    """What to do about a reason.

    Attributes:
        name: what the row is about.
        pattern: matches Kaggle's words, whatever their case.
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
        "The competition takes no more submissions of your team: choose your final ones on its page.",
    ),
    Advice(
        "phone-verification",
        r"phone|verif(y|ied|ication)",
        "Verify your phone number on kaggle.com/settings, then submit again.",
    ),
    Advice(
        "rules",
        r"rules",
        "Accept the rules on the competition's page, then submit again.",
    ),
    Advice(
        "still-running",
        r"still running|not (yet )?(finished|complete)|is running|queued",
        "Wait for the run (invoke status shows it), then submit again; invoke ship waits by itself.",
    ),
    Advice(
        "failed-run",
        r"did not (run|finish|complete) successfully|(run|notebook|version) failed",
        "Look at invoke logs, correct the run, push it, and submit the new version.",
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
        "Look at the competition's page: it takes no submissions now, and late ones only if its host opened them.",
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
        "It ran longer than the competition allows: invoke submit estimates that from rows and earlier reruns (--hidden-rows), and workspace.guard with "
        "workspace.partial saves what is done in time.",
    ),
    Advice(
        "compute",
        r"\bcompute\b|memory|\bram\b|disk",
        "It used more memory or disk than the machine has: read the hidden test in parts, or use smaller batches.",
    ),
    Advice(
        "exception",
        r"exception|threw|raised",
        "It failed on the hidden files, and Kaggle shows no log: rehearse with invoke rehearse --rerun and hidden-like files in data/rerun "
        "(more rows, other ids, missing values).",
    ),
    Advice(
        "no-file",
        r"not found|no submission|missing.*(file|csv)",
        "It ended well without the file that is scored: check that it is written in the rerun too, under the name in workspace.submission.",
    ),
    Advice(
        "scoring",
        r"scoring|format|evaluation|score",
        "The file was written and could not be scored: compare its columns, ids and number of rows with the hidden test, not with the public one.",
    ),
)


def for_refusal(said: str) -> str:
    """What to do about the reason of a refused submission."""
    return _first(REFUSALS, said, "Look at the competition's page for what it wants.")


def for_failure(said: str) -> str:
    """What to do about a rerun that failed for that reason."""
    return _first(FAILURES, said, "Look at the submission's page; Kaggle shows no more of a rerun.")


def _first(rows: tuple[Advice, ...], said: str, otherwise: str) -> str:
    return next((row.sentence for row in rows if re.search(row.pattern, said, re.IGNORECASE)), otherwise)
