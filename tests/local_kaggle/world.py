"""What every handler is given: the store, the switches, the clock, the faults, the running sessions."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from kagglesdk.kaggle_object import KaggleObject

from tests.local_kaggle.errors import ApiError
from tests.local_kaggle.wire import Reply

if TYPE_CHECKING:
    from pathlib import Path

    from tests.local_kaggle.behaviour import Behaviour
    from tests.local_kaggle.clock import Clock
    from tests.local_kaggle.downloads import Downloads
    from tests.local_kaggle.faults import Fault, Faults
    from tests.local_kaggle.journal import Journal
    from tests.local_kaggle.oauth import Flow
    from tests.local_kaggle.records import Version
    from tests.local_kaggle.sessions import Sessions
    from tests.local_kaggle.store import Store


@dataclass
class World:
    """One Kaggle; `behaviour` may be replaced while it runs."""

    root: Path
    store: Store
    behaviour: Behaviour
    clock: Clock
    faults: Faults
    journal: Journal
    downloads: Downloads
    sessions: Sessions
    oauth_flows: dict[str, Flow] = field(default_factory=dict)

    def is_ready(self, version: Version) -> bool:
        """Whether a dataset's or model's version is through its processing."""
        return not version.failed and version.ready_at is not None and version.ready_at <= self.clock.now()

    def ready_versions(self, versions: list[Version]) -> list[Version]:
        """Those that can be used, oldest first; versions that a later one replaced are gone."""
        ready = [version for version in versions if self.is_ready(version)]
        first = max((v.number for v in ready if v.replaces_older), default=0)
        return [version for version in ready if version.number >= first]

    def current(self, versions: list[Version]) -> Version | None:
        """The newest version that can be used."""
        return max(self.ready_versions(versions), key=lambda v: v.number, default=None)


@dataclass(frozen=True)
class Caller:
    """Who calls: `user` is empty for nobody; `base` is the server's root URL as the caller sees it."""

    user: str
    base: str
    fault: Fault | None = None

    def required(self) -> str:
        """The user's name.

        Raises:
            ApiError: 401 when nobody is signed in.
        """
        if not self.user:
            raise ApiError(401, "Unauthenticated")
        return self.user


Handler = Callable[[World, Caller, KaggleObject], Reply]
Handlers = Mapping[str, Handler]
