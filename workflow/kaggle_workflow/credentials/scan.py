"""Credentials in what is about to be staged: a find stops the command, and no flag overrules that.

Looked at is what is sent, and nothing else: every file whatever its kind, its name, what is packed into it, and every text
that goes along. A line that ends in the comment `pragma: allowlist secret` is allowed, and so is what `.secrets.baseline`
lists (both as detect-secrets has them). A file that has not changed is not read again.
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
from kaggle_workflow.credentials import archives, baseline, look, pieces, unsearched
from kaggle_workflow.credentials import formats as secrets_formats
from kaggle_workflow.credentials import own as secrets_own
from kaggle_workflow.credentials.look import Hit
from kaggle_workflow.credentials.pieces import Piece
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
_LARGEST_SOURCE = 1 << 20
_SOURCES = (".py", ".ipynb", ".sh", ".toml", ".yaml", ".yml", ".json", ".cfg", ".ini", ".txt", ".r", ".jl")
_NOT_WHOLE = "not searched"
_MOST_HITS = 20
_SEARCH = "searching for credentials"


class Scanner:
    """What one command looks with: this machine's own credentials, and what the workspace allows."""

    def __init__(self, root: Path, cache: Path | None = None) -> None:
        """`root` is the workspace, where the baseline lies; results are kept in the folder `cache`."""
        self._root = root
        self._cache = cache
        self._own = look.Own(secrets_own.values(root))
        # What was found where, as findings write the place: the file and the find.
        self.places: dict[str, list[tuple[str, Hit]]] = {}

    def files(self, scope: str, files: Iterable[tuple[str, Path]]) -> tuple[Finding, ...]:
        """Look into files, each as a finding names it and where it lies.

        Args:
            scope: what they are part of; results are kept by it.
            files: the files.
        """
        known, fresh, found = self._load(scope), {}, []
        unread: list[str] = []
        listed = list(files)
        searching = progress.Progress(_SEARCH, len(listed))
        for number, (shown, path) in enumerate(listed, 1):
            searching.at(number)
            about = path.stat()
            settled = stamps.settled(about.st_mtime_ns, time.time_ns())
            stamp = [about.st_size, about.st_mtime_ns, about.st_ctime_ns] if settled else None
            named, of_name = look.of_name(shown, self._own)
            key = look.digest(shown) if of_name else shown
            kept = known.get(key)
            hits = _hits(kept[1]) if kept is not None and stamp is not None and kept[0] == stamp else None
            if hits is None:
                progress.large(_SEARCH, named, about.st_size)
                hits = [*self._unlisted(shown, of_name), *self._of_file(shown, path, about.st_size)]
            fresh[key] = [stamp, [[hit.line, hit.name, hit.shown, hit.random] for hit in hits]]
            found += [self._finding(shown, named, hit) for hit in hits if hit.name != _NOT_WHOLE]
            unread += [named for hit in hits if hit.name == _NOT_WHOLE]
        if fresh != known:
            self._save(scope, fresh)
        return (*found, *unsearched.findings(unread))

    def text(self, shown: str, text: str, where: str = "") -> tuple[Finding, ...]:
        """Look into a text; `where` names its place in the file, such as `cell 3`."""
        content = text.encode("utf-8", "surrogatepass")
        hits = self._allowed(
            shown, content, look.of_text(Piece(1, content, len(content)), self._own, random=True)
        )
        return tuple(self._finding(shown, shown, hit, where) for hit in look.first_random(hits))

    def texts(self, scope: str, texts: Iterable[tuple[str, str, str]]) -> tuple[Finding, ...]:
        """Look into several texts, each as a finding names it, its place in there, and itself; results are kept by `scope`."""
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
        random = path.suffix.lower() in _SOURCES and size <= _LARGEST_SOURCE
        with path.open("rb") as file:
            hits = self._of_stream(shown, file, random=random)
            yield from look.first_random(hits)
            file.seek(0)
            yield from self._of_members(shown, file)

    def _of_members(self, shown: str, file: IO[bytes]) -> Iterator[Hit]:
        budget = archives.Budget()
        for path, member in archives.members(file, budget):
            told, of_name = look.of_name(path, self._own)
            named = _by_name(path.rsplit("/", 1)[-1])
            hits = self._unlisted(shown, of_name if named is None else [*of_name, named])
            for hit in (*hits, *self._of_stream(shown, member)):
                inside = f"in {told} inside it" if told else "packed in it"
                yield replace(hit, shown=f"{hit.shown}, {inside}")
        if not budget.whole:
            yield Hit(1, _NOT_WHOLE, "", random=True)

    def _of_stream(self, shown: str, file: IO[bytes], *, random: bool = False) -> list[Hit]:
        """Read piece by piece; `random` says whether a random string deserves a warning."""
        seen: dict[Hit, None] = {}
        kind = ""
        for piece in pieces.of(file):
            kind = kind or pieces.kind(piece.content)
            if kind == pieces.BINARY or (kind == pieces.TEXT and b"\0" in piece.content):
                hits = self._unlisted(shown, look.of_binary(piece, self._own))
            else:
                narrow = pieces.narrowed(piece) if kind == pieces.WIDE else piece
                hits = self._allowed(
                    shown, narrow.content, look.of_text(narrow, self._own, random=random), piece.line
                )
            seen |= dict.fromkeys(hits[: _MOST_HITS - len(seen)])
        return list(seen)

    def _allowed(self, shown: str, content: bytes, hits: list[Hit], first: int = 1) -> list[Hit]:
        """The hits in a text that neither a mark nor the baseline allows."""
        if not hits:
            return hits
        lines = content.decode("latin-1").split("\n")

        def marked(hit: Hit) -> bool:
            here = lines[hit.line - first] if 0 <= hit.line - first < len(lines) else ""
            above = lines[hit.line - first - 1] if 0 < hit.line - first <= len(lines) else ""
            return bool(_MARK.search(here) or _MARK_ABOVE.search(above))

        return self._unlisted(shown, [hit for hit in hits if not marked(hit)])

    def _unlisted(self, shown: str, hits: list[Hit]) -> list[Hit]:
        """The hits that the baseline does not allow."""
        listed = self._baseline.get(shown, frozenset()) if hits else frozenset()
        return [hit for hit in hits if hit.digest not in listed]

    def _finding(self, shown: str, named: str, hit: Hit, where: str = "") -> Finding:
        """A hit as it is told: `named` is the file's name without a credential in it."""
        inside = f"{where}, line {hit.line}: " if where else ""
        place = f"{named}:{where}:{hit.line}" if where else f"{named}:{hit.line}"
        self.places.setdefault(place, []).append((shown, hit))
        line = None if where else hit.line
        if hit.random:
            sentence = f"{inside}a string here looks random: make sure that it is no password or key."
            return Finding(WARNING, "random-string", named, sentence, line)
        sentence = f"{inside}{hit.name} ({hit.shown}) would be sent: {_remedy(shown, place)}."
        return Finding(ERROR, "secret", named, sentence, line)

    @cached_property
    def _baseline(self) -> dict[str, frozenset[str]]:
        return baseline.read(self._root)

    @cached_property
    def _key(self) -> str:
        """What kept results depend on, besides the files; of the credentials no more than eight digits of a hash."""
        own = hashlib.sha256(b"\0".join(sorted(self._own.values))).hexdigest()[:8]
        return f"{secrets_formats.VERSION} {own} {baseline.fingerprint(self._root)}"

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
            # A cache on a read-only or full disk: the next command looks again.
            return


def refuse(findings: Iterable[Finding]) -> None:
    """Raise WorkflowError for the first credential, naming how many more there are."""
    wrong = errors(findings)
    if wrong:
        more = f" ({len(wrong) - 1} more: invoke check lists them)" if len(wrong) > 1 else ""
        place = wrong[0].path if wrong[0].line is None else f"{wrong[0].path}, line {wrong[0].line}"
        raise WorkflowError(f"{place}: {wrong[0].sentence.rstrip('.')}{more}.")


def _remedy(shown: str, place: str) -> str:
    if shown.startswith("-"):
        return "write it without"
    return (
        "take it out and make a new one, for whoever read this has it; if it is no secret, end the line with "
        f"'# pragma: allowlist secret', or run `invoke check --no-secret {shlex.quote(place)}`, which lists it in {baseline.FILE}"
    )


def _by_name(name: str) -> Hit | None:
    name = name.lower()
    if name in FILES or _FILES_OF_KEYS.match(name):
        return Hit(1, "file of credentials", "by its name", look.digest(name))
    return None


def _is_key_file(content: bytes) -> bool:
    try:
        value = json.loads(content)
    except (ValueError, RecursionError):
        return False
    return isinstance(value, dict) and set(value) == {"username", "key"}


def _hits(kept: Any) -> list[Hit] | None:
    try:
        return [Hit(int(line), str(name), str(shown), "", bool(random)) for line, name, shown, random in kept]
    except (TypeError, ValueError, RecursionError):
        return None
