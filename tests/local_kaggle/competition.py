"""A competition is a folder: `competition.json`, `public/`, `hidden/`, `solution.csv`, and other teams in `teams.csv` (`team,public`, and `private` for the end)."""

from __future__ import annotations

import dataclasses
import json
import math
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from tests.local_kaggle.errors import SetupError
from tests.local_kaggle.names import is_slug

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from tests.local_kaggle.world import World


@dataclass(frozen=True)
class Competition:
    """What `competition.json` says; every key is optional but `metric`.

    `metric` is a name from `scoring.BUILTIN`, or `file.py:function` beside competition.json, or
    `package.module:function`. Deadlines are ISO 8601, UTC when they say nothing else.
    """

    slug: str
    metric: str
    title: str = ""
    row_id: str = "id"
    submission_file: str = "submission.csv"
    daily_limit: int = 5
    total_limit: int | None = None
    rules_accepted: bool = True
    deadline: str = ""
    merger_deadline: str = ""
    new_entrant_deadline: str = ""
    late_submissions: bool = True
    time_limit_seconds: float = 9 * 3600
    internet_allowed: bool = False
    code_competition: bool = True
    category: str = "Featured"
    reward: str = "Knowledge"
    higher_is_better: bool = True
    awards_points: bool = True
    hides_leaderboard: bool = False

    @classmethod
    def parse(cls, slug: str, data: Mapping[str, Any]) -> Competition:
        """Reads competition.json; raises SetupError for an unknown key or a missing metric."""
        known = {f.name for f in dataclasses.fields(cls)} - {"slug"}
        for name in data:
            if name not in known:
                raise SetupError(
                    f"competition.json of {slug} has an unknown key {name}; use {', '.join(sorted(known))}."
                )
        if "metric" not in data:
            raise SetupError(
                f"competition.json of {slug} lacks metric; see tests/local_kaggle/scoring.py for the names."
            )
        competition = cls(slug=slug, **data)
        competition.ends_at()
        return competition

    def ends_at(self) -> float | None:
        """The deadline in seconds since 1970; None when there is none."""
        return seconds(self.deadline)

    def is_over(self, world: World) -> bool:
        """Whether the deadline has passed."""
        end = self.ends_at()
        return end is not None and world.clock.now() > end

    def worth(self, score: str) -> float:
        """A score as a number of which more is better; less than every score when there is none."""
        if not score:
            return -math.inf
        return float(score) if self.higher_is_better else -float(score)

    def rules_accepted_by(self, world: World, user: str) -> bool:
        """Whether a user accepted the rules; `rules_accepted` says it for everybody who was not set by hand."""
        entry = world.store.entry(self.slug)
        return user in entry.rules_accepted or (self.rules_accepted and user not in entry.rules_refused)

    def folder(self, world: World) -> Path:
        """The competition's folder in the store."""
        return world.store.competition_folder(self.slug)


def seconds(date: str) -> float | None:
    """A date of competition.json in seconds since 1970; None when there is none."""
    if not date:
        return None
    moment = datetime.fromisoformat(date)
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def load(world: World, slug: str) -> Competition | None:
    """Reads a competition; None when there is no such folder."""
    if not is_slug(slug):
        return None
    file = world.store.competition_folder(slug) / "competition.json"
    if not file.is_file():
        return None
    return Competition.parse(slug, json.loads(file.read_text(encoding="utf-8")))


def every(world: World) -> list[Competition]:
    """All competitions by slug."""
    slugs = sorted(path.parent.name for path in (world.root / "competitions").glob("*/competition.json"))
    return [found for found in (load(world, slug) for slug in slugs) if found]
