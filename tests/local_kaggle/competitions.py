"""Competitions: shown, listed, and their public files."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from kagglesdk.competitions.types.competition_api_service import (
    ApiCompetition,
    ApiDataFile,
    ApiListCompetitionsResponse,
    ApiListDataFilesResponse,
)
from kagglesdk.competitions.types.competition_enums import CompetitionSortBy

from tests.local_kaggle.clock import as_datetime
from tests.local_kaggle.competition import Competition, every, load, seconds
from tests.local_kaggle.dataset_files import single_file, tree
from tests.local_kaggle.errors import ApiError
from tests.local_kaggle.paging import page
from tests.local_kaggle.store import files_of
from tests.local_kaggle.wire import Redirect, Reply

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from kagglesdk.kaggle_object import KaggleObject

    from tests.local_kaggle.world import Caller, Handlers, World


def found_competition(world: World, slug: str) -> Competition:
    competition = load(world, slug)
    if competition is None:
        raise ApiError(404, "Competition not found")
    return competition


def with_rules(world: World, caller: Caller, slug: str) -> Competition:
    """The competition, for somebody who accepted its rules.

    Raises:
        ApiError: 404 for no such competition, 403 while the rules are not accepted; that sentence is ours.
    """
    competition = found_competition(world, slug)
    if not competition.rules_accepted_by(world, caller.required()):
        raise ApiError(403, "You must accept this competition's rules before you can continue.")
    return competition


def _public(world: World, competition: Competition) -> Path:
    return competition.folder(world) / "public"


def _list_files(world: World, caller: Caller, request: KaggleObject) -> Reply:
    competition = with_rules(world, caller, request.competition_name)
    answer = ApiListDataFilesResponse()
    folder = _public(world, competition)
    cut, answer.next_page_token = page(files_of(folder), request)
    answer.files = []
    for name, size in cut:
        item = ApiDataFile()
        item.ref = item.name = name
        item.total_bytes = size
        item.creation_date = as_datetime((folder / name).stat().st_mtime)
        answer.files.append(item)
    return answer


def _list_tree(world: World, caller: Caller, request: KaggleObject) -> Reply:
    competition = with_rules(world, caller, request.competition_name)
    folder = _public(world, competition)
    return tree(files_of(folder), request, folder.stat().st_mtime)


def _download_file(world: World, caller: Caller, request: KaggleObject) -> Reply:
    competition = with_rules(world, caller, request.competition_name)
    zipped = world.behaviour.single_file_zipped
    return single_file(world, _public(world, competition), request.file_name, zipped=zipped)


def _download_files(world: World, caller: Caller, request: KaggleObject) -> Reply:
    competition = with_rules(world, caller, request.competition_name)
    archive = world.downloads.zip_of(_public(world, competition))
    return Redirect(world.downloads.path_of(archive, f"{competition.slug}.zip"))


def _describe(world: World, caller: Caller, competition: Competition) -> KaggleObject:
    entry = world.store.entry(competition.slug)
    answer = ApiCompetition()
    answer.id = entry.id
    answer.ref = f"https://www.kaggle.com/competitions/{competition.slug}"
    answer.url = answer.ref
    answer.title = competition.title or competition.slug
    answer.category, answer.reward = competition.category, competition.reward
    answer.date_created = as_datetime(competition.folder(world).stat().st_mtime)
    answer.evaluation_metric = competition.metric
    answer.max_daily_submissions = competition.daily_limit
    answer.is_kernels_submissions_only = competition.code_competition
    answer.user_has_entered = bool(caller.user) and caller.user in entry.entered
    answer.submissions_disabled = competition.is_over(world) and not competition.late_submissions
    for name in ("deadline", "merger_deadline", "new_entrant_deadline"):
        moment = seconds(getattr(competition, name))
        setattr(answer, name, as_datetime(moment) if moment else None)
    answer.team_count = len(entry.entered)
    answer.awards_points = competition.awards_points
    return answer


def _get(world: World, caller: Caller, request: KaggleObject) -> Reply:
    return _describe(world, caller, found_competition(world, request.competition_name))


def _order(world: World, by: CompetitionSortBy) -> Callable[[Competition], float]:
    """What competitions are sorted by; those that are equal in it stay sorted by slug."""
    if by == CompetitionSortBy.COMPETITION_SORT_BY_EARLIEST_DEADLINE:
        return lambda c: c.ends_at() or math.inf
    if by == CompetitionSortBy.COMPETITION_SORT_BY_LATEST_DEADLINE:
        return lambda c: -(c.ends_at() or math.inf)
    if by == CompetitionSortBy.COMPETITION_SORT_BY_NUMBER_OF_TEAMS:
        return lambda c: -len(world.store.entry(c.slug).entered)
    if by == CompetitionSortBy.COMPETITION_SORT_BY_RECENTLY_CREATED:
        return lambda c: -c.folder(world).stat().st_mtime
    return lambda _: 0


def _list(world: World, caller: Caller, request: KaggleObject) -> Reply:
    """Every competition, or those entered, by category and words; nobody hosts one here."""
    found = every(world)
    group = request.group.name.removeprefix("COMPETITION_LIST_TAB_")
    if group == "ENTERED":
        user = caller.required()
        found = [c for c in found if user in world.store.entry(c.slug).entered]
    elif group not in ("EVERYTHING", "GENERAL"):
        found = []
    category = request.category.name.removeprefix("HOST_SEGMENT_").replace("_", "").lower()
    if category != "unspecified":
        found = [c for c in found if c.category.replace(" ", "").lower() == category]
    if request.search:
        found = [c for c in found if request.search.lower() in f"{c.title} {c.slug}".lower()]
    found.sort(key=_order(world, request.sort_by))
    answer = ApiListCompetitionsResponse()
    cut, answer.next_page_token = page(found, request)
    answer.competitions = [_describe(world, caller, competition) for competition in cut]
    return answer


COMPETITIONS: Handlers = {
    "ListDataFiles": _list_files,
    "ListDataTreeFiles": _list_tree,
    "DownloadDataFile": _download_file,
    "DownloadDataFiles": _download_files,
    "GetCompetition": _get,
    "ListCompetitions": _list,
}
