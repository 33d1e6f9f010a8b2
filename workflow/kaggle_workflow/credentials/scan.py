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
from dataclasses import astuple, replace
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
        "kaggle.json",
        "access_token",
        "access_token.txt",
        "credentials.json",
        ".env",
        ".netrc",
        "_netrc",
        ".pypirc",
        ".git-credentials",
    )
)
_FILES_OF_KEYS = re.compile(r"(?:id_(?:rsa|dsa|ecdsa|ed25519)|.*\.(?:p12|pfx|ppk))\Z")
_MARK = re.compile(r"pragma: ?allowlist[ -]secret")
_MARK_ABOVE = re.compile(r"pragma: ?allowlist[ -]nextline[ -]secret")
_KEY_FILE_BYTES = 1000
_NOT_WHOLE = "not-searched"
_MOST_HITS = 20
_SEARCH = "searching for credentials"


class Scanner:
    """Searches for this machine's credentials and known formats, but for what the workspace allows."""

    def __init__(self, root: Path, cache: Path | None = None) -> None:
        """`root` is the workspace, where the baseline is; results are kept in the folder `cache`."""
        self._root = root
        self._cache = cache
        self._searcher = Searcher(own.values(root))
        # The file and the hit for each place that a finding names.
        self.places: dict[str, list[tuple[str, Hit]]] = {}

    def files(self, scope: str, files: Iterable[tuple[str, Path]]) -> tuple[Finding, ...]:
        """Search files, each given as its name for messages and its path; `scope` is the name under which results are kept."""
        known, fresh, found = self._load(scope), {}, []
        unread: list[str] = []
        listed = list(files)
        searching = progress.Progress(_SEARCH, len(listed))
        for number, (shown, path) in enumerate(listed, 1):
            searching.at(number)
            about = path.stat()
            settled = stamps.settled(about.st_mtime_ns, time.time_ns())
            stamp = [about.st_size, about.st_mtime_ns, about.st_ctime_ns] if settled else None
            named, in_name = self._searcher.name(shown)
            key = digest(shown) if in_name else shown
            kept = known.get(key)
            hits = _hits(kept[1]) if kept is not None and stamp is not None and kept[0] == stamp else None
            if hits is None:
                progress.large(_SEARCH, named, about.st_size)
                hits = [*self._unlisted(shown, in_name), *self._of_file(shown, path, about.st_size)]
            fresh[key] = [stamp, [astuple(replace(hit, digest="")) for hit in hits]]
            found += [self._finding(shown, named, hit) for hit in hits if hit.name != _NOT_WHOLE]
            unread += [named for hit in hits if hit.name == _NOT_WHOLE]
        if fresh != known:
            self._save(scope, fresh)
        return (*found, *_unsearched(unread))

    def text(self, shown: str, text: str, where: str = "") -> tuple[Finding, ...]:
        """Search a text; `where` names its place in the file, such as `cell 3`."""
        content = text.encode("utf-8", "surrogatepass")
        hits = self._allowed(shown, content, self._searcher.block(content))
        return tuple(self._finding(shown, shown, hit, where) for hit in hits)

    def texts(self, scope: str, texts: Iterable[tuple[str, str, str]]) -> tuple[Finding, ...]:
        """Search several texts, each given as its name for messages, its place in there, and itself; results are kept by `scope`."""
        parts = list(texts)
        stamp = hashlib.sha256(json.dumps(parts).encode()).hexdigest()
        if self._load(scope).get("clean") == stamp:
            return ()
        found = tuple(finding for shown, where, text in parts for finding in self.text(shown, text, where))
        if not found:
            self._save(scope, {"clean": stamp})
        return found

    def _of_file(self, shown: str, path: Path, size: int) -> Iterator[Hit]:
        named = _by_name(path.name)
        if named is not None:
            yield from self._unlisted(shown, [named])
            return
        if path.suffix == ".json" and size <= _KEY_FILE_BYTES and _is_key_file(path.read_bytes()):
            yield Hit(1, "file of Kaggle credentials", "username and key")
            return
        with path.open("rb") as file:
            hits = self._of_stream(shown, file)
            yield from hits
            yield from self._of_members(shown, file, {hit.digest for hit in hits})

    def _of_members(self, shown: str, file: IO[bytes], known: set[str]) -> Iterator[Hit]:
        budget = archives.Budget()
        try:
            for path, member in archives.members(file, budget):
                told, in_name = self._searcher.name(path)
                named = _by_name(path.rsplit("/", 1)[-1])
                hits = self._unlisted(shown, in_name if named is None else [*in_name, named])
                for hit in (*hits, *self._of_stream(shown, member)):
                    # A member that is stored unpacked is found in the archive's own bytes as well.
                    if hit.digest not in known:
                        yield replace(hit, shown=f"{hit.shown}, in {told} inside it")
        except archives.DAMAGED:
            budget.whole = False
        if not budget.whole:
            yield Hit(1, _NOT_WHOLE, "")

    def _of_stream(self, shown: str, file: IO[bytes]) -> list[Hit]:
        found: list[Hit] = []
        for line, content, hits in self._searcher.stream(file):
            found += self._allowed(shown, content, hits, line)
        return list(dict.fromkeys(found))[:_MOST_HITS]

    def _allowed(self, shown: str, content: bytes, hits: list[Hit], first: int = 1) -> list[Hit]:
        """The hits in a text, of which the line `first` is the first, that neither a mark nor the baseline allows."""
        lines = content.decode("latin-1").split("\n") if hits else []

        def marked(hit: Hit) -> bool:
            number = hit.line - first
            here = lines[number] if 0 <= number < len(lines) else ""
            above = lines[number - 1] if 0 < number <= len(lines) else ""
            return bool(_MARK.search(here) or _MARK_ABOVE.search(above))

        return self._unlisted(shown, [hit for hit in hits if not marked(hit)])

    def _unlisted(self, shown: str, hits: list[Hit]) -> list[Hit]:
        """The hits that the baseline does not allow."""
        listed = self._baseline.get(shown, frozenset()) if hits else frozenset()
        return [hit for hit in hits if hit.digest not in listed]

    def _finding(self, shown: str, named: str, hit: Hit, where: str = "") -> Finding:
        """The finding for a hit; `named` is the file's name without a credential in it."""
        inside = f"{where}, line {hit.line}: " if where else ""
        place = f"{named}:{where}:{hit.line}" if where else f"{named}:{hit.line}"
        self.places.setdefault(place, []).append((shown, hit))
        sentence = f"{inside}{hit.name} ({hit.shown}) would be sent: {_remedy(shown, place)}."
        return Finding(ERROR, "secret", named, sentence, None if where else hit.line)

    @cached_property
    def _baseline(self) -> dict[str, frozenset[str]]:
        return baseline.read(self._root)

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
            return value["files"] if value["key"] == self._key else {}
        except (OSError, ValueError, RecursionError, KeyError, TypeError):
            return {}

    def _save(self, scope: str, files: dict[str, Any]) -> None:
        if self._cache is None:
            return
        try:
            write_text(self._cache / f"secrets-{scope}.json", json.dumps({"key": self._key, "files": files}))
        except OSError:
            # A cache on a read-only or full disk: the next command searches again.
            return


def refuse(findings: Iterable[Finding]) -> None:
    """Raise WorkflowError for the first credential, naming how many more there are."""
    wrong = errors(findings)
    if wrong:
        more = f" ({len(wrong) - 1} more: invoke check lists them)" if len(wrong) > 1 else ""
        place = wrong[0].path if wrong[0].line is None else f"{wrong[0].path}, line {wrong[0].line}"
        raise WorkflowError(f"{place}: {wrong[0].sentence.rstrip('.')}{more}.")


def unsearched(findings: Iterable[Finding]) -> tuple[str, ...]:
    """Sentences about files that were not searched whole, for a command that sends them."""
    return tuple(f"{one.path}: {one.sentence}" for one in findings if one.name == _NOT_WHOLE)


def _unsearched(paths: list[str]) -> tuple[Finding, ...]:
    """The one warning about these files of an upload, none for no file."""
    if not paths:
        return ()
    more = len(paths) - 1
    which = f" and in {more} more {'file' if more == 1 else 'files'} of this upload" if more else ""
    sentence = (
        f"what is packed in it{which} could not all be searched for credentials (encrypted, damaged, an archive inside an "
        "archive, too large, or of a kind that is not unpacked here): make sure that it holds none."
    )
    return (Finding(WARNING, _NOT_WHOLE, paths[0], sentence),)


def _remedy(shown: str, place: str) -> str:
    if shown.startswith("-"):
        return "write it without"
    return (
        "take it out, and revoke it if anybody else could read this file; if it is not a credential, end the line with "
        f"'# pragma: allowlist secret' or run `invoke check --no-secret {shlex.quote(place)}`, which lists it in {baseline.FILE}"
    )


def _by_name(name: str) -> Hit | None:
    name = name.lower()
    if name in FILES or _FILES_OF_KEYS.match(name):
        return Hit(1, "file of credentials", "by its name", digest(name))
    return None


def _is_key_file(content: bytes) -> bool:
    try:
        value = json.loads(content)
    except (ValueError, RecursionError):
        return False
    return isinstance(value, dict) and set(value) == {"username", "key"}


def _hits(kept: Any) -> list[Hit] | None:
    try:
        return [Hit(int(line), str(name), str(shown)) for line, name, shown, _ in kept]
    except (TypeError, ValueError, RecursionError):
        return None
