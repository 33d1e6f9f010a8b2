"""What Kaggle says: credentials, the competition, what is left of submissions and accelerator hours."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime

from kaggle_shim.refs import CompetitionRef
from kaggle_workflow import metadata, names
from kaggle_workflow.doctor.diagnosis import NOTE, OK, UNKNOWN, WRONG, Line, of_error
from kaggle_workflow.errors import KaggleRefused, Unreachable, WorkflowError
from kaggle_workflow.kaggle import credentials
from kaggle_workflow.kaggle.client import Kaggle
from kaggle_workflow.kaggle.values import Competition
from kaggle_workflow.workspace import SUB, Workspace

_NETWORK = ("account", "competition", "rules", "submissions", "quota")
_SOON = 7 * 86400.0
_WRONG_CLOCK = 300.0
_FEW_HOURS = 2.0


def lines(workspace: Workspace, kaggle: Kaggle) -> Iterator[Line]:
    """The lines about Kaggle; without network or credentials, what could not be looked at."""
    found = _credentials(kaggle)
    yield found
    try:
        ahead = kaggle.reach()
    except Unreachable as error:
        yield _offline(error)
        yield from (Line(topic, UNKNOWN, "not looked at without network") for topic in _NETWORK)
        return
    yield Line("network", OK, f"{kaggle.page('')} answers")
    if ahead is not None and abs(ahead) > _WRONG_CLOCK:
        way = "ahead of" if ahead > 0 else "behind"
        says = f"this machine's clock is {abs(ahead) / 60:.0f} minutes {way} Kaggle's"
        yield Line("clock", NOTE, says, "set it: logins, deadlines and the times of the history go by it")
    if found.state == WRONG:
        yield from (Line(topic, UNKNOWN, "not looked at without credentials") for topic in _NETWORK)
        return
    account = _guarded("account", lambda: _account(workspace, kaggle))
    yield account
    if account.state in (WRONG, UNKNOWN):
        yield from (Line(topic, UNKNOWN, "not looked at: see account") for topic in _NETWORK[1:])
        return
    yield from _about_competition(workspace, kaggle)
    yield _guarded("quota", lambda: _quota(workspace, kaggle))


def _guarded(topic: str, look: Callable[[], Line]) -> Line:
    """A line, or why it could not be had."""
    try:
        return look()
    except KaggleRefused as error:
        return of_error(topic, WRONG, error)
    except Unreachable as error:
        return of_error(topic, UNKNOWN, error)


def _offline(error: Unreachable) -> Line:
    line = of_error("network", UNKNOWN, error)
    if "certificate" in line.says.lower():
        return replace(
            line, remedy="look at this machine's clock, and for a proxy that opens what goes through it"
        )
    return replace(line, remedy="look at your network; the lines below wait for it")


def _credentials(kaggle: Kaggle) -> Line:
    try:
        found = kaggle.credentials
    except WorkflowError as error:
        return of_error("credentials", WRONG, error)
    told = (
        f"the older pair of user name and key, of {found.username}, from {found.source}"
        if found.token is None
        else f"an access token from {found.source}"
    )
    others = [place for place in credentials.places() if place != found.source]
    if others:
        told += f"; {' and '.join(others)} {'is' if len(others) == 1 else 'are'} here too and not used"
    return Line("credentials", OK, told)


def _account(workspace: Workspace, kaggle: Kaggle) -> Line:
    account, expires = kaggle.account, kaggle.expires
    told = (
        f"{account}{f', until {datetime.fromtimestamp(expires, UTC):%Y-%m-%d %H:%M} UTC' if expires else ''}"
    )
    about, _ = metadata.read_kernel(workspace.root / SUB / metadata.KERNEL_FILE, workspace.root)
    owner = workspace.settings.owner or (about.id.owner if about else account)
    if owner.lower() != account.lower() and owner not in names.PLACEHOLDERS:
        return Line(
            "account",
            NOTE,
            f"{told}; {SUB} belongs to {owner}",
            f"use the credentials of {owner}, or run `copier update --defaults -d username={account}` and `invoke check --fix`",
        )
    if expires is not None and expires - datetime.now(UTC).timestamp() < _SOON:
        return Line("account", NOTE, told, "make a new token on kaggle.com/settings/api before that")
    return Line("account", OK, told)


def _about_competition(workspace: Workspace, kaggle: Kaggle) -> Iterator[Line]:
    about, _ = metadata.read_kernel(workspace.root / SUB / metadata.KERNEL_FILE, workspace.root)
    slug = about.competition if about else None
    if slug is None or slug in names.PLACEHOLDERS:
        yield Line(
            "competition",
            WRONG,
            "the submission notebook names none"
            if slug is None
            else f"{slug} stands for the competition's slug",
            f"write the slug into competition_sources in {SUB}/{metadata.KERNEL_FILE}",
        )
        yield from (
            Line(topic, UNKNOWN, "not looked at without a competition") for topic in ("rules", "submissions")
        )
        return
    ref = CompetitionRef(slug)
    try:
        there = kaggle.competition(ref)
    except (KaggleRefused, Unreachable) as error:
        yield of_error("competition", UNKNOWN, error)
        there = None
    else:
        yield _competition(there, slug, kaggle)
    if there is None:
        yield from (
            Line(topic, UNKNOWN, "not looked at: see competition") for topic in ("rules", "submissions")
        )
        return
    yield _guarded("rules", lambda: _rules(kaggle, ref, there))
    yield _guarded("submissions", lambda: _submissions(kaggle, ref, there))


def _competition(there: Competition | None, slug: str, kaggle: Kaggle) -> Line:
    if there is None:
        return Line(
            "competition",
            WRONG,
            f"Kaggle knows no competition {slug}",
            f"correct competition_sources in {SUB}/{metadata.KERNEL_FILE}: the slug is the last part of the competition's address",
        )
    told = f"{there.title}, deadline {there.deadline or 'unknown'}"
    if not there.takes_notebooks:
        return Line(
            "competition",
            WRONG,
            f"{told}; it is no code competition",
            f"submit its file with `kaggle competitions submit -f FILE {slug}`; codes, rehearsal and history serve you all the same",
        )
    if there.closed:
        return Line(
            "competition",
            WRONG,
            f"{told}; it takes no submissions",
            f"read why on {kaggle.page(f'competitions/{slug}')}",
        )
    if there.over:
        return Line(
            "competition", NOTE, f"{told}, which is over", "submit late: it is scored, and does not count"
        )
    return Line("competition", OK, f"{told}, a code competition")


def _rules(kaggle: Kaggle, ref: CompetitionRef, there: Competition) -> Line:
    page = kaggle.page(f"competitions/{ref}/rules")
    if not kaggle.rules_accepted(ref):
        return Line(
            "rules",
            WRONG,
            f"the rules of {ref} are not accepted",
            f"join the competition and accept them on {page}",
        )
    if not there.entered:
        return Line(
            "rules",
            NOTE,
            f"the data can be had, and {kaggle.account} has not joined {ref}",
            f"join on {page} before you submit",
        )
    return Line("rules", OK, f"{kaggle.account} has joined, the rules are accepted")


def _submissions(kaggle: Kaggle, ref: CompetitionRef, there: Competition) -> Line:
    limits = kaggle.limits(ref)
    if limits.left is None:
        return Line(
            "submissions",
            UNKNOWN,
            f"Kaggle does not say how many are left before the first ({there.daily} a day are allowed)",
        )
    told = f"{limits.left} left now, {limits.today} used today"
    if limits.left == 0:
        return Line("submissions", NOTE, told, "wait until midnight UTC, when the daily limit resets")
    return Line("submissions", OK, told)


def _quota(workspace: Workspace, kaggle: Kaggle) -> Line:
    known = {kind: quota for kind, quota in kaggle.quota().items() if quota is not None}
    if not known:
        return Line("quota", UNKNOWN, "Kaggle does not say how much is left")
    hours = [
        f"{quota.allowed - quota.used:.1f} of {quota.allowed:.0f} {kind.upper()} hours left"
        for kind, quota in known.items()
    ]
    told = f"{', '.join(hours)} this week"
    about, _ = metadata.read_kernel(workspace.root / SUB / metadata.KERNEL_FILE, workspace.root)
    wanted = known.get(about.accelerator or "" if about else "")
    if wanted is not None and wanted.allowed - wanted.used < _FEW_HOURS:
        return Line(
            "quota",
            NOTE,
            told,
            "push without the accelerator, or wait for the week's end: a scored rerun does not count",
        )
    return Line("quota", OK, told)
