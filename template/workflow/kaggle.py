"""The one place that talks to Kaggle: reads through kagglesdk, uploads and saved notebooks through the official clients.

The clients come in late (kagglesdk 0.4 s, kaggle and kagglehub 0.6 s each), their answers go out as frozen values
(`kaggle_values`), their failures as our errors (`kaggle_errors`). Nothing here prints or logs a token.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

from kaggle_shim.refs import CompetitionRef, DatasetRef, ModelRef, NotebookRef
from workflow import downloads, kaggle_credentials, kaggle_errors
from workflow.errors import KaggleRefused
from workflow.kaggle_errors import AnswerLost, Denied, NotThere, RateLimited, translated
from workflow.kaggle_values import (
    Competition,
    Dataset,
    Limits,
    ModelVersion,
    Notebook,
    Quota,
    RemoteFile,
    Run,
    Saved,
    Submission,
)

T = TypeVar("T")
Warn = Callable[[str], None]

CONNECT_SECONDS = 15.0
READ_SECONDS = 120.0
REACH_SECONDS = 5.0
_PAUSES = (0.4, 1.2)
_LONGEST_RATE_LIMIT = 60.0
_PAGE = 200
_HEAD = 1 << 16


class Kaggle:
    """Kaggle, as one account sees it; one connection for all reads of a command.

    Every method raises WorkflowError (no credentials), KaggleRefused or Unreachable, in the classes of `kaggle_errors`.
    """

    def __init__(self, warn: Warn) -> None:
        """`warn` takes a sentence when something has to be asked again."""
        self._warn = warn

    # Who we are

    @cached_property
    def credentials(self) -> kaggle_credentials.Credentials:
        """What the clients will use; raises WorkflowError when there is nothing."""
        return kaggle_credentials.find()

    @property
    def account(self) -> str:
        """User name of the account whose credentials these are; raises KaggleRefused for expired ones."""
        return self._identity[0]

    @property
    def expires(self) -> float | None:
        """When the token expires (seconds since 1970), None when it does not, or when Kaggle does not say."""
        return self._identity[1]

    @cached_property
    def _identity(self) -> tuple[str, float | None]:
        """User name and expiry, from one question."""
        if self.credentials.token is None:
            return self.credentials.username or "", None
        from kagglesdk.security.types.oauth_service import IntrospectTokenRequest

        request = IntrospectTokenRequest()
        request.token = self.credentials.token
        dead = f"Kaggle does not accept the token from {self.credentials.source}: it is expired, revoked or mistyped; {kaggle_errors.CREDENTIALS_ADVICE}."
        try:
            answer = self._read(
                "asking whose token this is", lambda c: c.security.oauth_client.introspect_token(request)
            )
        except AnswerLost:
            raise
        except RateLimited:
            raise
        except KaggleRefused as error:
            raise KaggleRefused(dead) from error
        if not answer.active or not answer.username:
            raise KaggleRefused(dead)
        return str(answer.username), float(answer.exp) if answer.exp else None

    def reach(self) -> None:
        """See whether Kaggle answers at all, quickly and without credentials; raises AnswerLost."""
        import requests

        with translated("looking for it"):
            requests.get(self.page(""), timeout=(REACH_SECONDS, REACH_SECONDS), stream=True, allow_redirects=False).close()

    def page(self, path: str) -> str:
        """Address of a page of the site, such as `datasets/me/cmi-codes`."""
        from kagglesdk.kaggle_env import KaggleEnv, get_endpoint, get_env

        base = "https://www.kaggle.com" if get_env() == KaggleEnv.PROD else get_endpoint(get_env())
        return f"{base}/{path}"

    # Datasets

    def dataset(self, ref: DatasetRef) -> Dataset | None:
        """The dataset by name, None when there is none.

        Kaggle answers a dataset that does not exist with 404 or, as users' logs show, with 403; under the caller's own
        account a 403 therefore means that there is none. Under another account it raises Denied.
        """
        from kagglesdk.datasets.types.dataset_api_service import ApiGetDatasetRequest

        request = ApiGetDatasetRequest()
        request.owner_slug, request.dataset_slug = ref.owner, ref.slug
        try:
            answer = self._read(
                f"reading the dataset {ref.name}",
                lambda c: c.datasets.dataset_api_client.get_dataset(request),
            )
        except NotThere:
            return None
        except Denied:
            if ref.owner.lower() == self.account.lower():
                return None
            raise
        return Dataset.of(answer, ref.name)

    def dataset_status(self, ref: DatasetRef) -> str:
        """`ready`, `failed`, or a step on the way; the call takes no version, so it may speak of the current one or of the newest."""
        from kagglesdk.datasets.types.dataset_api_service import ApiGetDatasetStatusRequest

        request = ApiGetDatasetStatusRequest()
        request.owner_slug, request.dataset_slug = ref.owner, ref.slug
        answer = self._read(
            f"asking for the status of {ref.name}",
            lambda c: c.datasets.dataset_api_client.get_dataset_status(request),
        )
        return str(answer.status.name).replace("_", "").lower()

    def dataset_files(self, ref: DatasetRef, version: int | None = None) -> tuple[RemoteFile, ...]:
        """Every file of a version (the current one by default), with its size."""
        from kagglesdk.datasets.types.dataset_api_service import ApiListDatasetFilesRequest

        request = ApiListDatasetFilesRequest()
        request.owner_slug, request.dataset_slug = ref.owner, ref.slug
        if version is not None:
            request.dataset_version_number = version
        files = self._pages(
            f"listing the files of {ref}",
            request,
            lambda c: c.datasets.dataset_api_client.list_dataset_files(request),
            "dataset_files",
        )
        return tuple(RemoteFile(file.name, file.total_bytes or None) for file in files)

    def download_dataset_file(self, ref: DatasetRef, version: int | None, name: str, target: Path) -> None:
        """Fetch one file of a dataset into `target`."""
        from kagglesdk.datasets.types.dataset_api_service import ApiDownloadDatasetRequest

        request = ApiDownloadDatasetRequest()
        request.owner_slug, request.dataset_slug, request.file_name = ref.owner, ref.slug, name
        if version is not None:
            request.dataset_version_number = version
        self._download(
            f"fetching {name} of {ref.name}",
            lambda c: c.datasets.dataset_api_client.download_dataset(request),
            target,
        )

    # Notebooks

    def notebook(self, ref: NotebookRef, version: int | None = None) -> Notebook | None:
        """A notebook (its newest version by default) with its source, None when there is none; like `dataset`."""
        from kagglesdk.kernels.types.kernels_api_service import ApiGetKernelRequest

        request = _of_notebook(ApiGetKernelRequest(), ref, version)
        try:
            answer = self._read(
                f"reading the notebook {ref.name}", lambda c: c.kernels.kernels_api_client.get_kernel(request)
            )
        except NotThere:
            return None
        except Denied:
            if ref.owner.lower() == self.account.lower():
                return None
            raise
        return Notebook.of(answer, ref.name)

    def run(self, ref: NotebookRef, version: int | None) -> Run:
        """How the run of a version stands (of the newest when None)."""
        from kagglesdk.kernels.types.kernels_api_service import ApiGetKernelSessionStatusRequest

        request = _of_notebook(ApiGetKernelSessionStatusRequest(), ref, version)
        what = f"asking how {_versioned(ref, version)} stands"
        answer = self._read(what, lambda c: c.kernels.kernels_api_client.get_kernel_session_status(request))
        return Run(answer.status.name, answer.failure_message or "")

    def output(self, ref: NotebookRef, version: int | None) -> tuple[tuple[RemoteFile, ...], str]:
        """The output files of a version, each with its address, and its log as Kaggle keeps it ("" while it runs)."""
        from kagglesdk.kernels.types.kernels_api_service import ApiListKernelSessionOutputRequest

        request = _of_notebook(ApiListKernelSessionOutputRequest(), ref, version)
        log = ""

        def ask(client: Any) -> Any:
            nonlocal log
            answer = client.kernels.kernels_api_client.list_kernel_session_output(request)
            log = answer.log or log
            return answer

        files = self._pages(f"listing the output of {_versioned(ref, version)}", request, ask, "files")
        return tuple(RemoteFile(file.file_name, None, file.url) for file in files), log

    def output_sizes(self, ref: NotebookRef, version: int | None) -> tuple[RemoteFile, ...]:
        """Names and sizes of a version's output files."""
        from kagglesdk.kernels.types.kernels_api_service import ApiListKernelFilesRequest

        request = _of_notebook(ApiListKernelFilesRequest(), ref, version)
        what = f"listing the output of {_versioned(ref, version)}"
        files = self._pages(
            what, request, lambda c: c.kernels.kernels_api_client.list_kernel_files(request), "files"
        )
        return tuple(RemoteFile(file.name, file.size) for file in files)

    def download_url(self, name: str, url: str, target: Path) -> None:
        """Fetch what a listing gave an address for."""
        import requests

        def get(client: Any) -> Any:
            # A signed address: the token must not go with it.
            asked = {k: v for k, v in client.http_client()._session.headers.items() if k in downloads.HEADERS}  # noqa: SLF001 - see _download
            return requests.get(url, stream=True, headers=asked, timeout=(CONNECT_SECONDS, READ_SECONDS))

        self._download(f"fetching {name}", get, target)

    def url_head(self, name: str, url: str) -> bytes:
        """The first block of what a listing gave an address for."""
        import requests

        get = lambda _: _head(requests.get(url, stream=True, timeout=(CONNECT_SECONDS, READ_SECONDS)))  # noqa: E731 - one line for one call
        return self._read(f"looking at {name}", get)

    def log_stream(self, ref: NotebookRef, version: int | None) -> Iterator[str]:
        """The log of a version, text by text: live while it runs, from the beginning, and ends with the run."""
        from workflow import kaggle_logs

        with translated(f"reading the log of {_versioned(ref, version)}"):
            yield from kaggle_logs.stream(self._client, ref, version)

    def quota(self) -> Quota:
        """Hours of the accelerators, this week."""
        from kagglesdk.kernels.types.kernels_api_service import ApiGetAcceleratorQuotaStatisticsRequest

        request = ApiGetAcceleratorQuotaStatisticsRequest()
        answer = self._read(
            "asking for the accelerator quota",
            lambda c: c.kernels.kernels_api_client.get_accelerator_quota_statistics(request),
        )

        def hours(value: Any) -> float:
            return value.total_seconds() / 3600 if value is not None else 0.0

        gpu, tpu = answer.gpu_quota, answer.tpu_quota
        return Quota(
            hours(gpu.time_used),
            hours(gpu.total_time_allowed),
            hours(tpu.time_used),
            hours(tpu.total_time_allowed),
        )

    # Models

    def model_version(self, ref: ModelRef) -> int | None:
        """The newest version of a variation, None when there is none; like `dataset`."""
        from workflow import kaggle_models

        try:
            return kaggle_models.newest(self._read, ref)
        except NotThere:
            return None
        except Denied:
            if ref.owner.lower() == self.account.lower():
                return None
            raise

    def model_files(self, ref: ModelRef) -> tuple[RemoteFile, ...]:
        """Names and sizes of the files of a version; raises NotThere while it is being processed."""
        from workflow import kaggle_models

        return kaggle_models.files(self._pages, ref)

    def download_model_file(self, ref: ModelRef, name: str, target: Path) -> None:
        """Fetch one file of a model's version."""
        from workflow import kaggle_models

        self._download(f"fetching {name} of {ref}", kaggle_models.download(ref, name), target)

    def models(self, owner: str) -> tuple[str, ...]:
        """Every model of an account, as `owner/model`."""
        from workflow import kaggle_models

        return kaggle_models.names(self._pages, owner)

    def model_variations(self, owner: str, model: str) -> tuple[ModelRef, ...]:
        """The variations of a model, each with its newest version; like `dataset`, none for a model that is not there."""
        from workflow import kaggle_models

        try:
            return kaggle_models.variations(self._read, owner, model)
        except NotThere:
            return ()
        except Denied:
            if owner.lower() == self.account.lower():
                return ()
            raise

    def model_version_numbers(self, ref: ModelRef) -> tuple[int, ...]:
        """Every version of a variation, oldest first."""
        from workflow import kaggle_models

        return kaggle_models.version_numbers(self._read, ref)

    def model_version_facts(self, ref: ModelRef) -> ModelVersion:
        """Size and date of one version, from its list of files; raises NotThere while it is being processed."""
        from workflow import kaggle_models

        return kaggle_models.facts(self._pages, ref)

    # Competitions

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
        return Competition.of(answer, ref.slug)

    def rules_accepted(self, ref: CompetitionRef) -> bool:
        """Whether this account may have the competition's data, which Kaggle denies until the rules are accepted."""
        from kagglesdk.competitions.types.competition_api_service import ApiListDataFilesRequest

        request = ApiListDataFilesRequest()
        request.competition_name, request.page_size = ref.slug, 1
        try:
            self._read(f"asking for the data of {ref}", lambda c: c.competitions.competition_api_client.list_data_files(request))
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
            what, lambda c: _head(c.competitions.competition_api_client.download_data_file(request))
        )

    def leaderboard(self, ref: CompetitionRef) -> tuple[str, ...]:
        """Scores on the first page of the public leaderboard, the best first, as texts."""
        from kagglesdk.competitions.types.competition_api_service import ApiGetLeaderboardRequest

        request = ApiGetLeaderboardRequest()
        request.competition_name = ref.slug
        request.page_size = _PAGE
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
        from kagglesdk.competitions.types.competition_api_service import ApiListSubmissionsRequest

        request = ApiListSubmissionsRequest()
        request.competition_name = ref.slug
        what = f"listing the submissions to {ref}"
        found = self._pages(
            what,
            request,
            lambda c: c.competitions.competition_api_client.list_submissions(request),
            "submissions",
        )
        return tuple(Submission.of(one) for one in found)

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
        from workflow.kaggle_sending import within_rate_limit

        # By kagglesdk: the official client's own command hides the reason of a refusal (kaggle 2.2.4).
        what = f"submitting {_versioned(notebook, version)} to {ref}"
        with self._once(what) as client:
            send = client.competitions.competition_api_client.create_code_submission
            number = int(within_rate_limit(lambda: send(request), what).ref or 0)
        if number == 0:
            raise AnswerLost(
                f"Kaggle's answer to {what} names no submission: nothing is assumed, run this again."
            )
        return number

    # Sending (official clients)

    def send_dataset(
        self, folder: Path, notes: str | None, before: Callable[[], None], *, public: bool = False
    ) -> str:
        """Upload a folder with its `dataset-metadata.json` by the official client; see `kaggle_sending.send_dataset`."""
        from workflow import kaggle_sending

        return kaggle_sending.send_dataset(self, folder, notes, before, public=public)

    def save_notebook(self, folder: Path, accelerator: str = "") -> Saved:
        """Save (and run) a notebook's folder by the official client; see `kaggle_sending.save_notebook`."""
        from workflow import kaggle_sending

        return kaggle_sending.save_notebook(self, folder, accelerator)

    def send_model(
        self, ref: ModelRef, folder: Path, notes: str, licence: str | None, ignore: tuple[str, ...]
    ) -> None:
        """Upload a folder as a new version of a variation, by kagglehub; see `kaggle_models.send`."""
        from workflow import kaggle_models

        kaggle_models.send(ref, folder, notes, licence, ignore)

    # How it is done

    @cached_property
    def _client(self) -> Any:
        from kagglesdk import KaggleClient

        found = self.credentials
        client = KaggleClient(username=found.username, password=found.key, api_token=found.token)
        # The session is made once, so that every call goes over one connection.
        client.http_client()._init_session()  # noqa: SLF001 - kagglesdk opens it only as a context manager
        return client

    def _read(self, what: str, call: Callable[[Any], T]) -> T:
        """Make a call that is safe to repeat: broken connections twice, rate limits as long as Kaggle says."""
        waited, tries = 0.0, 0
        while True:
            try:
                with translated(what), timeouts():
                    return call(self._client)
            except RateLimited as error:
                pause = error.seconds if error.seconds is not None else 2.0 + waited
                waited += pause
                if waited > _LONGEST_RATE_LIMIT:
                    raise
                self._warn(
                    f"Kaggle limits how often it may be asked: waiting {pause:.0f} s, then {what} again."
                )
            except AnswerLost:
                if tries >= len(_PAUSES):
                    raise
                pause = _PAUSES[tries]
                tries += 1
            time.sleep(pause)

    @contextmanager
    def _once(self, what: str) -> Iterator[Any]:
        """A call that must not be repeated."""
        with translated(what), timeouts():
            yield self._client

    def _pages(self, what: str, request: Any, call: Callable[[Any], Any], field: str) -> list[Any]:
        """Everything of a listing that Kaggle answers in pages."""
        found: list[Any] = []
        request.page_size = _PAGE
        while True:
            answer = self._read(what, call)
            found += getattr(answer, field) or []
            token = getattr(answer, "next_page_token", None)
            if not token:
                return found
            request.page_token = token

    def _download(self, what: str, call: Callable[[Any], Any], target: Path) -> None:
        """Fetch into `target`, whole or not at all; what a break left is gone on with where the server can."""
        target.parent.mkdir(parents=True, exist_ok=True)
        part = downloads.Part(target)

        def fetch(client: Any) -> None:
            headers = client.http_client()._session.headers  # noqa: SLF001 - kagglesdk takes no headers for one call
            wanted = part.headers()
            headers.update(wanted)
            try:
                response = call(client)
            finally:
                for name in wanted:
                    headers.pop(name, None)
            if response.status_code == downloads.NOT_SATISFIABLE:
                part.forget()
                raise AnswerLost(
                    f"What was left of an earlier download does not fit while {what}: run this again."
                )
            response.raise_for_status()
            with response:
                part.receive(response)

        self._read(what, fetch)
        part.finish()


@contextmanager
def timeouts() -> Iterator[None]:
    """Give every HTTP call inside a time limit: none of the clients sets one (kagglesdk 0.1.37, kaggle 2.2.4).

    `HTTPAdapter.send` is the one place that all of them go through.
    """
    import requests.adapters

    adapter: Any = requests.adapters.HTTPAdapter
    original = adapter.send

    def send(self: Any, request: Any, *args: Any, timeout: Any = None, **options: Any) -> Any:
        return original(self, request, *args, timeout=timeout or (CONNECT_SECONDS, READ_SECONDS), **options)

    adapter.send = send
    try:
        yield
    finally:
        adapter.send = original


def _head(response: Any) -> bytes:
    """The first block of an answer; the rest is not fetched."""
    response.raise_for_status()
    with response:
        return next(response.iter_content(_HEAD), b"")


def _of_notebook(request: Any, ref: NotebookRef, version: int | None) -> Any:
    """A request about a notebook; the version goes as `v3` (kagglesdk; the official client ignores it)."""
    request.user_name, request.kernel_slug = ref.owner, ref.slug
    if version is not None:
        request.version_label = f"v{version}"
    return request


def _versioned(ref: NotebookRef, version: int | None) -> str:
    return ref.name if version is None else f"{ref.name} version {version}"
