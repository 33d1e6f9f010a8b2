"""A connection to Kaggle by kagglesdk: who we are, what is repeated, how long is waited, how pages and files come."""

from __future__ import annotations

import email.utils
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

from kaggle_shim.refs import NotebookRef
from kaggle_workflow.errors import KaggleRefused
from kaggle_workflow.kaggle import credentials as kaggle_credentials
from kaggle_workflow.kaggle import downloads, internals, rate_limit
from kaggle_workflow.kaggle import errors as kaggle_errors
from kaggle_workflow.kaggle.errors import AnswerLost, Denied, NotThere, RateLimited, translated
from kaggle_workflow.kaggle.http import READ_SECONDS, timeouts

T = TypeVar("T")
Warn = Callable[[str], None]

REACH_SECONDS = 5.0
_PAUSES = (0.4, 1.2)
# An answer of which half came shows that there is a line.
_HALF_TRIES = 8
PAGE = 200
_HEAD = 1 << 16


class Connection:
    """One account's connection, for all reads of a command; the calls themselves stand in the classes that derive from it."""

    def __init__(self, warn: Warn, patience: float = READ_SECONDS) -> None:
        """`warn` takes a sentence when something has to be asked again; `patience` is how long an answer may take, in seconds."""
        self._warn = warn
        self._patience = patience

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
        dead = f"it is expired, revoked or mistyped; {kaggle_errors.CREDENTIALS_ADVICE}."
        refused = f"Kaggle does not accept the token from {self.credentials.source}"
        try:
            answer = self._read(
                "asking whose token this is", lambda c: c.security.oauth_client.introspect_token(request)
            )
        except AnswerLost:
            raise
        except RateLimited:
            raise
        except KaggleRefused as error:
            raise KaggleRefused(f"{refused} ({error.said}): {dead}") from error
        if not answer.active or not answer.username:
            raise KaggleRefused(f"{refused}: {dead}")
        return str(answer.username), float(answer.exp) if answer.exp else None

    def reach(self) -> float | None:
        """See whether Kaggle answers at all, quickly and without credentials; raises AnswerLost.

        Returns:
            Seconds by which this machine's clock is ahead of Kaggle's, None when it does not say.
        """
        import requests

        with translated("looking for it"):
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
        internals.open_session(client)
        return client

    def _if_there(self, owner: str, ask: Callable[[], T]) -> T | None:
        """What Kaggle answers about something of `owner`, None when it is not there.

        Raises:
            Denied: it is somebody else's; of one's own, Kaggle may deny what is not there (from published logs of users).
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
        """Make a call that is safe to repeat: rate limits as long as Kaggle says, no connection twice, half an answer more often."""
        from requests.exceptions import ChunkedEncodingError

        waited, tries = 0.0, 0
        while True:
            try:
                with translated(what), timeouts(self._patience):
                    return call(self._client)
            except RateLimited as error:
                pause = rate_limit.pause_of(error, waited)
                waited += pause
                self._warn(rate_limit.sentence(what, pause))
            except AnswerLost as error:
                half = isinstance(error.__cause__, ChunkedEncodingError)
                if tries >= (_HALF_TRIES if half else len(_PAUSES)):
                    raise
                pause = _PAUSES[min(tries, len(_PAUSES) - 1)]
                tries += 1
            time.sleep(pause)

    @contextmanager
    def once(self, what: str) -> Iterator[Any]:
        """A call that must not be repeated."""
        with translated(what), timeouts():
            yield self._client

    def _pages(self, what: str, request: Any, call: Callable[[Any], Any], field: str) -> list[Any]:
        """Everything of a listing that Kaggle answers in pages."""
        return list(self._each(what, request, call, field))

    def _each(self, what: str, request: Any, call: Callable[[Any], Any], field: str) -> Iterator[Any]:
        """The same one by one: a page is fetched when something of it is wanted."""
        request.page_size = PAGE
        numbered = hasattr(request, "page")
        if numbered:
            # As the official client: the first page by its number, the others by their token (kaggle 2.2.4).
            request.page = 1
        seen: set[str] = set()
        while True:
            answer = self._read(what, call)
            yield from getattr(answer, field) or []
            token = getattr(answer, "next_page_token", None)
            if not token:
                return
            if token in seen:
                raise KaggleRefused(
                    f"Kaggle's list goes round in a circle while {what} (page {kaggle_errors.one_line(token)}): run this again later."
                )
            seen.add(token)
            request.page_token = token
            if numbered:
                request.page = None

    def _download(self, what: str, call: Callable[[Any], Any], target: Path) -> None:
        """Fetch into `target`, whole or not at all; what a break left is gone on with where the server can, for as long as bytes come."""
        target.parent.mkdir(parents=True, exist_ok=True)
        part = downloads.Part(target)

        import requests

        def fetch(client: Any) -> None:
            headers = internals.session(client).headers
            wanted = part.headers()
            headers.update(wanted)
            try:
                response = call(client)
            except requests.HTTPError as error:
                # Some calls raise by themselves.
                if error.response is None or error.response.status_code != downloads.NOT_SATISFIABLE:
                    raise
                response = error.response
            finally:
                for name in wanted:
                    headers.pop(name, None)
            if response.status_code == downloads.NOT_SATISFIABLE:
                # It had all arrived when the command that fetched it was ended, or it is another file now.
                part.forget()
                raise AnswerLost(
                    f"What was left of an earlier download does not fit while {what}: run this again."
                )
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
    """The first block of an answer; the rest is not fetched."""
    response.raise_for_status()
    with response:
        return next(response.iter_content(_HEAD), b"")


def versioned(ref: NotebookRef, version: int | None) -> str:
    """A notebook's version as sentences name it."""
    return ref.name if version is None else f"{ref.name} version {version}"
