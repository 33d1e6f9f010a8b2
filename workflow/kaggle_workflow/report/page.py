"""The report: one HTML file with the charts of a history, which works offline and loads nothing."""

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
from kaggle_workflow import console
from kaggle_workflow.durations import spell
from kaggle_workflow.ledger import history, job_results
from kaggle_workflow.ledger.fold import Submission
from kaggle_workflow.ledger.history import Order, printable
from kaggle_workflow.report import charts, drawing
from kaggle_workflow.report.sweeps import Results

_CSS = Path(__file__).with_name("report.css")
_SCRIPT = Path(__file__).with_name("report.js")
_FIRST = ("public_score", "private_score", "cv", "rerun_seconds", "status", "error", "message")
_NOT_COMPARED = frozenset(("recorded", "time", "rerun_error"))
_MEGABYTE = 1e6
_MOST_SETTINGS = 20
# Names of the comparison that are not just the field's own with spaces.
_NAMES = {
    "cv": "CV",
    "rerun_seconds": "rerun time (s)",
    "save_run_seconds": "save run time (s)",
    "save_run_rows": "rows of the save run",
    "peak_memory": "peak memory (MB)",
    "limit": "time limit (s)",
}


@dataclass(frozen=True)
class Facts:
    """What the page says besides the submissions.

    Attributes:
        title: what the report is about, such as the competition's slug.
        made: when it was made (aware, UTC).
        limit: seconds that the competition allows; `limit_assumed` when no setting says so.
        ranking: which score is better.
        ended: how the competition ended, and `hindsight` which final selection would have been best; empty while that is unknown.
        public_rows: on how many rows the public score is computed, None when unknown.
        warning: lines of the ledger that could not be read, None when there are none.
        sweeps: the newest sweeps.
    """

    title: str
    made: datetime
    limit: float
    limit_assumed: bool
    ranking: Order
    ended: str = ""
    hindsight: str = ""
    public_rows: float | None = None
    warning: str | None = None
    sweeps: tuple[Results, ...] = ()


def page(submissions: Sequence[Submission], facts: Facts) -> str:
    """The report as HTML. Messages and names appear as text, never as markup or script."""
    css, script = _CSS.read_text(encoding="utf-8"), _SCRIPT.read_text(encoding="utf-8")
    # Browsers run only our own script and load nothing, even if a text were not escaped.
    digest = base64.b64encode(hashlib.sha256(script.encode("utf-8")).digest()).decode("ascii")
    policy = f"default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{digest}'; img-src data:"
    drawn = charts.all_charts(
        submissions,
        facts.ranking,
        facts.limit,
        limit_assumed=facts.limit_assumed,
        public_rows=facts.public_rows,
        hindsight=facts.hindsight,
    )
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
            *(_section(one) for one in drawn),
            _comparison(submissions),
            *(_sweep(one, facts.ranking) for one in facts.sweeps),
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
    counted = console.count(len(submissions), "submission")
    sentences = [f"{counted}. Report made on {facts.made:%Y-%m-%d at %H:%M} UTC."]
    if best is not None and facts.ranking.assumed:
        sentences.append(
            "It is unknown whether higher or lower scores are better: set <code>workspace.better</code> to <code>higher</code> or <code>lower</code>."
        )
    elif best is not None:
        score = f"<strong>{escape(history.number(best.public_score))}</strong>"
        sentences.append(f"Best public score: {score}, submission {escape(best.ref)}.")
    sentences += [escape(facts.ended)] if facts.ended else []
    if facts.limit_assumed:
        sentences.append(
            f"Time limit: {spell(facts.limit)} assumed, because <code>workspace.limit</code> is not set."
        )
    warning = f'\n<p class="warning">{escape(facts.warning)}</p>' if facts.warning else ""
    return f"<h1>{escape(facts.title)}: submissions</h1>\n<p>{' '.join(sentences)}</p>{warning}"


def _section(chart: charts.Chart) -> str:
    body = (
        f'<p class="hint">{escape(chart.hint)}</p>{drawing.draw(chart)}'
        if chart.series
        else f'<p class="missing">{escape(chart.missing)}</p>'
    )
    return f"<section><h2>{escape(chart.title)}</h2>{body}</section>"


def _sweep(found: Results, ranking: Order) -> str:
    """What a sweep found: its first settings as a table, and its charts."""
    title = f"Sweep {escape(found.sweep.name)}"
    ranking = job_results.order_of(ranking, found.metric)
    rows = [
        {"setting": printable(one.words), "folds": one.folds, printable(found.metric): one.score}
        for one in found.settings[:_MOST_SETTINGS]
    ]
    sentences = (
        f"Its settings, {'in the order of its jobs' if ranking.assumed else f'best first: {ranking.better} is better'}.",
        f"{len(rows)} of {len(found.settings)} are shown." if len(rows) < len(found.settings) else "",
    )
    return (
        f'<section><h2>{title}</h2><p class="hint">{" ".join(filter(None, sentences))}</p>{_table(rows, title)}</section>'
        + "".join(map(_section, found.charts))
    )


def _comparison(submissions: Sequence[Submission]) -> str:
    head = "<section><h2>What changed between two submissions</h2>"
    if len(submissions) < len(("one", "other")):
        return f'{head}<p class="missing">Make a second submission to compare two.</p></section>'
    options = "".join(
        f'<option value="{escape(printable(one.ref))}">{escape(_label(one))}</option>'
        for one in sorted(submissions, key=lambda one: one.time, reverse=True)
    )
    return (
        f'{head}<p class="hint">Choose two submissions here, or click dots in the charts. On a keyboard, press Enter on a dot.</p>'
        f'<p class="choice"><label>from <select id="from">{options}</select></label> <label>to <select id="to">{options}</select></label></p>'
        '<div id="changes" aria-live="polite"></div><noscript><p class="missing">Turn on JavaScript to compare submissions.</p></noscript></section>'
    )


def _list(submissions: Sequence[Submission]) -> str:
    if not submissions:
        return '<p class="missing">No submissions yet. To make the first one, run: <code>invoke submit</code></p>'
    rows = [history.cells(one) for one in sorted(submissions, key=lambda one: one.time, reverse=True)]
    return f"<details><summary>All submissions</summary>{_table(rows, 'All submissions')}</details>"


def _table(rows: Sequence[Mapping[str, str]], label: str) -> str:
    """Rows as a table without its empty columns, which scrolls where the page is narrow."""
    names = [name for name in rows[0] if any(row[name] for row in rows)]
    head = "".join(f"<th>{escape(name)}</th>" for name in names)
    body = "".join(
        "<tr>" + "".join(f"<td>{escape(row[name])}</td>" for name in names) + "</tr>" for row in rows
    )
    return (
        f'<div class="scroll" tabindex="0" role="region" aria-label="{label}">'
        f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"
    )


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
    """What a comparison shows of a submission, by readable name: first how it did, then what it was made of."""
    names = dict.fromkeys(("ref", *_FIRST, *values))
    return {
        _NAMES.get(name, name.replace("_", " ").replace(".", " ")): _shown(name, values[name])
        for name in names
        if values[name] is not None and name not in _NOT_COMPARED
    }


def _shown(name: str, value: Any) -> Any:
    """A value as people compare it: the beginning of a digest, whole seconds, megabytes, scores without rounding errors."""
    if name == "ref":
        return printable(value)
    if name == "git_commit" or name.endswith("fingerprint"):
        return short(value)
    if name.endswith("_seconds") or name == "limit":
        return round(value)
    if name == "peak_memory":
        return round(value / _MEGABYTE)
    if isinstance(value, bool):
        return "yes" if value else "no"
    return float(history.number(value)) if isinstance(value, float) else value
