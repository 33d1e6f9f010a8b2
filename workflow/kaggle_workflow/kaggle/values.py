"""Kaggle's answers as frozen values: no type of the clients leaves this package."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

_WIRE_KINDS = {"dataset": "dataset", "competition": "competition", "notebook": "kernel", "model": "model"}
_ACTIVE = frozenset(("QUEUED", "RUNNING", "CANCEL_REQUESTED"))


@dataclass(frozen=True)
class DatasetVersion:
    """One version of a dataset; `status` is lower case without underscores (`ready`, `failed`), "" when unknown."""

    number: int
    notes: str
    status: str
    creator: str


@dataclass(frozen=True)
class Dataset:
    """A dataset: its current version, and the versions that Kaggle lists (one in processing may be missing)."""

    name: str
    title: str
    private: bool
    current: int | None
    versions: tuple[DatasetVersion, ...]

    @property
    def newest(self) -> int:
        """The highest known version, 0 for none."""
        return max([version.number for version in self.versions] + [self.current or 0])

    def version(self, number: int | None) -> DatasetVersion | None:
        """The version with that number."""
        return next((version for version in self.versions if version.number == number), None)

    @classmethod
    def from_answer(cls, answer: Any, name: str) -> Dataset:
        """From an `ApiDataset`."""
        versions = tuple(
            DatasetVersion(
                int(v.version_number),
                v.version_notes or "",
                _plain(v.status),
                v.creator_ref or v.creator_name or "",
            )
            for v in answer.versions or []
        )
        return cls(
            name, answer.title or "", bool(answer.is_private), answer.current_version_number or None, versions
        )


@dataclass(frozen=True)
class RemoteFile:
    """A file on Kaggle; `size` in bytes, None when unknown; `url` where a listing has one."""

    name: str
    size: int | None = None
    url: str = ""


@dataclass(frozen=True)
class Notebook:
    """A version of a notebook: its source, its settings, and what it attaches, by kind."""

    name: str
    title: str
    newest: int
    text: str
    private: bool
    internet: bool
    gpu: bool
    tpu: bool
    machine_shape: str
    docker_image: str
    sources: Mapping[str, tuple[str, ...]]
    utility_script: bool = False

    @classmethod
    def from_answer(cls, answer: Any, name: str) -> Notebook:
        """From an `ApiGetKernelResponse`."""
        about = answer.metadata
        return cls(
            name=about.ref.removeprefix("/code/") if about.ref else name,
            title=about.title or "",
            newest=about.current_version_number or 0,
            text=answer.blob.source or "",
            private=bool(about.is_private),
            internet=bool(about.enable_internet),
            gpu=bool(about.enable_gpu),
            tpu=bool(about.enable_tpu),
            machine_shape=about.machine_shape or "",
            docker_image=about.docker_image or "",
            sources={
                kind: tuple(getattr(about, f"{wire}_data_sources") or ())
                for kind, wire in _WIRE_KINDS.items()
            },
            utility_script="utility script" in (about.category_ids or ()),
        )


@dataclass(frozen=True)
class Run:
    """The state of one notebook version's run; `status` is the name of Kaggle's `KernelWorkerStatus`."""

    status: str
    message: str

    @property
    def active(self) -> bool:
        """Whether it is queued or running."""
        return self.status in _ACTIVE

    @property
    def complete(self) -> bool:
        """Whether every cell ran."""
        return self.status == "COMPLETE"


@dataclass(frozen=True)
class Saved:
    """Kaggle's answer to a saved notebook.

    Attributes:
        name: `owner/slug` that Kaggle gave it.
        url: its page.
        version: number of the version, None when the answer lacks it.
        error: Kaggle's sentence, "" for none.
        invalid: sources that Kaggle did not attach, by kind; `tag` for keywords.
    """

    name: str
    url: str
    version: int | None
    error: str
    invalid: Mapping[str, tuple[str, ...]]

    @classmethod
    def from_answer(cls, answer: Any) -> Saved:
        """From an `ApiSaveKernelResponse`; the reference starts with `/code/` (seen in published answers)."""
        invalid = {
            kind: tuple(getattr(answer, f"invalid_{wire}_sources") or ())
            for kind, wire in _WIRE_KINDS.items()
        }
        invalid["tag"] = tuple(answer.invalid_tags or ())
        name = (answer.ref or "").strip("/").removeprefix("code/")
        return cls(name, answer.url or "", answer.version_number or None, answer.error or "", invalid)


@dataclass(frozen=True)
class Quota:
    """Hours of an accelerator, this week."""

    used: float
    allowed: float

    @classmethod
    def from_answer(cls, answer: Any) -> Quota | None:
        """From an `ApiAcceleratorQuota`; None when one of both is missing."""
        if answer is None or answer.time_used is None or not answer.total_time_allowed:
            return None
        return cls(answer.time_used.total_seconds() / 3600, answer.total_time_allowed.total_seconds() / 3600)


@dataclass(frozen=True)
class Submission:
    """A submission; scores are texts as Kaggle gives them, `status` is PENDING, COMPLETE or ERROR, `date` is ISO 8601 in UTC."""

    ref: int
    status: str
    description: str
    file_name: str
    date: str
    error: str
    public_score: str
    private_score: str
    submitted_by: str

    @classmethod
    def from_answer(cls, answer: Any) -> Submission:
        """From an `ApiSubmission`."""
        return cls(
            ref=int(answer.ref),
            status=answer.status.name,
            description=answer.description or "",
            file_name=answer.file_name or "",
            date=answer.date.isoformat() if answer.date else "",
            error=answer.error_description or "",
            public_score=answer.public_score or "",
            private_score=answer.private_score or "",
            submitted_by=answer.submitted_by_ref or answer.submitted_by or "",
        )


@dataclass(frozen=True)
class ModelVersion:
    """One version of a variation: number of files, bytes, and when the newest file was made (ISO 8601, UTC; "" where Kaggle does not say)."""

    files: int
    size: int
    date: str


@dataclass(frozen=True)
class Competition:
    """A competition as this account sees it.

    Deadlines are ISO 8601 in UTC, "" when unknown: `deadline` of the last submission, `merge_by` of team mergers and `enter_by` of
    joining. `medals`: whether it awards points and medals.
    """

    slug: str
    title: str
    takes_notebooks: bool
    entered: bool
    deadline: str
    over: bool
    closed: bool
    daily: int
    medals: bool
    merge_by: str
    enter_by: str

    @classmethod
    def from_answer(cls, answer: Any, slug: str) -> Competition:
        """From an `ApiCompetition`."""
        end = _utc(answer.deadline)
        return cls(
            slug=slug,
            title=answer.title or slug,
            takes_notebooks=bool(answer.is_kernels_submissions_only),
            entered=bool(answer.user_has_entered),
            deadline=_iso(end),
            over=end is not None and end < datetime.now(UTC),
            closed=bool(answer.submissions_disabled),
            daily=answer.max_daily_submissions or 0,
            medals=bool(answer.awards_points),
            merge_by=_iso(_utc(answer.merger_deadline)),
            enter_by=_iso(_utc(answer.new_entrant_deadline)),
        )


@dataclass(frozen=True)
class Limits:
    """Submissions left; `left` is None while Kaggle answers all zeros (no team yet: unknown).

    `by_total`: the limit is the competition's total, not the daily one.
    """

    left: int | None
    today: int
    total: int
    by_total: bool = False


def _utc(moment: datetime | None) -> datetime | None:
    """A time of an answer in UTC; one without a zone is UTC."""
    return moment if moment is None or moment.tzinfo else moment.replace(tzinfo=UTC)


def _iso(moment: datetime | None) -> str:
    return moment.astimezone(UTC).isoformat(timespec="minutes") if moment else ""


def _plain(status: object) -> str:
    """Kaggle writes a version's status as `Ready`, `READY` or an enum."""
    return str(getattr(status, "name", status) or "").replace("_", "").lower()
