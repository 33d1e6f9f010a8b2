"""The official client, made careful.

`upload_files` drops a file whose upload failed; the client repeats a create call whose answer was lost and so makes a version
twice; an upload that breaks off it begins anew ten times, from the first byte, before it asks how far it came; it takes what it
uploaded days ago for a file of today that has the same size and second; and it knows one of
the two loopback environments only (all read in kaggle 2.2.4). The small subclass below takes each of these away and leaves the
rest as it is.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from typing import Any

from kaggle_shim.manifest import hash_file
from kaggle_workflow.errors import KaggleRefused, Unreachable
from kaggle_workflow.kaggle.credentials import Credentials
from kaggle_workflow.kaggle.errors import RATE_LIMIT, AnswerLost
from kaggle_workflow.kaggle.rate_limit import within_rate_limit

_REPEATS = 5
# Before an upload that broke off is gone on with (seconds).
_PAUSES = (0.0, 1.0, 2.0, 4.0, 8.0, 15.0, 30.0, 60.0, 60.0)
_SERVER_FAULT = 500


@lru_cache(maxsize=1)
def careful_class() -> Any:  # noqa: C901 - it holds a class, whose base can only be imported late
    """The official client's class, made careful; imported here because its import authenticates."""
    import requests
    from kaggle.api.kaggle_api_extended import KaggleApi, ResumableUploadResult
    from kagglesdk import KaggleClient
    from kagglesdk.kaggle_env import get_env

    class Careful(KaggleApi):  # type: ignore[misc]  # the client ships no types
        """The official client with one set of credentials, which says when a file did not go up."""

        credentials: Credentials
        before: Callable[[], None]
        uploads: Any = None
        refused = False
        status = 0
        arrived = broken = 0
        # The pauses are what ends it, begun anew with what arrives: ten tries in all would end a long upload over a bad line.
        MAX_UPLOAD_RESUME_ATTEMPTS = sys.maxsize

        def build_kaggle_client(self) -> Any:
            """A client for the environment that kagglesdk reads: the official one takes TEST for production."""
            found = self.credentials
            return KaggleClient(
                env=get_env(), username=found.username, password=found.key, api_token=found.token
            )

        def with_retry(self, func: Any, *_: Any, **__: Any) -> Any:
            """Repeat what is safe to repeat, starting an upload; a create call is made once."""
            if func.__name__ == "start_blob_upload":
                return _started(super().with_retry(func, max_retries=_REPEATS))

            def once(*args: Any) -> Any:
                self.before()
                try:
                    return within_rate_limit(lambda: func(*args), "making the version")
                except requests.HTTPError as error:
                    if error.response is not None and error.response.status_code < _SERVER_FAULT:
                        self.forget_uploads()
                    raise

            return once

        def forget_uploads(self) -> None:
            """Begin every upload anew next time.

            The client keeps what it would resume in the temporary folder for six days, also when Kaggle has lost it or will
            not have it (seen in kaggle 2.2.4): every later upload of those files would fail.
            """
            for upload in self.uploads._file_uploads if self.uploads is not None else ():  # noqa: SLF001 - it has no other name
                upload.cleanup()

        def _upload_blob(self, path: str, quiet: bool, blob_type: Any, context: Any, *more: Any) -> Any:
            self.uploads, self.arrived, self.broken = context, 0, 0
            # The client knows again what it would resume by path, size and second: another content may have all three.
            name = sha256(f"{path}\0{hash_file(Path(path))}".encode()).hexdigest()
            context.get_upload_info_file_path = lambda _: str(Path(context._temp_dir, f"{name}.json"))  # noqa: SLF001 - as above
            return super()._upload_blob(path, quiet, blob_type, context, *more)

        def upload_complete(self, path: str, *args: Any, **options: Any) -> Any:
            """One attempt to send bytes; remembers whether it was refused, for what is refused can't be resumed.

            One that broke off is followed by a pause, and by the client's question how far it came. Too many in a row that
            brought not a byte more end it, as the client knows an end only: failed, though not refused.
            """
            result = super().upload_complete(path, *args, **options)
            self.refused = result == ResumableUploadResult.FAILED
            if result != ResumableUploadResult.INCOMPLETE:
                return result
            if self.broken == len(_PAUSES):
                return ResumableUploadResult.FAILED
            pause = _PAUSES[self.broken]
            self.broken += 1
            print(
                f"The upload of {Path(path).name} broke off: going on where it broke{f' in {pause:.0f} s' if pause else ''}.",
                file=sys.__stderr__,
            )
            time.sleep(pause)
            return result

        def _resume_upload(self, path: str, url: str, size: int, *more: Any) -> Any:
            found = super()._resume_upload(path, url, size, *more)
            if found.result == ResumableUploadResult.INCOMPLETE:
                if found.start_at > self.arrived:
                    self.arrived, self.broken = found.start_at, 0
                if found.start_at >= size:
                    # All is there and it is not over: for the nothing that is left the client (kaggle 2.2.4) would announce
                    # a body that never comes, and wait for an answer to it. So the whole is sent again.
                    return ResumableUploadResult.Incomplete()
            return found

        def _is_upload_successful(self, response: Any) -> bool:
            self.status = response.status_code
            return bool(super()._is_upload_successful(response))

        def _upload_file(self, file_name: str, *args: Any, **options: Any) -> Any:
            uploaded = super()._upload_file(file_name, *args, **options)
            if uploaded is not None:
                return uploaded
            nothing = f"The upload of {file_name} did not succeed and nothing was made of the rest"
            if not self.refused:
                # What the client printed names the address that was uploaded to, which lets anybody upload.
                raise Unreachable(
                    f"{nothing}: it broke off again and again. Look at your network, then run this again; it goes on where it broke."
                )
            self.forget_uploads()
            if self.status >= _SERVER_FAULT or self.status == RATE_LIMIT:
                raise Unreachable(
                    f"{nothing}: Kaggle's storage failed (HTTP {self.status}). Run this again in a few minutes."
                )
            raise KaggleRefused(
                f"{nothing}: Kaggle's storage refused it (HTTP {self.status}). Run this again."
            )

    return Careful


def _started(start: Callable[..., Any]) -> Callable[..., Any]:
    """Starting an upload, where an answer without an address is none: the client would keep it and come back to it for days."""

    def checked(*args: Any) -> Any:
        answer = start(*args)
        if not answer.create_url or not answer.token:
            raise AnswerLost(
                "Kaggle gave no address to upload to: look for a proxy or a login page in your network, then run this again."
            )
        return answer

    return checked
