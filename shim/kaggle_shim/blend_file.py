"""`blend.json`: the members of a blend and how they are averaged, and the time that each member may take."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from kaggle_shim import averaging
from kaggle_shim.errors import BlendError

FILE = "blend.json"
PLAN = "plan.json"
CODES = "codes"
NEEDS = ALL, IN_TIME = "all", "in-time"
# Tells our file from a user's own of that name.
_MADE_BY = {"made_by": "invoke blend"}


@dataclass(frozen=True)
class Member:
    """A member of a blend.

    Attributes:
        name: its folder.
        weight: its weight in the average; equal for all members of a plain mean.
        seconds: how long its rerun took, None when not known.
    """

    name: str
    weight: float = 1.0
    seconds: float | None = None


@dataclass(frozen=True)
class Blend:
    """What `blend.json` says.

    Attributes:
        members: the members, in the order in which they run.
        how: `mean`, `weighted` or `rank`.
        targets: the columns to average, empty for all but the first.
        needs: `all` members, or those that end `in-time`: the others are left out of the average.
        cv: the validation score of the blend, None when not known.
        cv_of: the `average` that `cv` belongs to: the file may have been edited since.
    """

    members: tuple[Member, ...]
    how: str = "mean"
    targets: tuple[str, ...] = ()
    needs: str = ALL
    cv: float | None = None
    cv_of: str = field(default="", compare=False)

    @property
    def average(self) -> str:
        """Digest of what is averaged and how."""
        text = json.dumps([self.how, self.targets, [(one.name, float(one.weight)) for one in self.members]])
        return hashlib.sha256(text.encode()).hexdigest()[:12]

    def dumps(self) -> str:
        """The blend as the text of `blend.json`."""
        return json.dumps(_MADE_BY | asdict(replace(self, cv_of=self.average)), indent=1) + "\n"

    @classmethod
    def load(cls, path: Path) -> Blend:
        """Read a `blend.json`; raises BlendError when it can't be read, or says something that can't be averaged."""
        try:
            value = json.loads(path.read_text(encoding="utf-8"))
            value.pop(*_MADE_BY, None)
            members = tuple(Member(**member) for member in value.pop("members"))
            blend = cls(members, **{**value, "targets": tuple(value.get("targets", ()))})
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise BlendError(
                f"{path} can't be read as a blend ({type(error).__name__}: {error}): make it again with `invoke blend`."
            ) from error
        for name, choices in (("how", averaging.HOW), ("needs", NEEDS)):
            if getattr(blend, name) not in choices:
                raise BlendError(
                    f"{path}: {name} is {getattr(blend, name)!r}: write one of {', '.join(choices)}."
                )
        if not members or len({str(member.name) for member in members}) < len(members):
            raise BlendError(f"{path}: members must name at least one member, each of them once.")
        for member in members:
            if not _is_amount(member.weight):
                raise BlendError(
                    f"{path}: the weight of {member.name} is {member.weight!r}: write a number that is not negative."
                )
            if member.seconds is not None and not _is_amount(member.seconds):
                raise BlendError(
                    f"{path}: seconds of {member.name} is {member.seconds!r}: write a number, or null if it isn't known."
                )
        return blend


def _is_amount(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < math.inf


def is_ours(path: Path) -> bool:
    """Whether a file called `blend.json` was written by `invoke blend`."""
    try:
        value: Any = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return False
    return isinstance(value, dict) and _MADE_BY.items() <= value.items()


def allowance(members: Sequence[Member], left: float) -> float:
    """The seconds that the first member may take, of those that are `left` for all.

    Shared by the members' known times. Where some are not known, each known time comes first, and all share the rest equally.
    """
    known = [member.seconds for member in members if member.seconds]
    if len(known) < len(members) and sum(known) < left:
        return (members[0].seconds or 0.0) + (left - sum(known)) / len(members)
    usual = sum(known) / len(known)
    times = [member.seconds or usual for member in members]
    return left * times[0] / sum(times)
