"""Notebooks and their runs, as Kaggle answers for them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from kaggle_shim.refs import NotebookRef
from kaggle_workflow.kaggle import downloads, internals
from kaggle_workflow.kaggle.connection import Connection, head, versioned
from kaggle_workflow.kaggle.errors import translated
from kaggle_workflow.kaggle.http import CONNECT_SECONDS, READ_SECONDS
from kaggle_workflow.kaggle.values import (
    Notebook,
    Quota,
    RemoteFile,
    Run,
)


class NotebookCalls(Connection):
    """Questions about notebooks."""

    def notebook(self, ref: NotebookRef, version: int | None = None) -> Notebook | None:
        """A notebook (its newest version by default) with its source, None when there is none; like `dataset`."""
        from kagglesdk.kernels.types.kernels_api_service import ApiGetKernelRequest

        request = _of_notebook(ApiGetKernelRequest(), ref, version)
        what = f"reading the notebook {ref.name}"
        answer = self._if_there(
            ref.owner, lambda: self._read(what, lambda c: c.kernels.kernels_api_client.get_kernel(request))
        )
        if answer is None:
            return None
        with translated(f"reading Kaggle's answer about {ref}"):
            return Notebook.of(answer, ref.name)

    def lists_notebook(self, ref: NotebookRef) -> bool:
        """Whether this account's own list names it: proof that it exists; what no list names may exist all the same."""
        from kagglesdk.kernels.types.kernels_api_service import ApiListKernelsRequest
        from kagglesdk.kernels.types.kernels_enums import KernelsListViewType

        request = ApiListKernelsRequest()
        request.group = KernelsListViewType.PROFILE
        what = "listing your notebooks"
        mine = self._each(
            what, request, lambda c: c.kernels.kernels_api_client.list_kernels(request), "kernels"
        )
        return any(one.ref.lower() == ref.name.lower() for one in mine)

    def run(self, ref: NotebookRef, version: int | None) -> Run:
        """How the run of a version stands (of the newest when None)."""
        from kagglesdk.kernels.types.kernels_api_service import ApiGetKernelSessionStatusRequest

        request = _of_notebook(ApiGetKernelSessionStatusRequest(), ref, version)
        what = f"asking how {versioned(ref, version)} stands"
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

        files = self._pages(f"listing the output of {versioned(ref, version)}", request, ask, "files")
        return tuple(RemoteFile(file.file_name, None, file.url) for file in files), log

    def output_sizes(self, ref: NotebookRef, version: int | None) -> tuple[RemoteFile, ...]:
        """Names and sizes of a version's output files."""
        from kagglesdk.kernels.types.kernels_api_service import ApiListKernelFilesRequest

        request = _of_notebook(ApiListKernelFilesRequest(), ref, version)
        what = f"listing the output of {versioned(ref, version)}"
        files = self._pages(
            what, request, lambda c: c.kernels.kernels_api_client.list_kernel_files(request), "files"
        )
        return tuple(RemoteFile(file.name, file.size) for file in files)

    def download_url(self, name: str, url: str, target: Path) -> None:
        """Fetch what a listing gave an address for."""
        import requests

        def get(client: Any) -> Any:
            # A signed address: the token must not go with it.
            asked = {k: v for k, v in internals.session(client).headers.items() if k in downloads.HEADERS}
            return requests.get(url, stream=True, headers=asked, timeout=(CONNECT_SECONDS, READ_SECONDS))

        self._download(f"fetching {name}", get, target)

    def url_head(self, name: str, url: str) -> bytes:
        """The first block of what a listing gave an address for."""
        import requests

        get = lambda _: head(requests.get(url, stream=True, timeout=(CONNECT_SECONDS, READ_SECONDS)))  # noqa: E731 - one line for one call
        return self._read(f"looking at {name}", get)

    def log_stream(self, ref: NotebookRef, version: int | None) -> Iterator[str]:
        """The log of a version, text by text: live while it runs, from the beginning, and ends with the run."""
        from kaggle_workflow.kaggle import logs as kaggle_logs

        with translated(f"reading the log of {versioned(ref, version)}"):
            yield from kaggle_logs.stream(self._client, ref, version)

    def quota(self) -> dict[str, Quota | None]:
        """Hours of `gpu` and `tpu`; None for what Kaggle does not say."""
        from kagglesdk.kernels.types.kernels_api_service import ApiGetAcceleratorQuotaStatisticsRequest

        request = ApiGetAcceleratorQuotaStatisticsRequest()
        answer = self._read(
            "asking for the accelerator quota",
            lambda c: c.kernels.kernels_api_client.get_accelerator_quota_statistics(request),
        )
        return {"gpu": Quota.of(answer.gpu_quota), "tpu": Quota.of(answer.tpu_quota)}


def _of_notebook(request: Any, ref: NotebookRef, version: int | None) -> Any:
    """A request about a notebook; the version goes as `v3` (kagglesdk; the official client ignores it)."""
    request.user_name, request.kernel_slug = ref.owner, ref.slug
    if version is not None:
        request.version_label = f"v{version}"
    return request
