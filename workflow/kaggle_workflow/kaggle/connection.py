"""A connection to Kaggle through kagglesdk: account, retries, time limits, pages, downloads."""

from __future__ import annotations

import email.utils
import time
from collections.abc import Callable, Iterator
from functools import cached_property
from operator import attrgetter
from pathlib import Path
from typing import Any, TypeVar

from kaggle_shim.refs import NotebookRef
from kaggle_workflow.errors import KaggleRefused
from kaggle_workflow.kaggle import credentials as kaggle_credentials
from kaggle_workflow.kaggle import downloads, http
from kaggle_workflow.kaggle import errors as kaggle_errors
from kaggle_workflow.kaggle.errors import AnswerLost, Denied, NotThere, RateLimited, translated

T = TypeVar("T")
Warn = Callable[[str], None]

REACH_SECONDS = 5.0
_PAUSES = (0.4, 1.2)
# Half an answer shows that there is a connection.
_HALF_TRIES = 8
_LONGEST_RATE_LIMIT = 60.0
PAGE = 200
_HEAD = 1 << 16


class Connection:
    """One account's connection; the calls are in the classes that derive from it."""

    def __init__(self, warn: Warn, patience: float = http.READ_SECONDS) -> None:
        """`warn` prints a sentence about a retry; `patience` is how long an answer may take, in seconds."""
        self._warn = warn
        self._patience = patience

    @cached_property
    def credentials(self) -> kaggle_credentials.Credentials:
        """The credentials that the clients use; raises WorkflowError when there are none."""
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
        """User name and expiry, from one request."""
        if self.credentials.token is None:
            return self.credentials.username or "", None
        dead = f"it is expired, revoked or mistyped; {kaggle_errors.CREDENTIALS_ADVICE}."
        refused = f"Kaggle does not accept the token from {self.credentials.source}"
        try:
            answer = self._ask(
                "asking whose token this is",
                "security.oauth_client.introspect_token",
                token=self.credentials.token,
            )
        except (AnswerLost, RateLimited):
            raise
        except KaggleRefused as error:
            raise KaggleRefused(f"{refused} ({error.said}): {dead}") from error
        if not answer.active or not answer.username:
            raise KaggleRefused(f"{refused}: {dead}")
        return str(answer.username), float(answer.exp) if answer.exp else None

    def reach(self) -> float | None:
        """Check quickly, without credentials, that Kaggle answers; raises AnswerLost.

        Returns:
            Seconds by which this machine's clock is ahead of Kaggle's, None when it does not say.
        """
        import requests

        with translated("connecting"):
            answer = requests.get(
                self.page(""), timeout=(REACH_SECONDS, REACH_SECONDS), stream=True, allow_redirects=False
            )
            answer.close()
            told = answer.headers.get("date")
            return time.time() - email.utils.parsedate_to_datetime(told).timestamp() if told else None

    def page(self, path: str) -> str:
        """Address of a page of the site, such as `datasets/me/cmi-codes`."""
        from kagglesdk.kaggle_env import KaggleEnv, get_endpoint, get_env

        base = "https://www.kaggle.com" if get_env() == KaggleEnv.PROD else get_endpoint(get_env())
        return f"{base}/{path}"

    @cached_property
    def _client(self) -> Any:
        from kagglesdk import KaggleClient

        found = self.credentials
        client = KaggleClient(username=found.username, password=found.key, api_token=found.token)
        http.open_session(client)
        return client

    def _if_there(self, owner: str, ask: Callable[[], T]) -> T | None:
        """Kaggle's answer about something of `owner`, None when it does not exist.

        Raises:
            Denied: it belongs to another account. For the own account, Kaggle also denies what does not exist (from users' logs).
        """
        try:
            return ask()
        except NotThere:
            return None
        except Denied:
            if owner.lower() == self.account.lower():
                return None
            raise

    def _read(self, what: str, call: Callable[[Any], T]) -> T:
        """Make a call that is safe to repeat: without a connection three times, after half an answer more often."""
        from requests.exceptions import ChunkedEncodingError

        tries = 0
        while True:
            try:
                return self._once(what, call, self._patience)
            except AnswerLost as error:
                half = isinstance(error.__cause__, ChunkedEncodingError)
                if tries >= (_HALF_TRIES if half else len(_PAUSES)):
                    raise
                time.sleep(_PAUSES[min(tries, len(_PAUSES) - 1)])
                tries += 1

    def _once(self, what: str, call: Callable[[Any], T], patience: float = http.READ_SECONDS) -> T:
        """Make a call that must not be repeated, except after a 429: with it Kaggle says that it did nothing."""
        waited = 0.0
        while True:
            try:
                with translated(what), http.timeouts(patience):
                    return call(self._client)
            except RateLimited as error:
                pause = error.seconds if error.seconds is not None else 2.0 + waited
                if waited + pause > _LONGEST_RATE_LIMIT:
                    raise
                waited += pause
                self._warn(f"Kaggle's rate limit is reached: retrying in {pause:.0f} s ({what}).")
            time.sleep(pause)

    def _filled(self, call: str, **fields: Any) -> tuple[Callable[[Any], Any], Any]:
        """A method of kagglesdk by its dotted name, and its request with these fields; None leaves a field unset."""
        method = attrgetter(call)(self._client)
        request = method.__annotations__["request"]()
        for name, value in fields.items():
            if value is not None:
                setattr(request, name, value)
        return method, request

    def _ask(self, what: str, call: str, **fields: Any) -> Any:
        """Kaggle's answer to a call that is safe to repeat.

        Args:
            what: what is being done, such as `reading the dataset me/cmi-codes`.
            call: the method of kagglesdk, such as `datasets.dataset_api_client.get_dataset`.
            fields: the fields of its request.
        """
        method, request = self._filled(call, **fields)
        return self._read(what, lambda _: method(request))

    def _pages(self, what: str, field: str, call: str, **fields: Any) -> list[Any]:
        """All items of a paged list; `field` of the answers has them."""
        return list(self._each(what, field, call, **fields))

    def _each(self, what: str, field: str, call: str, **fields: Any) -> Iterator[Any]:
        """The same one by one: a page is requested when it is needed."""
        for answer in self._answers(what, call, **fields):
            yield from getattr(answer, field) or []

    def _answers(self, what: str, call: str, **fields: Any) -> Iterator[Any]:
        """The answers of a paged call, page by page."""
        method, request = self._filled(call, page_size=PAGE, **fields)
        numbered = hasattr(request, "page")
        if numbered:
            # As the official client: the first page by its number, the others by their token (kaggle 2.2.4).
            request.page = 1
        seen: set[str] = set()
        while True:
            answer = self._read(what, lambda _: method(request))
            yield answer
            token = getattr(answer, "next_page_token", None)
            if not token:
                return
            if token in seen:
                raise KaggleRefused(
                    f"Kaggle's list repeats a page while {what} (page {kaggle_errors.one_line(token)}): run this again later."
                )
            seen.add(token)
            request.page_token = token
            if numbered:
                request.page = None

    def _download(self, what: str, call: Callable[[Any], Any], target: Path) -> None:
        """Download into `target`, whole or not at all; resumes after a break where the server can, as long as bytes arrive."""
        target.parent.mkdir(parents=True, exist_ok=True)
        part = downloads.Part(target)

        import requests

        def fetch(client: Any) -> None:
            headers = http.session(client).headers
            wanted = part.headers()
            headers.update(wanted)
            try:
                response = call(client)
            except requests.HTTPError as error:
                # Some calls raise on their own.
                if error.response is None or error.response.status_code != downloads.NOT_SATISFIABLE:
                    raise
                response = error.response
            finally:
                for name in wanted:
                    headers.pop(name, None)
            if response.status_code == downloads.NOT_SATISFIABLE:
                # It was complete when an earlier command was killed, or the file changed.
                part.forget()
                raise AnswerLost(f"The rest of an earlier download is outdated while {what}: run this again.")
            response.raise_for_status()
            with response:
                part.receive(response, what)

        while True:
            had = part.size
            try:
                self._read(what, fetch)
            except AnswerLost:
                if part.size <= had:
                    raise
            else:
                break
        part.finish()


def head(response: Any) -> bytes:
    """The first block of an answer; the rest is not downloaded."""
    response.raise_for_status()
    with response:
        return next(response.iter_content(_HEAD), b"")


def versioned(ref: NotebookRef, version: int | None) -> str:
    """A notebook's version as messages name it."""
    return ref.name if version is None else f"{ref.name} version {version}"
