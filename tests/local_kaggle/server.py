"""Starts a local Kaggle: in a thread of a test, or for good from the command line."""

from __future__ import annotations

import os
import socket
import threading
from typing import TYPE_CHECKING, Self

import uvicorn

from tests.local_kaggle import control
from tests.local_kaggle.app import build
from tests.local_kaggle.behaviour import Behaviour
from tests.local_kaggle.clock import Clock
from tests.local_kaggle.contents import Contents
from tests.local_kaggle.downloads import Downloads
from tests.local_kaggle.errors import SetupError
from tests.local_kaggle.faults import Faults
from tests.local_kaggle.journal import Journal
from tests.local_kaggle.places import listening, locked
from tests.local_kaggle.prompt import Prompt
from tests.local_kaggle.records import Token
from tests.local_kaggle.runner import Runner, SandboxRunner, no_runner
from tests.local_kaggle.sessions import Sessions
from tests.local_kaggle.store import Store
from tests.local_kaggle.world import World

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path
    from types import TracebackType

    from tests.local_kaggle.faults import Fault
    from tests.local_kaggle.journal import Request

_START_SECONDS = 30.0
_FOREIGN = ("KAGGLE_", "no_proxy", "NO_PROXY", "all_proxy", "ALL_PROXY", "HTTP_PROXY", "http_proxy")


def make_world(
    root: Path, behaviour: Behaviour, runner: Runner, users: Mapping[str, str], workers: int = 7
) -> World:
    """Opens the state in `root`, makes the users (name → token) known, and resumes interrupted runs."""
    root.mkdir(parents=True, exist_ok=True)
    store = Store(root)
    world = World(
        root=root,
        store=store,
        behaviour=behaviour,
        clock=Clock(root / "clock.json"),
        faults=Faults(),
        journal=Journal(),
        downloads=Downloads(root),
        sessions=Sessions(runner, workers),
    )
    for user, token in users.items():
        if all(known.token != token for known in store.users.tokens):
            store.users.tokens.append(Token(token, user))
    store.save_users()
    world.sessions.attach(world)
    return world


class LocalKaggle(Contents):
    """A local Kaggle in a thread, on a free loopback port; a context manager.

    Attributes:
        user: The name of the user whose token `environment()` gives.
        token: That token.
        port: Where the server listens.
        world: Everything inside, for what the methods below do not offer.
    """

    def __init__(
        self,
        root: Path,
        *,
        user: str = "tester",
        behaviour: Behaviour | None = None,
        runner: Runner | None = None,
        python: Path | None = None,
        accelerated_python: Path | None = None,
        newer_python: Path | None = None,
        port: int = 0,
        workers: int = 7,
    ) -> None:
        """Opens the state in `root`; the server starts with `start()` or `with`.

        Args:
            root: The folder of the state; it may be one that an earlier server left.
            user: Whose token `environment()` gives.
            behaviour: The switches.
            runner: What executes notebooks; by default the sandbox with `python`.
            python: The image's interpreter. Without it and `runner`, every run fails with a sentence that says so.
            accelerated_python: That of the image which runs with an accelerator get; by default the same.
            newer_python: That of the image which runs get after `behave(image="newer")`.
            port: 0 for a free one.
            workers: How many runs may execute at once.
        """
        self.user = user
        self.token = f"token-of-{user}"
        self.root = root
        self._lock = locked(root)
        try:
            self._socket = listening(port)
        except (OSError, OverflowError):
            self._lock.release()
            raise
        self.port: int = self._socket.getsockname()[1]
        chosen = runner or (SandboxRunner(python, accelerated_python, newer_python) if python else no_runner)
        self.world = make_world(root, behaviour or Behaviour(), chosen, {user: self.token}, workers)
        config = uvicorn.Config(
            build(self.world),
            log_level="warning",
            lifespan="off",
            timeout_graceful_shutdown=1,
            ws="none",
            http=Prompt,
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(
            target=self._server.run, kwargs={"sockets": [self._socket]}, daemon=True, name="local-kaggle"
        )

    @property
    def url(self) -> str:
        """The server's own address, for plain HTTP to `/_local/…`."""
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> Self:
        """Starts the server and returns when it answers; raises SetupError when it does not."""
        self._thread.start()
        with socket.create_connection(("127.0.0.1", self.port), timeout=_START_SECONDS) as probe:
            probe.settimeout(_START_SECONDS)
            probe.sendall(b"GET /_local/state HTTP/1.0\r\n\r\n")
            if not probe.recv(1):
                raise SetupError("The local Kaggle did not start.")
        return self

    def wait(self) -> None:
        """Serves until the server ends; Ctrl-C raises KeyboardInterrupt."""
        while self._thread.is_alive():
            self._thread.join(1.0)

    def stop(self) -> None:
        """Ends the server; runs that go on are started again by the next one with this root."""
        self.world.sessions.close()
        self._server.should_exit = self._server.force_exit = True
        if self._thread.is_alive():
            self._thread.join(_START_SECONDS)
        self._socket.close()
        self._lock.release()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def environment(self, user: str | None = None, *, isolated_home: bool = True) -> dict[str, str]:
        """The environment for a client process.

        Args:
            user: Somebody else than the default user; made known when new.
            isolated_home: Whether home, temporary and cache folders lie in the server's root: kaggle keeps the state
                of broken uploads in the temporary folder, and kagglehub its downloads in the cache.
        """
        found = {name: value for name, value in os.environ.items() if not name.startswith(_FOREIGN)}
        found["KAGGLE_API_ENVIRONMENT"] = "LOCALHOST"
        found["http_proxy"] = self.url
        found["KAGGLE_API_TOKEN"] = self.add_user(user) if user else self.token
        if isolated_home:
            for name, folder in (("HOME", "home"), ("TMPDIR", "tmp"), ("KAGGLEHUB_CACHE", "kagglehub")):
                path = self.root / "client" / folder
                path.mkdir(parents=True, exist_ok=True)
                found[name] = str(path)
        return found

    def add_user(self, name: str, *, expires: float | None = None) -> str:
        """Makes a user known; returns a token, which `expires` ends at that time of the server's clock."""
        token = f"token-of-{name}"
        with self.world.store.lock:
            users = self.world.store.users
            users.tokens = [t for t in users.tokens if t.token != token]
            users.tokens.append(Token(token, name, expires))
            self.world.store.save_users()
        return token

    def expire_token(self, user: str | None = None) -> None:
        """Lets a user's token expire now."""
        self.add_user(user or self.user, expires=0.0)

    def add_key(self, user: str, key: str) -> None:
        """Makes an older API key known (KAGGLE_USERNAME and KAGGLE_KEY, kaggle.json)."""
        with self.world.store.lock:
            self.world.store.users.keys[user] = key
            self.world.store.save_users()

    # What happens

    @property
    def behaviour(self) -> Behaviour:
        """The switches that are in force."""
        return self.world.behaviour

    def behave(self, **changes: object) -> None:
        """Changes switches while the server runs."""
        self.world.behaviour = self.world.behaviour.with_changes(**changes)

    def finish_processing(self) -> None:
        """Makes every version in processing ready now."""
        control.finish_processing(self.world)

    def advance(self, seconds: float) -> None:
        """Skips time: processing, deadlines, the daily limit."""
        self.world.clock.advance(seconds)

    def hold_runs(self) -> None:
        """Keeps queued runs in QUEUED until `release_runs`."""
        self.world.sessions.hold()

    def release_runs(self) -> None:
        """Lets held runs start."""
        self.world.sessions.release()

    def wait_for_runs(self, seconds: float = 120.0) -> None:
        """Waits until no run and no rerun is queued or running; raises SetupError after `seconds`."""
        if not self.world.sessions.wait_idle(seconds):
            raise SetupError(f"Runs were still going on after {seconds:g} seconds.")

    def cancel_run(self, ref: str, version: int | None = None) -> None:
        """Cancels a run as its owner does on the site."""
        notebook = self.notebook(ref)
        self.world.sessions.cancel(notebook.id, version or notebook.versions[-1].number)

    def fault(self, *faults: Fault) -> None:
        """Sets faults (see tests.local_kaggle.faults)."""
        self.world.faults.add(*faults)

    def requests(self, service: str | None = None, method: str | None = None) -> list[Request]:
        """The requests that came, in the order in which they ended."""
        return self.world.journal.requests(service, method)

    def forget_requests(self) -> None:
        """Empties the request log."""
        self.world.journal.clear()
