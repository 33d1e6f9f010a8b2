"""What Kaggle says: credentials, the competition, the submissions and the accelerator hours that are left."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime

from kaggle_shim.refs import CompetitionRef
from kaggle_workflow import metadata, names
from kaggle_workflow.doctor import last_week
from kaggle_workflow.doctor.diagnosis import NOTE, OK, UNKNOWN, WRONG, Line, guarded, of_error
from kaggle_workflow.errors import Unreachable, WorkflowError
from kaggle_workflow.kaggle import credentials
from kaggle_workflow.kaggle.client import Kaggle
from kaggle_workflow.kaggle.values import Competition
from kaggle_workflow.metadata import KernelMetadata
from kaggle_workflow.workspace import SUB, Workspace

_ONLINE = ("account", "competition", "rules", "submissions", "quota")
_OF_COMPETITION = ("rules", "submissions")
_SOON = 7 * 86400.0
_WRONG_CLOCK = 300.0
_FEW_HOURS = 2.0


def lines(workspace: Workspace, kaggle: Kaggle) -> Iterator[Line]:
    """Check what Kaggle knows; without network or credentials, name what could not be checked."""
    found = _credentials(kaggle)
    yield found
    try:
        ahead = kaggle.reach()
    except Unreachable as error:
        line = of_error("network", error)
        remedy = "check your network, then run this again"
        if "certificate" in line.says.lower():
            remedy = "check this machine's clock, and whether a proxy opens encrypted connections"
        yield replace(line, remedy=remedy)
        yield from _unchecked(_ONLINE, "not checked without network")
        return
    yield Line("network", OK, f"{kaggle.page('')} answers")
    if ahead is not None and abs(ahead) > _WRONG_CLOCK:
        says = f"this machine's clock is {abs(ahead) / 60:.0f} minutes {'ahead of' if ahead > 0 else 'behind'} Kaggle's"
        yield Line("clock", NOTE, says, "set the clock: logins, deadlines and the history depend on it")
    if found.state == WRONG:
        yield from _unchecked(_ONLINE, "not checked without credentials")
        return
    about, _ = workspace.read_notebook(SUB)
    account = next(guarded("account", lambda: _account(workspace, about, kaggle)))
    yield account
    if account.state in (WRONG, UNKNOWN):
        yield from _unchecked(_ONLINE[1:], "not checked: see account")
        return
    yield from _competition(workspace, about, kaggle)
    yield from guarded("quota", lambda: _quota(about, kaggle))


def _unchecked(topics: tuple[str, ...], why: str) -> Iterator[Line]:
    yield from (Line(topic, UNKNOWN, why) for topic in topics)


def _credentials(kaggle: Kaggle) -> Line:
    try:
        found = kaggle.credentials
    except WorkflowError as error:
        return of_error("credentials", error)
    kind = "an access token" if found.token is not None else f"user name and key of {found.username}"
    says = f"{kind} from {found.source}"
    others = [place for place in credentials.places() if place != found.source]
    if others:
        says += f"; not used: {' and '.join(others)}"
    return Line("credentials", OK, says)


def _account(workspace: Workspace, about: KernelMetadata | None, kaggle: Kaggle) -> Iterator[Line]:
    account, expires = kaggle.account, kaggle.expires
    until = f", until {datetime.fromtimestamp(expires, UTC):%Y-%m-%d %H:%M} UTC" if expires else ""
    owner = workspace.settings.owner or (about.id.owner if about else account)
    state, says, remedy = OK, f"{account}{until}", ""
    if owner.lower() != account.lower() and owner not in names.PLACEHOLDERS:
        update = f"`copier update --defaults -d username={account}` and `invoke check --fix`"
        state, says = NOTE, f"{says}; {SUB} belongs to {owner}"
        remedy = f"use the credentials of {owner}, or run {update}"
    elif expires is not None and expires - datetime.now(UTC).timestamp() < _SOON:
        state, remedy = NOTE, "make a new token on kaggle.com/settings/api before that"
    yield Line("account", state, says, remedy)


def _competition(workspace: Workspace, about: KernelMetadata | None, kaggle: Kaggle) -> Iterator[Line]:
    slug = about.competition if about else None
    if slug is None or slug in names.PLACEHOLDERS:
        says = f"{slug} is a placeholder" if slug else "the submission notebook attaches none"
        remedy = f"write the slug into competition_sources in {SUB}/{metadata.KERNEL_FILE}"
        yield Line("competition", WRONG, says, remedy)
        yield from _unchecked(_OF_COMPETITION, "not checked without a competition")
        return
    ref = CompetitionRef(slug)
    try:
        there = kaggle.competition(ref)
    except WorkflowError as error:
        yield of_error("competition", error, UNKNOWN)
        there = None
    else:
        yield Line("competition", *_state(there, slug, kaggle))
    if there is None:
        yield from _unchecked(_OF_COMPETITION, "not checked: see competition")
        return
    yield from guarded("rules", lambda: _rules(kaggle, ref, there))
    yield from guarded("submissions", lambda: _submissions(kaggle, ref, there))
    yield from last_week.lines(workspace, kaggle, there)


def _state(there: Competition | None, slug: str, kaggle: Kaggle) -> tuple[str, str, str]:
    """State, finding and remedy for a competition."""
    if there is None:
        where = f"competition_sources in {SUB}/{metadata.KERNEL_FILE}"
        return (
            WRONG,
            f"Kaggle knows no competition {slug}",
            f"correct {where}: the slug ends the competition's address",
        )
    says = f"{there.title}, deadline {there.deadline or 'unknown'}"
    if not there.takes_notebooks:
        remedy = f"submit its file with `kaggle competitions submit -f FILE {slug}`; codes, rehearsal and history work all the same"
        return WRONG, f"{says}; it is no code competition", remedy
    if there.closed:
        return WRONG, f"{says}; it takes no submissions", f"read why on {kaggle.page(f'competitions/{slug}')}"
    if there.over:
        return NOTE, f"{says}, which is over", "submit late: it is scored, and does not count"
    return OK, f"{says}, a code competition", ""


def _rules(kaggle: Kaggle, ref: CompetitionRef, there: Competition) -> Iterator[Line]:
    page = kaggle.page(f"competitions/{ref}/rules")
    if not kaggle.rules_accepted(ref):
        remedy = f"join the competition and accept them on {page}"
        yield Line("rules", WRONG, f"the rules of {ref} are not accepted", remedy)
    elif not there.entered:
        says = f"the data is available, but {kaggle.account} has not joined {ref}"
        yield Line("rules", NOTE, says, f"join on {page} before you submit")
    else:
        yield Line("rules", OK, f"{kaggle.account} has joined, the rules are accepted")


def _submissions(kaggle: Kaggle, ref: CompetitionRef, there: Competition) -> Iterator[Line]:
    limits = kaggle.limits(ref)
    says = f"{limits.left} left now, {limits.today} used today"
    if limits.left is None:
        says = f"Kaggle does not say how many are left before the first ({there.daily} a day are allowed)"
        yield Line("submissions", UNKNOWN, says)
    elif limits.left == 0:
        yield Line("submissions", NOTE, says, "wait until midnight UTC, when the daily limit resets")
    else:
        yield Line("submissions", OK, says)


def _quota(about: KernelMetadata | None, kaggle: Kaggle) -> Iterator[Line]:
    known = {kind: quota for kind, quota in kaggle.quota().items() if quota is not None}
    if not known:
        yield Line("quota", UNKNOWN, "Kaggle does not say how much is left")
        return
    hours = [
        f"{quota.allowed - quota.used:.1f} of {quota.allowed:.0f} {kind.upper()} hours left"
        for kind, quota in known.items()
    ]
    wanted = known.get(about.accelerator or "" if about else "")
    few = wanted is not None and wanted.allowed - wanted.used < _FEW_HOURS
    remedy = (
        "push without the accelerator, or wait for next week: a scored rerun uses no quota" if few else ""
    )
    yield Line("quota", NOTE if few else OK, f"{', '.join(hours)} this week", remedy)
