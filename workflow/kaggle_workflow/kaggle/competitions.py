"""Competitions and submissions, as Kaggle answers for them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from kaggle_shim.refs import CompetitionRef, NotebookRef
from kaggle_workflow.kaggle.connection import PAGE, Connection, head, versioned
from kaggle_workflow.kaggle.errors import AnswerLost, Denied, NotThere, translated
from kaggle_workflow.kaggle.values import (
    Competition,
    Limits,
    RemoteFile,
    Submission,
)


class CompetitionCalls(Connection):
    """Questions about competitions, and the one call that submits."""

    def competition(self, ref: CompetitionRef) -> Competition | None:
        """A competition by its slug, None when there is none."""
        from kagglesdk.competitions.types.competition_api_service import ApiGetCompetitionRequest

        request = ApiGetCompetitionRequest()
        request.competition_name = ref.slug
        try:
            answer = self._read(
                f"reading the competition {ref}",
                lambda c: c.competitions.competition_api_client.get_competition(request),
            )
        except NotThere:
            return None
        with translated(f"reading Kaggle's answer about {ref}"):
            return Competition.of(answer, ref.slug)

    def rules_accepted(self, ref: CompetitionRef) -> bool:
        """Whether this account may have the competition's data, which Kaggle denies until the rules are accepted."""
        from kagglesdk.competitions.types.competition_api_service import ApiListDataFilesRequest

        request = ApiListDataFilesRequest()
        request.competition_name, request.page_size = ref.slug, 1
        try:
            self._read(
                f"asking for the data of {ref}",
                lambda c: c.competitions.competition_api_client.list_data_files(request),
            )
        except Denied:
            return False
        return True

    def competition_files(self, ref: CompetitionRef) -> tuple[RemoteFile, ...]:
        """Names and sizes of a competition's files."""
        from kagglesdk.competitions.types.competition_api_service import ApiListDataFilesRequest

        request = ApiListDataFilesRequest()
        request.competition_name = ref.slug
        what = f"listing the files of {ref}"
        files = self._pages(
            what, request, lambda c: c.competitions.competition_api_client.list_data_files(request), "files"
        )
        # `ref` carries the folders, `name` may be the last part alone.
        return tuple(RemoteFile(file.ref or file.name, file.total_bytes or None) for file in files)

    def download_competition_file(self, ref: CompetitionRef, name: str, target: Path) -> None:
        """Fetch one file of a competition."""
        from kagglesdk.competitions.types.competition_api_service import ApiDownloadDataFileRequest

        request = ApiDownloadDataFileRequest()
        request.competition_name, request.file_name = ref.slug, name
        self._download(
            f"fetching {name} of {ref}",
            lambda c: c.competitions.competition_api_client.download_data_file(request),
            target,
        )

    def competition_file_head(self, ref: CompetitionRef, name: str) -> bytes:
        """The first block of one file of a competition; raises NotThere when it has none of that name."""
        from kagglesdk.competitions.types.competition_api_service import ApiDownloadDataFileRequest

        request = ApiDownloadDataFileRequest()
        request.competition_name, request.file_name = ref.slug, name
        what = f"looking at {name} of {ref}"
        return self._read(
            what, lambda c: head(c.competitions.competition_api_client.download_data_file(request))
        )

    def leaderboard(self, ref: CompetitionRef) -> tuple[str, ...]:
        """Scores on the first page of the public leaderboard, the best first, as texts."""
        from kagglesdk.competitions.types.competition_api_service import ApiGetLeaderboardRequest

        request = ApiGetLeaderboardRequest()
        request.competition_name = ref.slug
        request.page_size = PAGE
        answer = self._read(
            f"reading the leaderboard of {ref}",
            lambda c: c.competitions.competition_api_client.get_leaderboard(request),
        )
        return tuple(one.score or "" for one in answer.submissions or [])

    def limits(self, ref: CompetitionRef) -> Limits:
        """Submissions that are left now; all zeros mean that Kaggle does not know yet."""
        from kagglesdk.competitions.types.competition_api_service import ApiGetSubmissionLimitsRequest

        request = ApiGetSubmissionLimitsRequest()
        request.competition_name = ref.slug
        what = f"asking how many submissions to {ref} are left"
        answer = self._read(
            what, lambda c: c.competitions.competition_api_client.get_submission_limits(request)
        )
        left, today, total = answer.num_allowed_now or 0, answer.num_today or 0, answer.num_total or 0
        unknown = (left, today, total) == (0, 0, 0)
        return Limits(None if unknown else left, today, total, bool(answer.limited_by_total))

    def submissions(self, ref: CompetitionRef) -> tuple[Submission, ...]:
        """Our submissions to a competition, newest first."""
        return tuple(self.each_submission(ref))

    def each_submission(self, ref: CompetitionRef) -> Iterator[Submission]:
        """The same one by one: who stops early spares the pages of the older ones."""
        from kagglesdk.competitions.types.competition_api_service import ApiListSubmissionsRequest

        request = ApiListSubmissionsRequest()
        request.competition_name = ref.slug
        what = f"listing the submissions to {ref}"
        for one in self._each(
            what,
            request,
            lambda c: c.competitions.competition_api_client.list_submissions(request),
            "submissions",
        ):
            with translated(f"reading Kaggle's answer about {ref}"):
                told = Submission.of(one)
            yield told

    def submission(self, number: int) -> Submission:
        """One submission by its `ref`."""
        from kagglesdk.competitions.types.competition_api_service import ApiGetSubmissionRequest

        request = ApiGetSubmissionRequest()
        request.ref = number
        return Submission.of(
            self._read(
                f"reading the submission {number}",
                lambda c: c.competitions.competition_api_client.get_submission(request),
            )
        )

    def submit(
        self, ref: CompetitionRef, notebook: NotebookRef, version: int, file_name: str, description: str
    ) -> int:
        """Submit a version of a notebook, once; returns the submission's `ref`. Raises AnswerLost when it may or may not be in."""
        from kagglesdk.competitions.types.competition_api_service import ApiCreateCodeSubmissionRequest

        request = ApiCreateCodeSubmissionRequest()
        request.competition_name, request.file_name, request.submission_description = (
            ref.slug,
            file_name,
            description,
        )
        request.kernel_owner, request.kernel_slug, request.kernel_version = (
            notebook.owner,
            notebook.slug,
            version,
        )
        from kaggle_workflow.kaggle.rate_limit import within_rate_limit

        # By kagglesdk: the official client's own command hides the reason of a refusal (kaggle 2.2.4).
        what = f"submitting {versioned(notebook, version)} to {ref}"
        with self.once(what) as client:
            send = client.competitions.competition_api_client.create_code_submission
            number = int(within_rate_limit(lambda: send(request), what).ref or 0)
        if number == 0:
            raise AnswerLost(
                f"Kaggle's answer to {what} names no submission: nothing is assumed, run this again."
            )
        return number
