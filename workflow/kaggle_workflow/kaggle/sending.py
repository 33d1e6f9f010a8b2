"""Uploads and saved notebooks through the official client, with its silences made loud.

`import kaggle` authenticates and prints, and the client sets no time limits (read in kaggle 2.2.4); what else it does that would
harm is taken away in `careful`.
"""

from __future__ import annotations

import contextlib
import io
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kaggle_workflow.errors import KaggleRefused, WorkflowError
from kaggle_workflow.kaggle.careful import careful_class
from kaggle_workflow.kaggle.credentials import Credentials
from kaggle_workflow.kaggle.errors import AnswerLost, one_line, translated
from kaggle_workflow.kaggle.rate_limit import within_rate_limit
from kaggle_workflow.kaggle.values import Saved

if TYPE_CHECKING:
    from kaggle_workflow.kaggle.client import Kaggle


def send_dataset(
    kaggle: Kaggle, folder: Path, notes: str | None, before: Callable[[], None], *, public: bool
) -> str:
    """Upload a staged dataset.

    Args:
        kaggle: whose credentials to use.
        folder: the files, with `dataset-metadata.json`; top-level folders travel as zips, which Kaggle unpacks.
        notes: notes of a new version; None creates the dataset.
        before: called when every file is up, just before the one call that makes the version.
        public: whether a created dataset is public.

    Returns:
        The address of the dataset as Kaggle answers it.

    Raises:
        KaggleRefused: Kaggle answered no, or a file did not go up; nothing was made.
        AnswerLost: the version may have been made or not.
    """
    from kaggle_workflow.kaggle.http import timeouts

    what = f"uploading {folder.name}"
    with quiet(), translated(what), timeouts():
        client = _client(kaggle.credentials, kaggle.account, before)
        try:
            if notes is None:
                answer = client.dataset_create_new(
                    str(folder), public=public, quiet=not _shows(), dir_mode="zip"
                )
            else:
                answer = client.dataset_create_version(str(folder), notes, quiet=not _shows(), dir_mode="zip")
        except ValueError as error:
            raise WorkflowError(
                f"Kaggle's client does not take {folder.name} ({one_line(str(error))}): correct its metadata."
            ) from error
    if answer is None or not (answer.error or answer.status or answer.url):
        # An empty answer says neither that there is a version nor that there is none.
        raise AnswerLost(
            f"Kaggle gave no answer to the upload of {folder.name}: nothing is assumed, run this again."
        )
    if answer.error or str(answer.status or "").lower() not in ("ok", ""):
        said = one_line(answer.error or str(answer.status))
        raise KaggleRefused(
            f"Kaggle refused the upload of {folder.name} ({said}): correct what it names, then run this again."
        )
    return str(answer.url or "")


def save_notebook(kaggle: Kaggle, folder: Path, accelerator: str) -> Saved:
    """Save the notebook in `folder` and let it run.

    Raises:
        KaggleRefused: an HTTP refusal. A refusal inside a 200 answer comes back as `Saved.error`.
        AnswerLost: the version may have been made or not.
    """
    from kaggle_workflow.kaggle.http import timeouts

    with quiet(), translated(f"saving the notebook {folder.name}"), timeouts():
        client = _client(kaggle.credentials, kaggle.account, lambda: None)
        try:
            answer = within_rate_limit(
                lambda: client.kernels_push(str(folder), acc=accelerator or None),
                f"saving the notebook {folder.name}",
            )
        except ValueError as error:
            if _is_network(error):
                raise
            raise WorkflowError(
                f"Kaggle's client does not take {folder.name} ({one_line(str(error))}): correct its metadata."
            ) from error
    if answer is None:
        raise AnswerLost(
            f"Kaggle gave no answer to the notebook {folder.name}: nothing is assumed, run this again."
        )
    with translated(f"reading Kaggle's answer to the notebook {folder.name}"):
        return Saved.of(answer)


def _client(credentials: Credentials, account: str, before: Callable[[], None]) -> Any:
    with _introspected(credentials, account):
        client = careful_class()()
    client.credentials, client.before = credentials, before
    values = {
        client.CONFIG_NAME_USER: account,
        client.CONFIG_NAME_TOKEN: credentials.token,
        client.CONFIG_NAME_KEY: credentials.key,
    }
    client.config_values = {name: value for name, value in values.items() if value}
    return client


@contextlib.contextmanager
def _introspected(credentials: Credentials, account: str) -> Iterator[None]:
    """Answer the question that `import kaggle` asks about a token with what Kaggle said about that same token a moment ago."""
    from kagglesdk.security.services.oauth_service import OAuthClient
    from kagglesdk.security.types.oauth_service import IntrospectTokenResponse

    client: Any = OAuthClient
    original = client.introspect_token

    def known(self: Any, request: Any) -> Any:
        if request.token != credentials.token:
            return original(self, request)
        answer = IntrospectTokenResponse()
        answer.active, answer.username = True, account
        return answer

    client.introspect_token = known
    try:
        yield
    finally:
        client.introspect_token = original


def _is_network(error: ValueError) -> bool:
    """Several of requests' exceptions are ValueErrors too."""
    import requests

    return isinstance(error, requests.RequestException)


def _shows() -> bool:
    """Whether the client's own progress bars have a terminal to be drawn on."""
    return sys.__stderr__ is not None and sys.__stderr__.isatty() and sys.stderr is sys.__stderr__


@contextlib.contextmanager
def quiet() -> Iterator[io.StringIO]:
    """Keep what the client prints; its progress bars pass where there is a terminal."""
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed), contextlib.ExitStack() as stack:
        if not _shows():
            stack.enter_context(contextlib.redirect_stderr(printed))
        yield printed
