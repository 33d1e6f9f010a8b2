"""Calls about notebooks and their runs."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from kaggle_shim.refs import NotebookRef
from kaggle_workflow.kaggle import downloads, http
from kaggle_workflow.kaggle.connection import Connection, head, versioned
from kaggle_workflow.kaggle.errors import translated
from kaggle_workflow.kaggle.values import Notebook, Quota, RemoteFile, Run

_CLIENT = "kernels.kernels_api_client"


class NotebookCalls(Connection):
    """Read notebooks, their runs, output and logs."""

    def notebook(self, ref: NotebookRef, version: int | None = None) -> Notebook | None:
        """A notebook (its newest version by default) with its source, None when there is none; like `dataset`."""
        what = f"reading the notebook {ref.name}"
        answer = self._if_there(
            ref.owner, lambda: self._ask(what, f"{_CLIENT}.get_kernel", **_named(ref, version))
        )
        if answer is None:
            return None
        with translated(f"reading Kaggle's answer about {ref}"):
            return Notebook.from_answer(answer, ref.name)

    def lists_notebook(self, ref: NotebookRef) -> bool:
        """Whether this account's list of notebooks has it; a notebook may exist without being listed."""
        return any(name == ref.name.lower() for name in self.own_notebooks())

    def own_notebooks(self) -> Iterator[str]:
        """This account's notebooks, as `owner/slug` in lower case."""
        from kagglesdk.kernels.types.kernels_enums import KernelsListViewType

        for one in self._each(
            "listing your notebooks", "kernels", f"{_CLIENT}.list_kernels", group=KernelsListViewType.PROFILE
        ):
            yield one.ref.lower()

    def run(self, ref: NotebookRef, version: int | None) -> Run:
        """The state of a version's run (of the newest when None)."""
        what = f"reading the state of {versioned(ref, version)}"
        answer = self._ask(what, f"{_CLIENT}.get_kernel_session_status", **_named(ref, version))
        return Run(answer.status.name, answer.failure_message or "")

    def output(self, ref: NotebookRef, version: int | None) -> tuple[tuple[RemoteFile, ...], str]:
        """The output files of a version, each with its address, and its log as Kaggle keeps it ("" while it runs)."""
        log, files = "", []
        for answer in self._answers(
            f"listing the output of {versioned(ref, version)}",
            f"{_CLIENT}.list_kernel_session_output",
            **_named(ref, version),
        ):
            log = answer.log or log
            files += [RemoteFile(file.file_name, None, file.url) for file in answer.files or []]
        return tuple(files), log

    def output_sizes(self, ref: NotebookRef, version: int | None) -> tuple[RemoteFile, ...]:
        """Names and sizes of a version's output files."""
        files = self._pages(
            f"listing the output of {versioned(ref, version)}",
            "files",
            f"{_CLIENT}.list_kernel_files",
            **_named(ref, version),
        )
        return tuple(RemoteFile(file.name, file.size) for file in files)

    def download_url(self, name: str, url: str, target: Path) -> None:
        """Download a file by the address in a listing."""
        import requests

        def get(client: Any) -> Any:
            # A signed address: the token must not be sent to it.
            asked = {k: v for k, v in http.session(client).headers.items() if k in downloads.HEADERS}
            return requests.get(
                url, stream=True, headers=asked, timeout=(http.CONNECT_SECONDS, http.READ_SECONDS)
            )

        self._download(f"downloading {name}", get, target)

    def url_head(self, name: str, url: str) -> bytes:
        """The first block of a file, by its address in a listing."""
        import requests

        limits = (http.CONNECT_SECONDS, http.READ_SECONDS)
        return self._read(f"reading {name}", lambda _: head(requests.get(url, stream=True, timeout=limits)))

    def log_stream(self, ref: NotebookRef, version: int | None) -> Iterator[str]:
        """The log of a version from its beginning, text by text; live while it runs."""
        from kaggle_workflow.kaggle import logs as kaggle_logs

        with translated(f"reading the log of {versioned(ref, version)}"):
            yield from kaggle_logs.stream(self._client, ref, version)

    def quota(self) -> dict[str, Quota | None]:
        """Hours of `gpu` and `tpu`; None where Kaggle does not say."""
        answer = self._quota_answer()
        return {"gpu": Quota.from_answer(answer.gpu_quota), "tpu": Quota.from_answer(answer.tpu_quota)}

    def quota_reset(self) -> datetime | None:
        """When the hours of all accelerators are full again (aware, UTC), None where Kaggle does not say."""
        reset = self._quota_answer().quota_refresh_time
        return reset.replace(tzinfo=reset.tzinfo or UTC).astimezone(UTC) if reset is not None else None

    def _quota_answer(self) -> Any:
        return self._ask("asking for the accelerator quota", f"{_CLIENT}.get_accelerator_quota_statistics")


def _named(ref: NotebookRef, version: int | None) -> dict[str, str | None]:
    """Fields that name a notebook; the version is written as `v3` (kagglesdk; the official client ignores it)."""
    label = None if version is None else f"v{version}"
    return {"user_name": ref.owner, "kernel_slug": ref.slug, "version_label": label}
