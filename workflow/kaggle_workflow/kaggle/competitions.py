"""Calls about competitions and submissions."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from kaggle_shim.refs import CompetitionRef, NotebookRef
from kaggle_workflow.kaggle.connection import PAGE, Connection, head, versioned
from kaggle_workflow.kaggle.errors import AnswerLost, Denied, NotThere, translated
from kaggle_workflow.kaggle.values import Competition, Limits, RemoteFile, Submission

_CLIENT = "competitions.competition_api_client"


class CompetitionCalls(Connection):
    """Read competitions and submissions, and submit."""

    def competition(self, ref: CompetitionRef) -> Competition | None:
        """A competition by its slug, None when there is none."""
        try:
            answer = self._ask(
                f"reading the competition {ref}", f"{_CLIENT}.get_competition", competition_name=ref.slug
            )
        except NotThere:
            return None
        with translated(f"reading Kaggle's answer about {ref}"):
            return Competition.from_answer(answer, ref.slug)

    def rules_accepted(self, ref: CompetitionRef) -> bool:
        """Whether this account can read the competition's data, which Kaggle denies until the rules are accepted."""
        try:
            self._ask(
                f"asking for the data of {ref}",
                f"{_CLIENT}.list_data_files",
                competition_name=ref.slug,
                page_size=1,
            )
        except Denied:
            return False
        return True

    def competition_files(self, ref: CompetitionRef) -> tuple[RemoteFile, ...]:
        """Names and sizes of a competition's files."""
        files = self._pages(
            f"listing the files of {ref}", "files", f"{_CLIENT}.list_data_files", competition_name=ref.slug
        )
        # `ref` carries the folders, `name` may be the last part alone.
        return tuple(RemoteFile(file.ref or file.name, file.total_bytes or None) for file in files)

    def download_competition_file(self, ref: CompetitionRef, name: str, target: Path) -> None:
        """Download one file of a competition."""
        method, request = self._filled(
            f"{_CLIENT}.download_data_file", competition_name=ref.slug, file_name=name
        )
        self._download(f"downloading {name} of {ref}", lambda _: method(request), target)

    def competition_file_head(self, ref: CompetitionRef, name: str) -> bytes:
        """The first block of one file of a competition; raises NotThere when it has none of that name."""
        method, request = self._filled(
            f"{_CLIENT}.download_data_file", competition_name=ref.slug, file_name=name
        )
        return self._read(f"reading {name} of {ref}", lambda _: head(method(request)))

    def leaderboard(self, ref: CompetitionRef) -> tuple[str, ...]:
        """Scores on the first page of the public leaderboard, the best first, as texts."""
        answer = self._ask(
            f"reading the leaderboard of {ref}",
            f"{_CLIENT}.get_leaderboard",
            competition_name=ref.slug,
            page_size=PAGE,
        )
        return tuple(one.score or "" for one in answer.submissions or [])

    def download_leaderboard(self, ref: CompetitionRef, target: Path) -> None:
        """Download the whole leaderboard, after the end the private one: a zip with one CSV.

        For 20,000 teams that is one request of 0.2 MB, 0.6 s on a local Kaggle, where the pages of `get_leaderboard` are a hundred.
        """
        method, request = self._filled(f"{_CLIENT}.download_leaderboard", competition_name=ref.slug)
        self._download(f"downloading the leaderboard of {ref}", lambda _: method(request), target)

    def limits(self, ref: CompetitionRef) -> Limits:
        """Submissions left now; all zeros mean that Kaggle does not know yet."""
        answer = self._ask(
            f"asking how many submissions to {ref} are left",
            f"{_CLIENT}.get_submission_limits",
            competition_name=ref.slug,
        )
        left, today, total = answer.num_allowed_now or 0, answer.num_today or 0, answer.num_total or 0
        unknown = (left, today, total) == (0, 0, 0)
        return Limits(None if unknown else left, today, total, bool(answer.limited_by_total))

    def submissions(self, ref: CompetitionRef) -> tuple[Submission, ...]:
        """Our submissions to a competition, newest first."""
        return tuple(self.each_submission(ref))

    def each_submission(self, ref: CompetitionRef) -> Iterator[Submission]:
        """The same one by one: stopping early saves the requests for the older pages."""
        for one in self._each(
            f"listing the submissions to {ref}",
            "submissions",
            f"{_CLIENT}.list_submissions",
            competition_name=ref.slug,
        ):
            with translated(f"reading Kaggle's answer about {ref}"):
                told = Submission.from_answer(one)
            yield told

    def selected(self, ref: CompetitionRef) -> tuple[int, ...]:
        """References of the submissions that are selected for the end.

        kagglesdk 0.1.37 can list them, and neither it nor kaggle 2.2.4 can select one. Whether Kaggle lists what it would choose
        itself is open.
        """
        from kagglesdk.competitions.types.competition_enums import SubmissionGroup

        listed = self._pages(
            f"listing the selected submissions to {ref}",
            "submissions",
            f"{_CLIENT}.list_submissions",
            competition_name=ref.slug,
            group=SubmissionGroup.SUBMISSION_GROUP_SELECTED,
        )
        return tuple(int(one.ref) for one in listed)

    def submission(self, number: int) -> Submission:
        """One submission by its `ref`."""
        return Submission.from_answer(
            self._ask(f"reading the submission {number}", f"{_CLIENT}.get_submission", ref=number)
        )

    def submit(
        self, ref: CompetitionRef, notebook: NotebookRef, version: int, file_name: str, description: str
    ) -> int:
        """Submit a version of a notebook, once; returns the submission's `ref`. Raises AnswerLost when it may or may not be in."""
        method, request = self._filled(
            f"{_CLIENT}.create_code_submission",
            competition_name=ref.slug,
            file_name=file_name,
            submission_description=description,
            kernel_owner=notebook.owner,
            kernel_slug=notebook.slug,
            kernel_version=version,
        )
        # By kagglesdk: the official client's own command hides the reason of a refusal (kaggle 2.2.4).
        what = f"submitting {versioned(notebook, version)} to {ref}"
        answer = self._once(what, lambda _: method(request))
        with translated(f"reading Kaggle's answer to {what}"):
            number = int(answer.ref or 0)
        if number == 0:
            raise AnswerLost(f"Kaggle's answer to {what} has no submission number: run this again.")
        return number
