"""Notebooks (the API calls them kernels): shown, listed, and what the runs of their versions left."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kagglesdk.kernels.types.kernels_api_service import (
    ApiDeleteKernelResponse,
    ApiGetKernelResponse,
    ApiGetKernelSessionStatusResponse,
    ApiKernelBlob,
    ApiKernelMetadata,
    ApiKernelSessionOutputFile,
    ApiListKernelFilesItem,
    ApiListKernelFilesResponse,
    ApiListKernelSessionOutputResponse,
    ApiListKernelsResponse,
)
from kagglesdk.kernels.types.kernels_enums import KernelsListSortType, KernelsListViewType, KernelWorkerStatus

from tests.local_kaggle import listing
from tests.local_kaggle.clock import as_datetime
from tests.local_kaggle.dataset_files import single_file
from tests.local_kaggle.errors import ApiError, denied
from tests.local_kaggle.names import version_number
from tests.local_kaggle.paging import page
from tests.local_kaggle.sources import find
from tests.local_kaggle.store import files_of
from tests.local_kaggle.wire import Download, EventStream, Redirect, Reply

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from kagglesdk.kaggle_object import KaggleObject

    from tests.local_kaggle.records import Notebook, NotebookVersion
    from tests.local_kaggle.world import Caller, Handlers, World

ACTIVE = frozenset(["QUEUED", "RUNNING", "CANCEL_REQUESTED"])


def readable(world: World, caller: Caller, owner: str, slug: str) -> Notebook:
    """The notebook, for somebody who may see it; raises ApiError as `listing.readable` says."""
    return listing.readable(find(world, owner, slug), caller, "kernels", world.behaviour.missing_notebook)


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


_ORDERS: Mapping[KernelsListSortType, Callable[[Notebook], float]] = {
    KernelsListSortType.DATE_RUN: lambda n: n.versions[-1].finished or n.versions[-1].created,
    KernelsListSortType.DATE_CREATED: lambda n: n.versions[0].created,
}


def _choice(caller: Caller, request: KaggleObject) -> Callable[[Notebook], bool]:
    """Which notebooks a list request wants.

    There are no votes, forks and bookmarks here, so what asks for those finds nothing. `output_type` is not looked at.
    """
    group, types = request.group, KernelsListViewType
    if group == types.PROFILE:
        caller.required()

    def wanted(notebook: Notebook) -> bool:
        newest = notebook.versions[-1]
        mine = notebook.is_writer(caller.user)
        in_group = {
            types.PROFILE: mine,
            types.EVERYONE: not notebook.is_private,
            types.KERNELS_LIST_VIEW_TYPE_UNSPECIFIED: not notebook.is_private,
            types.PUBLIC_AND_USERS_PRIVATE: mine or not notebook.is_private,
        }
        return (
            in_group.get(group, False)
            and request.language in ("", "all", newest.language)
            and request.kernel_type in ("", "all", newest.kernel_type)
            and not request.parent_kernel
            and (not request.competition or request.competition in newest.competition_sources)
            and (
                not request.dataset
                or any(_names(source, request.dataset) for source in newest.dataset_sources)
            )
        )

    return wanted


def _names(source: str, ref: str) -> bool:
    """Whether `owner/slug` or `owner/slug/N` in a notebook's sources is a dataset."""
    return source == ref or source.startswith(f"{ref}/")


def _list(world: World, caller: Caller, request: KaggleObject) -> Reply:
    answer = ApiListKernelsResponse()
    cut, answer.next_page_token, _ = listing.listed(
        world.store.notebooks.values(),
        request,
        owner=request.user,
        keep=_choice(caller, request),
        order=_ORDERS.get(request.sort_by),
    )
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


NOTEBOOKS: Handlers = {
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
}
