"""The last week: deadlines that come, the final selections, and what is not pinned."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from kaggle_shim.refs import CompetitionRef
from kaggle_workflow.doctor.diagnosis import NOTE, OK, Line, guarded
from kaggle_workflow.durations import spell
from kaggle_workflow.kaggle.client import Kaggle
from kaggle_workflow.kaggle.values import Competition
from kaggle_workflow.metadata import KERNEL_FILE
from kaggle_workflow.workspace import DEPS, SUB, Workspace

_NOW, _WEEK = timedelta(), timedelta(days=7)


def lines(workspace: Workspace, kaggle: Kaggle, there: Competition) -> Iterator[Line]:
    """A line for each deadline within seven days; in the last seven days also for those that passed, the selections and the pins."""
    end, page = _left(there.deadline), kaggle.page(f"competitions/{there.slug}")
    ends = end is not None and _NOW < end <= _WEEK
    if ends:
        yield Line("deadline", NOTE, _told(there.deadline))
    for topic, date in (("entry deadline", there.enter_by), ("merger deadline", there.merge_by)):
        left = _left(date)
        if left is None or left > _WEEK or (left <= _NOW and not ends):
            continue
        says, remedy = _told(date), ""
        if topic == "merger deadline" and left > _NOW:
            remedy = f"to merge with another team, do it on {page}/team before that"
        elif topic == "entry deadline" and not there.entered:
            says = f"{says}; {kaggle.account} has not joined"
            remedy = f"join on {page}/rules before that" if left > _NOW else f"see {page}"
        yield Line(topic, NOTE if remedy else OK, says, remedy)
    if ends:
        yield from guarded("selections", lambda: _selections(kaggle, there))
        yield from guarded("inputs", lambda: _pins(workspace))


def _selections(kaggle: Kaggle, there: Competition) -> Iterator[Line]:
    chosen = kaggle.selected(CompetitionRef(there.slug))
    page = kaggle.page(f"competitions/{there.slug}/submissions")
    remedy = f"`invoke final` proposes two; select them on {page}"
    if not chosen:
        yield Line("selections", NOTE, "none is selected, so your best public scores will count", remedy)
    elif len(chosen) == 1:
        says = f"only {chosen[0]} is selected: Kaggle may choose the second by public score"
        yield Line("selections", NOTE, says, remedy)
    else:
        yield Line("selections", OK, f"{' and '.join(map(str, chosen))} selected for the end")


def _pins(workspace: Workspace) -> Iterator[Line]:
    """Whether the submission notebook names its image, and a version of each input that is not checked by a fingerprint."""
    about = workspace.notebook(SUB).metadata
    pinned = about.raw.get("docker_image") or about.raw.get("docker_image_pinning_type") == "original"
    if pinned:
        yield Line("image pin", OK, "the image is pinned")
    else:
        yield Line("image pin", NOTE, "each push runs in the newest image", "run `invoke pin-image`")
    names = set(workspace.notebook_names()) & {DEPS}
    ours = {workspace.codes.id.name, *(workspace.notebook(name).metadata.id.name for name in names)}
    sources = (ref for ref in about.sources if not isinstance(ref, CompetitionRef))
    loose = [ref.name for ref in sources if ref.version is None and ref.name not in ours]
    if loose:
        says = f"no version is named of {', '.join(loose)}: a push may get a newer one"
        yield Line("inputs", NOTE, says, f"add it in {SUB}/{KERNEL_FILE}, such as {loose[0]}/3")
    else:
        yield Line("inputs", OK, "none can change unnoticed")


def _left(date: str) -> timedelta | None:
    """Time until a date, negative when it has passed; None without a date."""
    return datetime.fromisoformat(date) - datetime.now(UTC) if date else None


def _told(date: str) -> str:
    left = _left(date) or _NOW
    if left <= _NOW:
        return f"passed on {date}"
    days = f"{left.days} days" if left.days > 1 else spell(left.total_seconds())
    return f"{days} left, until {date}"
