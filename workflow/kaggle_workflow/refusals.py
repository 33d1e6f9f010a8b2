"""Every refusal that `--allow NAME` overrides: what it means and what to do. `invoke explain NAME` and docs/ print this table."""

from __future__ import annotations

import difflib
from dataclasses import dataclass

from kaggle_workflow.errors import WorkflowError


@dataclass(frozen=True)
class Refusal:
    """One refusal.

    Attributes:
        name: stable name, as `--allow` takes it.
        meaning: what was found, and what would go wrong.
        fix: what to do about it.
        yes: whether `--yes` answers it too, since it is a question that was to be expected.
    """

    name: str
    meaning: str
    fix: str
    yes: bool = False

    @property
    def override(self) -> str:
        """How to continue without a fix."""
        return f"--allow {self.name}{' or --yes' if self.yes else ''}"


REFUSALS = (
    Refusal(
        "take-over",
        "Something of this name exists on Kaggle, and this workspace didn't make it. A push would replace it.",
        "Choose another name in the metadata file. Override this if it is yours and may be replaced.",
    ),
    Refusal(
        "edited-on-kaggle",
        "The notebook was edited in the browser after the last push. The edited version is saved beside yours.",
        "Copy what you want to keep from the saved file into your notebook, then override this once.",
    ),
    Refusal(
        "codes-not-current",
        "Kaggle's current version of the codes differs from codes/ here. The notebook would run the old ones.",
        "Run `invoke push-codes` first, or `invoke push`, which pushes everything in order.",
    ),
    Refusal(
        "wheels-not-current",
        "The wheels on Kaggle are not those that deps/requirements.txt asks for.",
        "Run `invoke push-deps` first, or `invoke push`, which pushes everything in order.",
    ),
    Refusal(
        "other-account",
        "The credentials belong to another account than the ids in the metadata files.",
        "Use the other account's credentials, or set `workspace.owner` in invoke.yaml to the account that pushes.",
    ),
    Refusal(
        "sweep",
        "A sweep starts several runs on Kaggle, which use up the hours of your account.",
        "Read how many jobs and hours it says, then confirm. Correct the grid if a job is there by mistake.",
        yes=True,
    ),
    Refusal(
        "unproved-run",
        "The run left no report, so nothing shows which codes and wheels it used.",
        "Read `invoke logs`, then run `invoke push-sub --force`.",
    ),
    Refusal(
        "large-files",
        "codes/ holds files over 100 MB, data or checkpoints. They would be uploaded with every change of the code.",
        "Move them out of codes/ (`invoke push-model`, `invoke push-dataset`), or list them in .kaggleignore.",
        yes=True,
    ),
    Refusal(
        "stand-in",
        "A file is only a placeholder: a pointer of Git LFS, DVC or git-annex, empty weights, or a login page.",
        "Fetch the real file, for example with `git lfs pull`, then push again.",
    ),
    Refusal(
        "archive",
        "codes/ holds an archive. Kaggle unpacks archives, so the notebook would not find this file.",
        "Put the unpacked files into codes/, or list the archive in .kaggleignore.",
    ),
    Refusal(
        "archive-contents",
        "Kaggle unpacked an archive and some of its files are missing. Another upload would give the same result.",
        "Upload the files themselves instead of the archive.",
    ),
    Refusal(
        "stale-weights",
        "Weights or data changed after they were pushed. The submission would use the pushed version.",
        "Push them first, as the message shows. With `--yes`, `invoke ship` pushes them.",
        yes=True,
    ),
    Refusal(
        "large-download",
        "More than 5 GB would be downloaded.",
        "Download less, with `--only` or `--sample`.",
        yes=True,
    ),
    Refusal(
        "not-pushed",
        "This version was not pushed from this workspace, or it was edited on Kaggle.",
        "Submit a version that was pushed with `--version N`, or run `invoke push`.",
    ),
    Refusal(
        "run-not-complete",
        "The run of this version has not completed: it is queued, still running, cancelled, or it failed.",
        "Wait with `invoke logs`, or use `invoke ship`, which waits. If it failed, fix it and push again.",
    ),
    Refusal(
        "no-output",
        "The run left no file of the name that the competition scores.",
        "Make the entry point write it, or set `workspace.submission` in invoke.yaml.",
    ),
    Refusal(
        "empty-output",
        "The submission file that the run left has no content.",
        "Find out why with `invoke rehearse` or `invoke logs`, then push again.",
    ),
    Refusal(
        "columns",
        "The columns of the submission file differ from those of the competition's sample submission.",
        "Write the sample's columns, or set `workspace.check: exists` to skip this check.",
    ),
    Refusal(
        "other-fingerprint",
        "The run used other codes or another runtime than those that were pushed with it.",
        "Run `invoke push` and submit the new version.",
    ),
    Refusal(
        "internet-on",
        "The notebook may use the internet. Code competitions don't accept such a notebook.",
        "Set `enable_internet` to false in kernel-metadata.json, then push again.",
    ),
    Refusal(
        "no-submissions-left",
        "Kaggle says that no submission is left, today or in the whole competition.",
        "Submit after 00:00 UTC, when the day's count starts over. Choose the final submissions if the total is used up.",
    ),
    Refusal(
        "blend-too-long",
        "The members of a blend took longer in their reruns, all together, than the competition allows.",
        "Leave a member out, make one faster, or let those out of time be left out with `--needs in-time`.",
    ),
    Refusal(
        "blend-wheels",
        "Members of a blend ran with other wheels than the present ones. These would be sent as a private dataset.",
        "Confirm it with `--yes`, or leave out the members that the message names.",
        yes=True,
    ),
    Refusal(
        "blend-tables",
        "The submissions that the members left differ in columns or rows, or hold text where numbers are averaged.",
        "Name the columns of numbers with `--target`, or leave out the member that the message names.",
    ),
    Refusal(
        "spend-submission",
        "This would use one of the day's submissions, and there is no terminal to ask on.",
        "Add `--yes`, or run the command on a terminal.",
        yes=True,
    ),
)


def find(name: str) -> Refusal:
    """The refusal of that name.

    Raises:
        WorkflowError: there is none; the message names the closest ones, or all.
    """
    known = {one.name: one for one in REFUSALS}
    if name in known:
        return known[name]
    close = difflib.get_close_matches(name, known)
    listed = f"did you mean {' or '.join(close)}?" if close else f"choose one of {', '.join(known)}."
    raise WorkflowError(f"No refusal has the name {name!r}: {listed}")
