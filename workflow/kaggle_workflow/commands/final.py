"""`invoke final`."""

from __future__ import annotations

from kaggle_shim.refs import CompetitionRef
from kaggle_workflow import command_list, console
from kaggle_workflow.commands import history as history_command
from kaggle_workflow.commands import output as output_command
from kaggle_workflow.errors import WorkflowError
from kaggle_workflow.files import sweep
from kaggle_workflow.kaggle.client import Kaggle
from kaggle_workflow.ledger import book as ledger
from kaggle_workflow.ledger import choosing, history
from kaggle_workflow.ledger import table as history_table
from kaggle_workflow.ledger.choosing import Candidate, Choice
from kaggle_workflow.ledger.fold import Submission, better_of, fold
from kaggle_workflow.push.session import aside
from kaggle_workflow.submit import outputs
from kaggle_workflow.workspace import SUB, Workspace

_PATIENCE = 10.0
_COLUMNS = ("ref", "experiment", "CV", "public", "message")


def propose(workspace: Workspace, command: command_list.Final) -> None:
    """Print the candidates for the final selections, the risk of each, and a proposed pair.

    Kaggle's API can't select: kagglesdk 0.1.37 lists the selected submissions (`SUBMISSION_GROUP_SELECTED`), and neither it nor kaggle
    2.2.4 has a call that selects one. So the page is named.

    Raises:
        WorkflowError: no submission is scored, or it is unknown which score is better.
    """
    slug = workspace.notebook(SUB).metadata.competition
    if slug is None:
        raise WorkflowError(f"{SUB} attaches no competition: run `invoke check`.")
    book = ledger.read(workspace.root)
    ranking = history.order(workspace.settings.better, better_of(book.events, slug))
    submissions = [one for one in fold(book.events) if one.competition in (None, slug)]
    if not any(one.public_score is not None for one in submissions):
        raise WorkflowError("No submission in the ledger has a public score: run `invoke history --refresh`.")
    if ranking.assumed:
        raise WorkflowError(
            f"No pair can be proposed, because the metric's direction is unknown: {history.LEARN_BETTER}"
        )
    kaggle = Kaggle(console.warn, patience=_PATIENCE)
    good = choosing.good(submissions, ranking)
    if command.download:
        _download(workspace, kaggle, good, command)
    alike = outputs.correlations(workspace, good)
    choice = choosing.choose(submissions, ranking, alike)
    page = kaggle.page(f"competitions/{slug}/submissions")
    selected = _selected(kaggle, CompetitionRef(slug))
    if command.json:
        console.as_json(
            {
                "candidates": [_as_json(one) for one in choice.candidates],
                "proposed": [one.ref for one in choice.proposed],
                "selected": selected,
                "page": page,
            }
        )
        return
    _show(choice, compared=bool(alike))
    if selected is not None:
        console.say(f"Selected on Kaggle now: {' and '.join(selected) or 'none'}.")
    console.say(
        f"The API can't select: do it on {page}. If none is selected, your best public scores count; if one is, Kaggle may choose the second by public score. If the rules allow another number "
        "than two, take the first, or more of the candidates."
    )


def _show(choice: Choice, *, compared: bool) -> None:
    cells = [(one, history.cells(one.submission)) for one in choice.candidates]
    rows = [
        {"candidate": ", ".join(one.roles), **{name: row[name] for name in _COLUMNS}} for one, row in cells
    ]
    marks = ["*" if one.submission in choice.proposed else "" for one in choice.candidates]
    console.say("\n".join(history_table.fit(rows, marks, history_command.width()).lines))
    for one in choice.candidates:
        console.say(f"{one.submission.ref}: {one.risk}")
    pair = " and ".join(one.ref for one in choice.proposed)
    console.say(f"Proposed (*): {pair}.")
    if not compared:
        console.say(
            "No outputs were compared: `invoke final --download` looks for the pair that differs most."
        )


def _as_json(one: Candidate) -> dict[str, object]:
    of = one.submission
    scores = {"public_score": of.public_score, "cv": of.cv}
    return {"ref": of.ref, "roles": list(one.roles), "experiment": of.experiment, **scores, "risk": one.risk}


def _download(
    workspace: Workspace, kaggle: Kaggle, good: tuple[Submission, ...], command: command_list.Final
) -> None:
    """Download the predictions of these submissions that are not here yet; what can't be had is a warning."""
    for one in good:
        found = outputs.place(workspace, one)
        if found is None:
            continue
        if found[1].is_file():
            sweep(found[1].parent)
            continue
        wanted = command_list.Output(
            notebook=found[0],
            version=one.notebook_version,
            only=[found[1].name],
            yes=command.yes,
            allow=command.allow,
        )
        try:
            output_command.download(workspace, kaggle, wanted, aside)
        except WorkflowError as error:
            console.warn(f"The output of submission {one.ref} is not compared: {error}")


def _selected(kaggle: Kaggle, ref: CompetitionRef) -> list[str] | None:
    """References of the submissions that are selected on Kaggle, None when it can't be asked."""
    try:
        return [str(number) for number in kaggle.selected(ref)]
    except WorkflowError as error:
        console.warn(f"What is selected on Kaggle is unknown: {error}")
        return None
