"""Submissions: taken, limited, listed, downloaded."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from kagglesdk.competitions.types.competition_api_service import (
    ApiCreateCodeSubmissionResponse,
    ApiCreateSubmissionResponse,
    ApiListSubmissionsResponse,
    ApiStartSubmissionUploadResponse,
    ApiSubmission,
    ApiSubmissionLimits,
)
from kagglesdk.competitions.types.competition_enums import SubmissionGroup, SubmissionSortBy
from kagglesdk.competitions.types.submission_status import SubmissionStatus

from tests.local_kaggle.blobs import start, upload_of
from tests.local_kaggle.clock import as_datetime
from tests.local_kaggle.competition import Competition, every
from tests.local_kaggle.competitions import found_competition, with_rules
from tests.local_kaggle.errors import ApiError, denied
from tests.local_kaggle.notebooks import ACTIVE, chosen
from tests.local_kaggle.paging import page
from tests.local_kaggle.records import Entry, Submission
from tests.local_kaggle.scoring import score_submission
from tests.local_kaggle.sources import find
from tests.local_kaggle.store import files_of
from tests.local_kaggle.wire import Redirect, Reply

if TYPE_CHECKING:
    from kagglesdk.kaggle_object import KaggleObject

    from tests.local_kaggle.world import Caller, Handlers, World


_NOT_ALLOWED = "Submission not allowed"


def _today(world: World, entry: Entry, user: str) -> list[Submission]:
    """The submissions since midnight UTC that count against the daily limit."""
    midnight = datetime.fromtimestamp(world.clock.now(), tz=UTC).replace(
        hour=0, minute=0, second=0, microsecond=0
    )
    failed = "" if world.behaviour.failed_submissions_count else "ERROR"
    return [
        s
        for s in entry.submissions
        if s.user == user and s.date >= midnight.timestamp() and s.status != failed
    ]


def _limits(world: World, caller: Caller, request: KaggleObject) -> Reply:
    """How many submissions are left; all zeros while the user is not on a team [source: kaggle 2.2.4's docstring]."""
    competition = found_competition(world, request.competition_name)
    entry = world.store.entry(competition.slug)
    answer = ApiSubmissionLimits()
    user = caller.required()
    if user not in entry.entered:
        return answer
    total = sum(1 for s in entry.submissions if s.user == user)
    answer.num_today = len(_today(world, entry, user))
    answer.num_total = total
    answer.num_allowed_now = max(competition.daily_limit - answer.num_today, 0)
    if competition.total_limit is not None and competition.total_limit - total < answer.num_allowed_now:
        answer.num_allowed_now = max(competition.total_limit - total, 0)
        answer.limited_by_total = True
    return answer


def _may_submit(world: World, caller: Caller, slug: str) -> tuple[Competition, Entry]:
    """What stands before every submission; the sentence about the allowance is Kaggle's (docs/explanation/kaggle.md), others are ours."""
    competition = with_rules(world, caller, slug)
    entry = world.store.entry(competition.slug)
    if competition.is_over(world) and not competition.late_submissions:
        raise ApiError(400, "The competition has ended and takes no more Submissions.")
    if len(_today(world, entry, caller.user)) >= competition.daily_limit:
        raise ApiError(
            400,
            f"{_NOT_ALLOWED}: Your team has used its daily Submission allowance ({competition.daily_limit}) today.",
        )
    if competition.total_limit is not None:
        total = sum(1 for s in entry.submissions if s.user == caller.user)
        if total >= competition.total_limit:
            raise ApiError(
                400,
                f"{_NOT_ALLOWED}: Your team has used its total Submission allowance ({competition.total_limit}).",
            )
    return competition, entry


def _submit_code(world: World, caller: Caller, request: KaggleObject) -> Reply:
    """Takes a notebook's version for a hidden rerun.

    What is said of a notebook that is not the caller's, and of an output file that is missing or not named, are
    Kaggle's words in notes of users; the other sentences are ours.
    """
    competition, entry = _may_submit(world, caller, request.competition_name)
    if not competition.code_competition:
        raise ApiError(400, "This competition takes files, not Notebooks.")
    notebook = find(world, request.kernel_owner, request.kernel_slug)
    if notebook is None or notebook.owner != caller.user:
        raise denied("kernelSessions.get")
    version = chosen(notebook, request.kernel_version)
    if version.status in ACTIVE:
        raise ApiError(400, "Your Notebook is still running. Submit it when it has finished.")
    if version.status != "COMPLETE":
        raise ApiError(400, "Your Notebook did not run successfully and cannot be submitted.")
    if version.enable_internet and not competition.internet_allowed:
        raise ApiError(400, "Your Notebook cannot use internet access in this competition.")
    if competition.slug not in version.competition_sources:
        raise ApiError(400, "Your Notebook does not use this competition as a data source.")
    file_name = request.file_name
    output = world.store.notebook_folder(notebook, version.number) / "output"
    if file_name not in dict(files_of(output)):
        raise ApiError(400, "Did not find provided Notebook Output File")
    submission = _record(world, caller, entry, file_name, request.submission_description or "")
    submission.notebook, submission.notebook_version = notebook.ref, version.number
    world.store.save_entry(entry)
    world.sessions.run_submission(competition.slug, submission.ref)
    answer = ApiCreateCodeSubmissionResponse()
    answer.ref = submission.ref
    answer.message = f"Successfully submitted to {competition.title or competition.slug}"
    return answer


def _record(world: World, caller: Caller, entry: Entry, file_name: str, description: str) -> Submission:
    submission = Submission(
        ref=world.store.next_id(),
        user=caller.user,
        date=world.clock.now(),
        file_name=file_name,
        description=description,
    )
    entry.submissions.append(submission)
    if caller.user not in entry.entered:
        entry.entered.append(caller.user)
        entry.teams[caller.user] = world.store.next_id()
    return submission


def _start_upload(world: World, caller: Caller, request: KaggleObject) -> Reply:
    answer = ApiStartSubmissionUploadResponse()
    answer.token, answer.create_url = start(
        world, caller, request.file_name, request.content_length, request.last_modified_epoch_seconds
    )
    return answer


def _submit_file(world: World, caller: Caller, request: KaggleObject) -> Reply:
    """Takes an uploaded file and scores it at once."""
    competition, entry = _may_submit(world, caller, request.competition_name)
    if competition.code_competition:
        raise ApiError(400, "This competition only accepts Submissions from Notebooks.")
    blob = upload_of(world, request.blob_file_tokens, caller.user)
    if not blob.complete:
        raise ApiError(400, "Invalid upload token")
    submission = _record(world, caller, entry, blob.name, request.submission_description or "")
    submission.total_bytes = blob.size
    kept = world.store.submission_file(competition.slug, submission)
    kept.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(
        world.store.blob_path(blob.token), kept
    )  # a copy: after a crash the token can be used again
    score_submission(competition, competition.folder(world), kept, submission)
    world.store.save_entry(entry)
    answer = ApiCreateSubmissionResponse()
    answer.ref = submission.ref
    answer.message = f"Successfully submitted to {competition.title or competition.slug}"
    return answer


def _describe_submission(world: World, competition: Competition, submission: Submission) -> KaggleObject:
    """A submission as its owner sees it; there is no runtime in it, and the private score shows after the end."""
    answer = ApiSubmission()
    answer.ref = submission.ref
    answer.date = as_datetime(submission.date)
    answer.description = submission.description
    answer.file_name = submission.file_name
    answer.status = SubmissionStatus[submission.status]
    answer.error_description = submission.error_description or None
    answer.public_score = submission.public_score or None
    if competition.is_over(world):
        answer.private_score = submission.private_score or None
    answer.submitted_by = answer.submitted_by_ref = answer.team_name = submission.user
    answer.total_bytes = submission.total_bytes
    answer.url = f"https://www.kaggle.com/submissions/{submission.ref}/{submission.ref}.raw"
    return answer


def _list_submissions(world: World, caller: Caller, request: KaggleObject) -> Reply:
    competition = found_competition(world, request.competition_name)
    user = caller.required()
    mine = [s for s in world.store.entry(competition.slug).submissions if s.user == user]
    if request.group == SubmissionGroup.SUBMISSION_GROUP_SUCCESSFUL:
        mine = [s for s in mine if s.status == "COMPLETE"]
    elif request.group == SubmissionGroup.SUBMISSION_GROUP_SELECTED:
        mine = [s for s in mine if s.selected]
    mine.reverse()
    if request.sort_by == SubmissionSortBy.SUBMISSION_SORT_BY_NAME:
        mine.sort(key=lambda s: s.file_name)
    elif request.sort_by != SubmissionSortBy.SUBMISSION_SORT_BY_DATE:
        mine.sort(key=lambda s: competition.worth(s.public_score), reverse=True)
    request.page = request.page or 1  # the clients' own tests, against the live site, send no number
    answer = ApiListSubmissionsResponse()
    cut, answer.next_page_token = page(mine, request)
    answer.submissions = [_describe_submission(world, competition, s) for s in cut]
    return answer


def _own(world: World, caller: Caller, ref: int) -> tuple[Competition, Submission]:
    """A submission of the caller's; raises ApiError 404 for any other."""
    user = caller.required()
    for competition in every(world):
        for submission in world.store.entry(competition.slug).submissions:
            if submission.ref == ref and submission.user == user:
                return competition, submission
    raise ApiError(404, "Submission not found")


def _get_submission(world: World, caller: Caller, request: KaggleObject) -> Reply:
    return _describe_submission(world, *_own(world, caller, request.ref))


def _download(world: World, caller: Caller, request: KaggleObject) -> Reply:
    """Sends the client to the submitted file; what a hidden rerun wrote is never shown."""
    competition, submission = _own(world, caller, request.submission_id)
    if submission.notebook:
        raise denied("submissions.download")
    return Redirect(world.downloads.path_of(world.store.submission_file(competition.slug, submission)))


SUBMISSIONS: Handlers = {
    "GetSubmissionLimits": _limits,
    "CreateCodeSubmission": _submit_code,
    "StartSubmissionUpload": _start_upload,
    "CreateSubmission": _submit_file,
    "ListSubmissions": _list_submissions,
    "GetSubmission": _get_submission,
    "DownloadSubmission": _download,
}
