"""The session of a command that sends: the workspace, Kaggle, and the options of the command line."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

from kaggle_workflow import console, lock, setting_values
from kaggle_workflow.errors import Refused, WorkflowError
from kaggle_workflow.kaggle.client import Kaggle
from kaggle_workflow.known import Known
from kaggle_workflow.push.intents import Intents
from kaggle_workflow.waiting import Waits
from kaggle_workflow.workspace import Workspace

if TYPE_CHECKING:
    from kaggle_workflow.stage.codes import Staged


@dataclass(frozen=True)
class Options:
    """Options of the command line.

    Attributes:
        allow: refusals to override, on top of `workspace.allow`.
        yes: confirm every question.
        force: send even if nothing changed.
        dry_run: list what would be sent.
        public: permit what the metadata makes public.
        wait: wait for processing and for the run.
        limit: seconds for each wait, None for its default.
        message: notes of a new version.
        accelerator: replaces the metadata's.
        quiet: print nothing but the report (for `--json`).
    """

    allow: frozenset[str] = frozenset()
    yes: bool = False
    force: bool = False
    dry_run: bool = False
    public: bool = False
    wait: bool = True
    limit: float | None = None
    message: str = ""
    accelerator: str = ""
    quiet: bool = False

    @classmethod
    def parse(
        cls,
        *,
        allow: Sequence[str] = (),
        limit: str = "",
        json: bool = False,
        no_wait: bool = False,
        **others: bool | str,
    ) -> Options:
        """Make them from a command's options; raises WorkflowError for a bad `--limit`."""
        seconds = setting_values.duration(limit, "--limit") if limit else None
        return cls(allow=frozenset(allow), limit=seconds, quiet=json, wait=not no_wait, **others)  # type: ignore[arg-type]  # names are the fields above


@dataclass
class Outcome:
    """Result of pushing one thing.

    Attributes:
        thing: `codes`, `deps`, `sub`, …
        did: `sent`, `unchanged`, `found` (sent by an earlier push) or `would send`.
        name: as Kaggle names it.
        version: its number, None while there is none.
        fingerprint: identifies the content, "" for none.
        url: its page.
        seconds: time of each phase: upload, processing, queue, run.
        notes: remarks for the report.
    """

    thing: str
    did: str
    name: str
    version: int | None = None
    fingerprint: str = ""
    url: str = ""
    seconds: dict[str, float] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


class Push:
    """One command that sends."""

    def __init__(self, workspace: Workspace, options: Options, kaggle: Kaggle | None = None) -> None:
        self.workspace = workspace
        self.options = options
        self.say: Callable[[str], None] = aside if options.quiet else console.say
        self.warn: Callable[[str], None] = console.warn
        self.kaggle = kaggle if kaggle is not None else Kaggle(self.warn)
        self.intents = Intents(workspace.build)
        self.known = Known(workspace.build)
        # Names of the refusals that were allowed, for the ledger; sentences of those that were confirmed.
        self.overruled: list[str] = []
        self.answered: set[str] = set()
        # Other accounts that were allowed as owners: warned about once, not for each thing.
        self.owners: set[str] = set()
        # Current versions of datasets and notebooks that this command read, by `owner/slug`.
        self.versions: dict[str, int | None] = {}
        # The codes as they were staged last, until a notebook that is staged next takes them.
        self.staged_codes: Staged | None = None
        self.waits = Waits(workspace.settings.poll, self.say, options.limit)
        self._sends = lock.sends(workspace.build)
        self._began = time.monotonic()

    @property
    def took(self) -> float:
        """Seconds since the command began."""
        return time.monotonic() - self._began

    def list_files(self, name: str, files: Iterable[tuple[str, int]]) -> None:
        """Print the table of a dry run: files with their bytes; nothing with `--json`."""
        if not self.options.quiet:
            rows = [(path, console.size(size)) for path, size in files]
            console.table(f"would be sent to {name}", ("file", "size"), rows)

    def refuse(self, name: str, sentence: str, *, expected: bool = False) -> None:
        """Stop, unless this refusal is allowed.

        Args:
            name: stable name, for `--allow`.
            sentence: what is wrong, and what to do.
            expected: whether it is a question that `--yes` confirms.

        Raises:
            Refused: it is neither allowed nor confirmed.
        """
        if name in self.options.allow or name in self.workspace.settings.allow:
            self.overruled.append(name)
            self.warn(f"{sentence.rstrip('.')} (allowed: {name}).")
        elif expected and self._answered(sentence):
            self.warn(f"{sentence.rstrip('.')} (confirmed).")
        else:
            raise Refused(name, sentence)

    def _answered(self, sentence: str) -> bool:
        if sentence not in self.answered and console.confirm(
            f"{sentence.rstrip('.')}. Continue?", yes=self.options.yes
        ):
            self.answered.add(sentence)
        return sentence in self.answered

    @contextmanager
    def lock(self, doing: str) -> Iterator[None]:
        """Hold the workspace's lock while `build/` is written."""
        with lock.held(self.workspace.build, f"invoke {doing}", self.say):
            yield

    @contextmanager
    def sending(self, what: str) -> Iterator[bool]:
        """Hold the workspace's lock while something is sent.

        Yields whether another command sent something since this one began or last sent: Kaggle's earlier answers may then be
        outdated, and must be read again before anything is sent.
        """
        with self.lock(what):
            sends = lock.sends(self.workspace.build)
            stale = sends != self._sends
            self._sends = sends if stale else lock.count_send(self.workspace.build)
            yield stale

    @cached_property
    def checked_account(self) -> str:
        """The account whose credentials are used; see `check_owner`."""
        return self.kaggle.account

    def check_owner(self, owner: str, what: str) -> None:
        """Check before any upload that the ids belong to this account; raises Refused `other-account`."""
        account = self.checked_account
        if owner.lower() not in (account.lower(), *self.owners):
            self.refuse(
                "other-account",
                f"Your credentials are those of {account}, but {what} belongs to {owner}: set workspace.owner "
                f"(INVOKE_WORKSPACE_OWNER={account}, or owner: {account} in invoke.local.yaml), or use the credentials of {owner}",
            )
            self.owners.add(owner.lower())

    def check_public(self, *, metadata_says_public: bool, what: str) -> None:
        """Require `--public` for what the metadata makes public; raises WorkflowError."""
        if metadata_says_public and not self.options.public:
            raise WorkflowError(
                f"The metadata of {what} makes it public: set is_private to true, or add --public if anyone may read it."
            )


def aside(line: str) -> None:
    """Print a line on standard error, beside a JSON report."""
    import sys

    print(console.plain(line), file=sys.stderr, flush=True)
