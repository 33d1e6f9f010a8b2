"""Refuse credentials in what is about to be staged. No flag overrides that.

Searches what is sent, and nothing else: each file of any kind, its name, the members of an archive, and every text that goes
along. A line that ends in the comment `pragma: allowlist secret` is allowed, and so is what `.secrets.baseline` lists (both as
in detect-secrets). An unchanged file is not read again.
"""

from __future__ import annotations

import hashlib
import json
import re
import shlex
import time
from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import IO, Any

from kaggle_workflow import progress, stamps
from kaggle_workflow.credentials import archives, baseline, formats, own
from kaggle_workflow.credentials.search import Hit, Searcher, digest
from kaggle_workflow.errors import WorkflowError
from kaggle_workflow.files import write_text
from kaggle_workflow.findings import ERROR, WARNING, Finding, errors

FILES = frozenset(
    (
        *("kaggle.json", "access_token", "access_token.txt", "credentials.json"),
        *(".env", ".netrc", "_netrc", ".pypirc", ".git-credentials"),
    )
)
_FILES_OF_KEYS = re.compile(r"(?:id_(?:rsa|dsa|ecdsa|ed25519)|.*\.(?:p12|pfx|ppk))\Z")
_NOT_WHOLE = "not-searched"
_MOST_HITS = 20
_SEARCH = "searching for credentials"


class Scanner:
    """Searches for this machine's credentials and known formats, except what the workspace allows."""

    def __init__(self, root: Path, cache: Path | None = None) -> None:
        """`root` is the workspace, where the baseline is; what was found clean is kept in the folder `cache`."""
        self._root = root
        self._cache = cache
        self._searcher = Searcher(own.values(root))
        # The file and the hit for each place that a finding names.
        self.places: dict[str, list[tuple[str, Hit]]] = {}

    def files(self, scope: str, files: Iterable[tuple[str, Path]]) -> tuple[Finding, ...]:
        """Search files, each given as its name for messages and its path; results are kept under the name `scope`."""
        # By name of a file without credentials: size and times, and whether all of it was searched.
        known, clean = self._load(scope), {}
        found: list[Finding] = []
        unread: list[str] = []
        listed = list(files)
        searching = progress.Progress(_SEARCH, len(listed))
        for number, (shown, path) in enumerate(listed, 1):
            searching.at(number)
            about = path.stat()
            stamp = [about.st_size, about.st_mtime_ns, about.st_ctime_ns]
            if shown in known and known[shown][0] == stamp:
                clean[shown] = known[shown]
                unread += [] if clean[shown][1] else [shown]
                continue
            named, hits = self._searcher.name(shown)
            progress.large(_SEARCH, named, about.st_size)
            budget = archives.Budget()
            hits = self._unlisted(shown, [*hits, *self._in_file(path, budget)])
            found += [self._finding(shown, named, hit) for hit in hits]
            unread += [] if budget.whole else [named]
            if not hits and stamps.settled(about.st_mtime_ns, time.time_ns()):
                clean[shown] = [stamp, budget.whole]
        if clean != known:
            self._save(scope, clean)
        return (*found, *_unsearched(unread))

    def texts(self, scope: str, texts: Iterable[tuple[str, str, str]]) -> tuple[Finding, ...]:
        """Search texts, each given as its name for messages, its place in there such as `cell 3`, and itself; results are kept by `scope`."""
        parts = list(texts)
        stamp = hashlib.sha256(json.dumps(parts).encode()).hexdigest()
        if self._load(scope).get("clean") == stamp:
            return ()
        found = tuple(
            self._finding(shown, shown, hit, where)
            for shown, where, text in parts
            for hit in self._unlisted(shown, self._searcher.text(text))
        )
        if not found:
            self._save(scope, {"clean": stamp})
        return found

    def _in_file(self, path: Path, budget: archives.Budget) -> Iterator[Hit]:
        if named := _by_name(path.name):
            yield from named
            return
        with path.open("rb") as file:
            hits = list(self._searcher.stream(file))
            yield from hits
            try:
                # A member that is stored unpacked is found in the archive's own bytes as well.
                yield from self._in_members(file, budget, {hit.digest for hit in hits})
            except archives.DAMAGED:
                budget.whole = False

    def _in_members(self, file: IO[bytes], budget: archives.Budget, known: set[str]) -> Iterator[Hit]:
        for path, member in archives.members(file, budget):
            told, hits = self._searcher.name(path)
            for hit in (*hits, *_by_name(path.rsplit("/", 1)[-1]), *self._searcher.stream(member)):
                if hit.digest not in known:
                    yield replace(hit, shown=f"{hit.shown}, in {told} inside it")

    def _unlisted(self, shown: str, hits: list[Hit]) -> list[Hit]:
        """The first hits that the baseline does not allow."""
        listed = self._baseline.get(shown, frozenset()) if hits else frozenset()
        return list(dict.fromkeys(hit for hit in hits if hit.digest not in listed))[:_MOST_HITS]

    def _finding(self, shown: str, named: str, hit: Hit, where: str = "") -> Finding:
        """The finding for a hit; `named` is the file's name without a credential in it."""
        inside = f"{where}, line {hit.line}: " if where else ""
        place = f"{named}:{where}:{hit.line}" if where else f"{named}:{hit.line}"
        self.places.setdefault(place, []).append((shown, hit))
        sentence = f"{inside}{hit.name} ({hit.shown}) would be uploaded. {_remedy(shown, place)}"
        return Finding(ERROR, "secret", named, sentence, None if where else hit.line)

    @cached_property
    def _baseline(self) -> dict[str, frozenset[str]]:
        return baseline.allowed(self._root)

    @cached_property
    def _key(self) -> str:
        """What cached results depend on, besides the files; of the credentials, eight digits of a hash."""
        values = "\0".join(sorted(self._searcher.values.values())).encode("utf-8", "surrogateescape")
        return (
            f"{formats.VERSION} {hashlib.sha256(values).hexdigest()[:8]} {baseline.fingerprint(self._root)}"
        )

    def _load(self, scope: str) -> dict[str, Any]:
        if self._cache is None:
            return {}
        try:
            value = json.loads((self._cache / f"secrets-{scope}.json").read_text(encoding="utf-8"))
            return value["clean"] if value["key"] == self._key else {}
        except (OSError, ValueError, RecursionError, KeyError, TypeError):
            return {}

    def _save(self, scope: str, clean: dict[str, Any]) -> None:
        if self._cache is None:
            return
        try:
            write_text(self._cache / f"secrets-{scope}.json", json.dumps({"key": self._key, "clean": clean}))
        except OSError:
            # A cache on a read-only or full disk: the next command searches again.
            return


def refuse(findings: Iterable[Finding]) -> tuple[str, ...]:
    """Raise WorkflowError for the first credential; otherwise return the warnings about files that were not searched whole."""
    found = tuple(findings)
    wrong = errors(found)
    if wrong:
        more = f" ({len(wrong) - 1} more: `invoke check` lists them)" if len(wrong) > 1 else ""
        place = wrong[0].path if wrong[0].line is None else f"{wrong[0].path}, line {wrong[0].line}"
        raise WorkflowError(f"{place}: {wrong[0].sentence}{more}")
    return tuple(f"{one.path}: {one.sentence}" for one in found)


def _unsearched(paths: list[str]) -> tuple[Finding, ...]:
    """The one warning about these files of an upload, none for no file."""
    if not paths:
        return ()
    more = len(paths) - 1
    which = f" and of {more} more {'file' if more == 1 else 'files'} in this upload" if more else ""
    sentence = (
        f"not all of this file{which} could be searched for credentials (encrypted, damaged, too large, an archive inside an "
        "archive, or a format that isn't unpacked here). Make sure it contains none."
    )
    return (Finding(WARNING, _NOT_WHOLE, paths[0], sentence),)


def _remedy(shown: str, place: str) -> str:
    if shown.startswith("-"):
        return "Remove it from the message."
    return (
        "Remove it, and revoke it if others could read this file. If it isn't a credential, run "
        f"`invoke check --no-secret {shlex.quote(place)}`, or end the line with `# pragma: allowlist secret`."
    )


def _by_name(name: str) -> list[Hit]:
    name = name.lower()
    is_known = name in FILES or _FILES_OF_KEYS.match(name)
    return [Hit(1, "file of credentials", "by its name", digest(name))] if is_known else []
