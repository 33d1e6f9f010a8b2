"""The report: one HTML file with the pictures of a history, that opens anywhere and asks nothing of any network."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from html import escape
from pathlib import Path
from typing import Any

from kaggle_shim.manifest import short
from kaggle_workflow.durations import spell
from kaggle_workflow.ledger import history
from kaggle_workflow.ledger.fold import Submission
from kaggle_workflow.ledger.history import Order, printable
from kaggle_workflow.report import drawing, pictures

_CSS = Path(__file__).with_name("report.css")
_SCRIPT = Path(__file__).with_name("report.js")
_FIRST = ("public_score", "private_score", "cv", "rerun_seconds", "status", "error", "message")
_NOT_COMPARED = frozenset(("recorded", "time", "rerun_error"))


@dataclass(frozen=True)
class Facts:
    """What the page says besides the submissions.

    Attributes:
        title: what the report is about, such as the competition's slug.
        made: when it was made (aware, UTC).
        limit: seconds that the competition allows, and `limit_assumed` when it is not set.
        ranking: which score is better.
        warning: what of the ledger was not understood, None for nothing.
    """

    title: str
    made: datetime
    limit: float
    limit_assumed: bool
    ranking: Order
    warning: str | None = None


def page(submissions: Sequence[Submission], facts: Facts) -> str:
    """The report as HTML; whatever stands in a message or a name is shown as text, never taken as markup or script."""
    css, script = _CSS.read_text(encoding="utf-8"), _SCRIPT.read_text(encoding="utf-8")
    # Only our own script may run, and nothing may be fetched: a browser holds the page to that even if an escape were missed.
    digest = base64.b64encode(hashlib.sha256(script.encode("utf-8")).digest()).decode("ascii")
    policy = f"default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{digest}'; img-src data:"
    drawn = pictures.all_pictures(submissions, facts.ranking, facts.limit, limit_assumed=facts.limit_assumed)
    return "\n".join(
        (
            "<!doctype html>",
            '<html lang="en">',
            "<head>",
            '<meta charset="utf-8">',
            f'<meta http-equiv="Content-Security-Policy" content="{policy}">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            '<link rel="icon" href="data:,">',
            f"<title>{escape(facts.title)}: submissions</title>",
            f"<style>{css}</style>",
            "</head>",
            "<body>",
            "<main>",
            _heading(submissions, facts),
            *(_figure(one) for one in drawn),
            _comparison(submissions),
            _list(submissions),
            "</main>",
            f'<script type="application/json" id="data">{_embedded(submissions)}</script>',
            f"<script>{script}</script>",
            "</body>",
            "</html>",
            "",
        )
    )


def _heading(submissions: Sequence[Submission], facts: Facts) -> str:
    best = facts.ranking.best(submissions)
    made = f"{facts.made:%Y-%m-%d %H:%M} UTC"
    lines = [f"<h1>{escape(facts.title)}</h1>"]
    counted = "1 submission" if len(submissions) == 1 else f"{len(submissions)} submissions"
    sentence = f"{counted}, report made {made}."
    if best is not None:
        assumed = (
            " (higher is better assumed: <code>workspace.better</code> says higher or lower)"
            if facts.ranking.assumed
            else ""
        )
        sentence += f" Best public score: <strong>{escape(history.number(best.public_score))}</strong>, submission {escape(best.ref)}{assumed}."
    if facts.limit_assumed:
        sentence += f" Limit: {spell(facts.limit)} assumed, <code>workspace.limit</code> is not set."
    lines.append(f"<p>{sentence}</p>")
    if facts.warning:
        lines.append(f'<p class="warning">{escape(facts.warning)}</p>')
    return "\n".join(lines)


def _figure(picture: pictures.Picture) -> str:
    body = (
        f'<div class="picture">{drawing.draw(picture)}</div>'
        if picture.series
        else f'<p class="missing">{escape(picture.missing)}</p>'
    )
    return f"<section><h2>{escape(picture.title)}</h2>{body}</section>"


def _comparison(submissions: Sequence[Submission]) -> str:
    head = "<section><h2>What changed between two submissions</h2>"
    if len(submissions) < len(("one", "other")):
        return f'{head}<p class="missing">Two submissions are needed for a comparison.</p></section>'
    options = "".join(
        f'<option value="{escape(printable(one.ref))}">{escape(_label(one))}</option>'
        for one in sorted(submissions, key=lambda one: one.time, reverse=True)
    )
    return (
        f"{head}<p>Choose two, or click points in the pictures.</p>"
        f'<p class="choice"><label>from <select id="from">{options}</select></label> <label>to <select id="to">{options}</select></label></p>'
        '<div id="changes" aria-live="polite"></div><noscript><p class="missing">The comparison needs scripts.</p></noscript></section>'
    )


def _list(submissions: Sequence[Submission]) -> str:
    if not submissions:
        return '<p class="missing">No submission is in the ledger yet: <code>invoke submit</code> makes the first one.</p>'
    rows = [history.cells(one) for one in sorted(submissions, key=lambda one: one.time, reverse=True)]
    names = [name for name in rows[0] if any(row[name] for row in rows)]
    head = "".join(f"<th>{escape(name)}</th>" for name in names)
    body = "".join(
        "<tr>" + "".join(f"<td>{escape(row[name])}</td>" for name in names) + "</tr>" for row in rows
    )
    return f'<details><summary>All submissions</summary><div class="scroll"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div></details>'


def _label(one: Submission) -> str:
    parts = (
        f"{one.time:%Y-%m-%d %H:%M}",
        one.experiment or "",
        history.number(one.public_score) or one.status or "",
        one.ref,
    )
    return " · ".join(part for part in parts if part)


def _embedded(submissions: Sequence[Submission]) -> str:
    """The submissions as JSON that can't end the element it stands in."""
    text = json.dumps([_compared(history.flat(one)) for one in submissions], ensure_ascii=True)
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _compared(values: Mapping[str, Any]) -> dict[str, Any]:
    """What a comparison shows of a submission: what came of it first, long digests by their beginning, times in whole seconds."""
    first = {"ref": printable(values["ref"])} | {name: values[name] for name in _FIRST}
    shown = {
        name: value
        for name, value in {**first, **values, **first}.items()
        if value is not None and name not in _NOT_COMPARED
    }
    for name, value in shown.items():
        if name == "git_commit" or name.endswith("fingerprint"):
            shown[name] = short(value)
        elif name in ("rerun_seconds", "rerun_error", "save_run_seconds"):
            shown[name] = round(value)
    return shown
