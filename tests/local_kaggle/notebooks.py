"""Notebooks: saved, run, and what their versions left (the API calls them kernels)."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from kagglesdk.kernels.types.kernels_api_service import (
    ApiAcceleratorQuota,
    ApiDeleteKernelResponse,
    ApiGetAcceleratorQuotaStatisticsResponse,
    ApiGetKernelResponse,
    ApiGetKernelSessionStatusResponse,
    ApiKernelBlob,
    ApiKernelMetadata,
    ApiKernelSessionOutputFile,
    ApiListKernelFilesItem,
    ApiListKernelFilesResponse,
    ApiListKernelSessionOutputResponse,
    ApiListKernelsResponse,
    ApiSaveKernelResponse,
)
from kagglesdk.kernels.types.kernels_enums import KernelExecutionType, KernelsListViewType, KernelWorkerStatus

from tests.local_kaggle.clock import as_datetime
from tests.local_kaggle.datasets import single_file
from tests.local_kaggle.errors import ApiError, denied
from tests.local_kaggle.names import is_slug, slugify, version_number
from tests.local_kaggle.paging import page
from tests.local_kaggle.records import Notebook, NotebookVersion
from tests.local_kaggle.sources import (
    GPU_SHAPES,
    TPU_SHAPES,
    bind_competitions,
    bind_datasets,
    bind_models,
    bind_notebooks,
    find,
    uses_gpu,
)
from tests.local_kaggle.store import files_of, write_atomic
from tests.local_kaggle.wire import Download, EventStream, Plain, Redirect, Reply, to_body

if TYPE_CHECKING:
    from pathlib import Path

    from kagglesdk.kaggle_object import KaggleObject

    from tests.local_kaggle.world import Caller, Handlers, World

ACTIVE = frozenset(["QUEUED", "RUNNING", "CANCEL_REQUESTED"])


def readable(world: World, caller: Caller, owner: str, slug: str) -> Notebook:
    """The notebook, for somebody who may see it.

    Raises:
        ApiError: 403 for somebody else's private notebook; Behaviour.missing_notebook when there is none.
    """
    notebook = find(world, owner, slug)
    if notebook is None:
        if world.behaviour.missing_notebook == 403:
            raise denied("kernels.get")
        raise ApiError(404, "Notebook not found")
    if notebook.is_private and notebook.owner != caller.user:
        raise denied("kernels.get")
    return notebook


def chosen(notebook: Notebook, number: int | None) -> NotebookVersion:
    """The version that is asked for, or the newest.

    Raises:
        ApiError: 404 when there is no such version.
    """
    if not number:
        return notebook.versions[-1]
    for version in notebook.versions:
        if version.number == number:
            return version
    raise ApiError(404, f"Version {number} of the notebook was not found")


def _failure(sentence: str) -> KaggleObject:
    answer = ApiSaveKernelResponse()
    answer.error = sentence
    return answer


def _find_target(world: World, user: str, request: KaggleObject) -> Notebook | str | None:
    """The notebook that a save means: found by `id` number or slug; None for a new one; a sentence for a refusal.

    "Notebook not found" is Kaggle's wording (kaggle-cli issue 545).
    """
    if request.id:
        notebook = next((n for n in world.store.notebooks.values() if n.id == request.id), None)
        return notebook if notebook and notebook.owner == user else "Notebook not found"
    owner, _, slug = (request.slug or "").rpartition("/")
    if owner and owner != user:
        raise denied("kernels.update")
    return find(world, user, slug)


def _save(world: World, caller: Caller, request: KaggleObject) -> Reply:
    """Saves a version and, unless it is a quick save, runs it.

    The order of the checks is ours. Refusals with an HTTP status: source too large (400 without a reason), a dataset
    whose first version is processing (409), a title that another notebook has (409, Kaggle's sentence in logs of
    users), somebody else's notebook (403). All others come as `error` in a 200. `ref` starts with `/code/`, as in
    published answers.
    """
    user = caller.required()
    if len((request.text or "").encode()) > world.behaviour.source_limit:
        raise ApiError(400, "Bad Request")
    if not request.text:
        return _failure("The notebook's source is empty")
    target = _find_target(world, user, request)
    if isinstance(target, str):
        return _failure(target)
    title = request.new_title or (target.title if target else request.slug.rpartition("/")[2])
    if not 5 <= len(title) <= 50:
        return _failure("The notebook's title must be between 5 and 50 characters")
    slug = _slug(world, request, title, target)
    occupant = world.store.notebooks.get(f"{user}/{slug}")
    if not is_slug(slug) or (occupant is not None and occupant is not target):
        raise ApiError(
            409,
            f'The requested title "{title}" is already in use by a notebook. Please choose another title.',
        )
    datasets = bind_datasets(world, user, request.dataset_data_sources)
    notebooks = bind_notebooks(world, user, request.kernel_data_sources)
    models = bind_models(world, user, request.model_data_sources)
    competitions = bind_competitions(world, user, request.competition_data_sources)
    version = _new_version(world, user, request, title, target)
    refusal = _session_limit(world, user, version) if version.status == "QUEUED" else ""
    if refusal:
        return _failure(refusal)
    version.dataset_sources, version.notebook_sources = datasets.kept, notebooks.kept
    version.model_sources, version.competition_sources = models.kept, competitions.kept
    version.bindings = [*datasets.bindings, *notebooks.bindings, *models.bindings, *competitions.bindings]
    notebook = target or Notebook(
        id=world.store.next_id(),
        owner=user,
        slug=slug,
        title=title,
        is_private=request.is_private is not False,
    )
    if slug != notebook.slug:
        notebook.former_slugs.append(notebook.slug)
    notebook.slug, notebook.title = slug, title
    if request.is_private is not None:
        notebook.is_private = request.is_private
    notebook.versions.append(version)
    write_atomic(world.store.notebook_folder(notebook, version.number) / "source", request.text)
    world.store.save_notebook(notebook)
    if version.status == "QUEUED":
        world.sessions.run_notebook(notebook.id, version.number)
    known = world.behaviour.known_tags
    answer = ApiSaveKernelResponse()
    answer.ref = f"/code/{notebook.ref}"
    answer.error = ""
    answer.url = f"{caller.base}/code/{notebook.ref}"
    answer.version_number = version.number
    answer.kernel_id = notebook.id
    answer.invalid_tags = [
        tag for tag in request.category_ids or [] if known is not None and tag not in known
    ]
    answer.invalid_dataset_sources = datasets.invalid
    answer.invalid_competition_sources = competitions.invalid
    answer.invalid_kernel_sources = notebooks.invalid
    answer.invalid_model_sources = models.invalid
    return answer


def _slug(world: World, request: KaggleObject, title: str, target: Notebook | None) -> str:
    if request.new_title and world.behaviour.title_decides_slug:
        return slugify(title)
    return target.slug if target else (request.slug or "").rpartition("/")[2] or slugify(title)


def _new_version(
    world: World, user: str, request: KaggleObject, title: str, target: Notebook | None
) -> NotebookVersion:
    runs = request.kernel_execution_type in (
        None,
        KernelExecutionType.KERNEL_EXECUTION_TYPE_UNSPECIFIED,
        KernelExecutionType.SAVE_AND_RUN_ALL,
    )
    shape = request.machine_shape or ""
    known_shape = shape if shape in GPU_SHAPES | TPU_SHAPES else ""
    known = world.behaviour.known_tags
    return NotebookVersion(
        number=max((v.number for v in target.versions), default=0) + 1 if target else 1,
        session_id=world.store.next_id(),
        created=world.clock.now(),
        creator=user,
        title=title,
        language=request.language or "python",
        kernel_type=request.kernel_type or "notebook",
        status="QUEUED" if runs else "NEW_SCRIPT",
        enable_gpu=bool(request.enable_gpu),
        enable_tpu=bool(request.enable_tpu) or known_shape in TPU_SHAPES,
        enable_internet=request.enable_internet is not False,
        machine_shape=known_shape,
        docker_image=request.docker_image or "",
        pinning=request.docker_image_pinning_type or "",
        keywords=[tag for tag in request.category_ids or [] if known is None or tag in known],
        timeout=request.session_timeout_seconds or None,
    )


def _session_limit(world: World, user: str, version: NotebookVersion) -> str:
    """The sentence with which Kaggle refuses another session; its form is [reports]."""
    gpu = uses_gpu(version)
    active = sum(
        1
        for notebook in world.store.notebooks.values()
        for other in notebook.versions
        if other.creator == user and other.status in ACTIVE and uses_gpu(other) == gpu
    )
    limit = world.behaviour.gpu_sessions if gpu else world.behaviour.cpu_sessions
    if active < limit:
        return ""
    return f"Maximum batch {'GPU' if gpu else 'CPU'} session count of {limit} reached."


def _status(world: World, caller: Caller, request: KaggleObject) -> Reply:
    notebook = readable(world, caller, request.user_name, request.kernel_slug)
    version = chosen(notebook, version_number(request.version_label))
    answer = ApiGetKernelSessionStatusResponse()
    answer.status = KernelWorkerStatus[version.status]
    answer.failure_message = version.failure_message or None
    return answer


def _get(world: World, caller: Caller, request: KaggleObject) -> Reply:
    """Answers metadata and source; `slug/N`, as `kaggle kernels pull owner/slug/N` sends it, chooses a version."""
    slug, _, number = request.kernel_slug.partition("/")
    notebook = readable(world, caller, request.user_name, slug)
    version = chosen(notebook, version_number(request.version_label or number))
    answer = ApiGetKernelResponse()
    answer.metadata = _describe(notebook, version)
    blob = ApiKernelBlob()
    source = world.store.notebook_folder(notebook, version.number) / "source"
    blob.source = source.read_text(encoding="utf-8")
    blob.language, blob.kernel_type, blob.slug = version.language, version.kernel_type, notebook.slug
    answer.blob = blob
    return answer


def _describe(notebook: Notebook, version: NotebookVersion) -> KaggleObject:
    answer = ApiKernelMetadata()
    answer.id, answer.ref, answer.slug = notebook.id, notebook.ref, notebook.slug
    answer.title, answer.author = version.title, notebook.owner
    answer.last_run_time = as_datetime(version.finished or version.created)
    answer.language, answer.kernel_type = version.language, version.kernel_type
    answer.is_private = notebook.is_private
    answer.enable_gpu, answer.enable_tpu = version.enable_gpu, version.enable_tpu
    answer.enable_internet = version.enable_internet
    answer.category_ids = version.keywords
    answer.dataset_data_sources = version.dataset_sources
    answer.kernel_data_sources = version.notebook_sources
    answer.competition_data_sources = version.competition_sources
    answer.model_data_sources = version.model_sources
    answer.current_version_number = notebook.versions[-1].number
    answer.docker_image = version.docker_image or None
    answer.machine_shape = version.machine_shape or None
    return answer


def _list(world: World, caller: Caller, request: KaggleObject) -> Reply:
    if request.group == KernelsListViewType.PROFILE:
        every = [n for n in world.store.notebooks.values() if n.owner == caller.required()]
    else:
        every = [n for n in world.store.notebooks.values() if not n.is_private]
    if request.user:
        every = [n for n in every if n.owner == request.user]
    if request.search:
        every = [n for n in every if request.search.lower() in n.title.lower()]
    if request.competition:
        every = [n for n in every if request.competition in n.versions[-1].competition_sources]
    if request.dataset:
        every = [n for n in every if request.dataset in n.versions[-1].dataset_sources]
    answer = ApiListKernelsResponse()
    cut, answer.next_page_token = page(sorted(every, key=lambda n: -n.id), request)
    answer.kernels = [_describe(notebook, notebook.versions[-1]) for notebook in cut]
    return answer


def _finished_folder(world: World, notebook: Notebook, version: NotebookVersion) -> Path | None:
    """The folder of a version whose run is over; outputs of a run that goes on cannot be had."""
    return None if version.status in ACTIVE else world.store.notebook_folder(notebook, version.number)


def _output(world: World, caller: Caller, request: KaggleObject) -> Reply:
    """Lists addresses of the output files, and the whole log once the run is over (on every page)."""
    notebook = readable(world, caller, request.user_name, request.kernel_slug)
    version = chosen(notebook, version_number(request.version_label))
    folder = _finished_folder(world, notebook, version)
    answer = ApiListKernelSessionOutputResponse()
    output = folder / "output" if folder else None
    cut, answer.next_page_token = page(files_of(output) if output else [], request)
    answer.files = []
    for name, _ in cut:
        file = ApiKernelSessionOutputFile()
        file.file_name = name
        file.url = caller.base + world.downloads.path_of(output / name)  # type: ignore[operator]  # cut is empty without
        answer.files.append(file)
    if folder and (folder / "log.json").exists():
        answer.log = (folder / "log.json").read_text(encoding="utf-8")
    return answer


def _list_files(world: World, caller: Caller, request: KaggleObject) -> Reply:
    notebook = readable(world, caller, request.user_name, request.kernel_slug)
    version = chosen(notebook, version_number(request.version_label))
    folder = _finished_folder(world, notebook, version)
    answer = ApiListKernelFilesResponse()
    cut, answer.next_page_token = page(files_of(folder / "output") if folder else [], request)
    answer.files = []
    for name, size in cut:
        item = ApiListKernelFilesItem()
        item.name, item.size = name, size
        item.creation_date = (
            f"{as_datetime(version.finished or version.created).isoformat(timespec='seconds')}Z"
        )
        answer.files.append(item)
    return answer


def _download_output(world: World, caller: Caller, request: KaggleObject) -> Reply:
    notebook = readable(world, caller, request.owner_slug, request.kernel_slug)
    version = chosen(notebook, request.version_number)
    folder = _finished_folder(world, notebook, version)
    if folder is None:
        raise ApiError(404, "The notebook's run is not over")
    if request.file_path:
        return single_file(world, folder / "output", request.file_path)
    return Redirect(
        world.downloads.path_of(world.downloads.zip_of(folder / "output"), f"{notebook.slug}.zip")
    )


def _download_output_zip(world: World, caller: Caller, request: KaggleObject) -> Reply:
    notebook, version = _of_session(world, caller, request.kernel_session_id)
    folder = world.store.notebook_folder(notebook, version.number) / "output"
    return Download(world.downloads.zip_of(folder), f"{notebook.slug}.zip")


def _of_session(world: World, caller: Caller, session_id: int) -> tuple[Notebook, NotebookVersion]:
    for notebook in world.store.notebooks.values():
        for version in notebook.versions:
            if version.session_id == session_id and notebook.owner == caller.required():
                return notebook, version
    raise ApiError(404, "Session not found")


def _cancel(world: World, caller: Caller, request: KaggleObject) -> Reply:
    """Refuses: an API token may not cancel, in these words [one]; LocalKaggle.cancel_run is the site's button."""
    del world, caller, request
    raise denied("kernelSessions.cancel")


def log_stream(world: World, caller: Caller, owner: str, slug: str, label: str | None) -> Reply:
    """The log: events while the run goes on, the persisted blob afterwards (kaggle 2.2.4, kernels_logs_stream)."""
    notebook = readable(world, caller, owner, slug)
    version = chosen(notebook, version_number(label))
    live = world.sessions.live_log(notebook.id, version.number)
    if live is not None:
        return EventStream(live)
    file = world.store.notebook_folder(notebook, version.number) / "log.json"
    if not file.exists():
        raise ApiError(404, "There is no log")
    return Download(file, f"{notebook.slug}.log")


def _logs_stream(world: World, caller: Caller, request: KaggleObject) -> Reply:
    if request.kernel_session_id:
        notebook, version = _of_session(world, caller, request.kernel_session_id)
        return log_stream(world, caller, notebook.owner, notebook.slug, f"v{version.number}")
    return log_stream(world, caller, request.user_name, request.kernel_slug, request.version_label)


def _delete(world: World, caller: Caller, request: KaggleObject) -> Reply:
    notebook = readable(world, caller, request.user_name, request.kernel_slug)
    if notebook.owner != caller.required():
        raise denied("kernels.delete")
    world.store.delete_notebook(notebook)
    return ApiDeleteKernelResponse()


def _quota(world: World, caller: Caller, request: KaggleObject) -> Reply:
    """The weekly quota; hours used are those of the finished runs since the server's root was made.

    Durations are written by hand, in the JSON form of protobuf: kagglesdk 0.1.37 writes `delta.seconds`, which
    loses whole days (30 h become "21600s"). It reads "108000s" correctly.
    """
    del request
    user = caller.required()
    runs = [v for n in world.store.notebooks.values() for v in n.versions if v.creator == user]

    def used(*, gpu: bool) -> float:
        return sum(
            v.finished - v.started
            for v in runs
            if v.started and v.finished and (uses_gpu(v) if gpu else v.enable_tpu and not uses_gpu(v))
        )

    answer = ApiGetAcceleratorQuotaStatisticsResponse()
    answer.quota_refresh_time = as_datetime(world.clock.now()) + timedelta(days=7)
    answer.gpu_quota, answer.tpu_quota = ApiAcceleratorQuota(), ApiAcceleratorQuota()
    body = to_body(answer)
    for name, hours, spent in (
        ("gpuQuota", world.behaviour.gpu_hours, used(gpu=True)),
        ("tpuQuota", world.behaviour.tpu_hours, used(gpu=False)),
    ):
        body[name] = {
            "timeUsed": f"{int(spent)}s",
            "timeReserved": "0s",
            "totalTimeAllowed": f"{hours * 3600}s",
            "hasEverRun": spent > 0,
        }
    return Plain(body)


NOTEBOOKS: Handlers = {
    "SaveKernel": _save,
    "GetKernelSessionStatus": _status,
    "GetKernel": _get,
    "ListKernels": _list,
    "ListKernelSessionOutput": _output,
    "ListKernelFiles": _list_files,
    "DownloadKernelOutput": _download_output,
    "DownloadKernelOutputZip": _download_output_zip,
    "CancelKernelSession": _cancel,
    "GetKernelSessionLogsStream": _logs_stream,
    "DeleteKernel": _delete,
    "GetAcceleratorQuotaStatistics": _quota,
}
