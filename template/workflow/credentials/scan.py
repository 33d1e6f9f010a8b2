"""Credentials in what is about to be staged: a find stops the command, and no flag overrules that.

Looked at is what is sent, and nothing else. A line that ends in the comment `pragma: allowlist secret` is allowed, and so
is what `.secrets.baseline` lists (both as detect-secrets has them). A file that has not changed is not read again.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from io import BytesIO
from pathlib import Path
from typing import IO, Any

from workflow.credentials import archives as secrets_archives
from workflow.credentials import formats as secrets_formats
from workflow.credentials import own as secrets_own
from workflow.errors import WorkflowError
from workflow.files import write_text
from workflow.findings import ERROR, WARNING, Finding, errors

BASELINE = ".secrets.baseline"
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
    )
)
_FILES_OF_KEYS = re.compile(r"(?:id_(?:rsa|dsa|ecdsa|ed25519)|.*\.(?:p12|pfx|ppk))\Z")
_MARK = re.compile(r"pragma: ?allowlist[ -]secret")
_MARK_ABOVE = re.compile(r"pragma: ?allowlist[ -]nextline[ -]secret")
_BLOCK = 1 << 20
_OVERLAP = 1 << 12
_HEAD = 1 << 16
_KEY_FILE_BYTES = 1000
_LARGEST_BINARY = 200 << 20
_LARGEST_SOURCE = 1 << 20
_SOURCES = (".py", ".ipynb", ".sh", ".toml", ".yaml", ".yml", ".json", ".cfg", ".ini", ".txt", ".r", ".jl")
_REMEDY = (
    "take it out and make a new one, for whoever read this has it; if it is no secret, "
    "end the line with '# pragma: allowlist secret' or list it in .secrets.baseline"
)
_MOST_HITS = 20


@dataclass(frozen=True)
class Hit:
    """One find in a text: `line` from 1, what it is, itself as it may be shown, and whether it only looks like one."""

    line: int
    name: str
    shown: str
    random: bool = False


class Scanner:
    """What one command looks with: this machine's own credentials, and what the workspace allows."""

    def __init__(self, root: Path, cache: Path | None = None) -> None:
        """`root` is the workspace, where the baseline lies; results are kept in the folder `cache`."""
        self._root = root
        self._cache = cache
        self._own = {
            value.encode("utf-8", "surrogateescape"): name for name, value in secrets_own.values().items()
        }

    def files(self, scope: str, files: Iterable[tuple[str, Path]]) -> tuple[Finding, ...]:
        """Look into files, each as a finding names it and where it lies.

        Args:
            scope: what they are part of; results are kept by it.
            files: the files.
        """
        known, fresh, found = self._load(scope), {}, []
        for shown, path in files:
            about = path.stat()
            stamp = [about.st_size, about.st_mtime_ns, about.st_ctime_ns]
            kept = known.get(shown)
            hits = _hits(kept[1]) if kept is not None and kept[0] == stamp else None
            if hits is None:
                hits = list(self._of_file(shown, path, about.st_size))
            fresh[shown] = [stamp, [[hit.line, hit.name, hit.shown, hit.random] for hit in hits]]
            found += [_finding(shown, hit) for hit in hits]
        if fresh != known:
            self._save(scope, fresh)
        return tuple(found)

    def text(self, shown: str, text: str, where: str = "") -> tuple[Finding, ...]:
        """Look into a text; `where` names its place in the file, such as `cell 3`."""
        hits = [*_known(text, 1, self._of_own(text.encode("utf-8", "replace"))), *_random(text)]
        return tuple(_finding(shown, hit, where) for hit in self._allowed(shown, text, hits))

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
        name = path.name.lower()
        if name in FILES or _FILES_OF_KEYS.match(name):
            yield Hit(1, "file of credentials", "by its name")
            return
        if path.suffix == ".json" and size <= _KEY_FILE_BYTES and _is_key_file(path.read_bytes()):
            yield Hit(1, "file of Kaggle credentials", "username and key")
            return
        with path.open("rb") as file:
            yield from self._of_stream(shown, file, size, wanted=path.suffix.lower() in _SOURCES)
        for member, content in secrets_archives.members(path):
            if member.rsplit("/", 1)[-1].lower() in FILES:
                yield Hit(1, "file of credentials", f"{member} inside it")
            else:
                for hit in self._of_stream(f"{shown}/{member}", BytesIO(content), len(content), wanted=False):
                    yield Hit(hit.line, hit.name, f"{hit.shown}, in {member} inside it")

    def _of_stream(self, shown: str, file: IO[bytes], size: int, *, wanted: bool) -> Iterator[Hit]:
        """Read piece by piece; `wanted` says whether a random string deserves a warning."""
        seen: set[Hit] = set()
        line, binary = 1, False
        for number, piece in enumerate(_pieces(file)):
            binary = b"\0" in piece[:_HEAD] if number == 0 else binary
            if binary and size > _LARGEST_BINARY:
                return
            if binary:
                hits = [Hit(1, *one[1:]) for one in self._of_own(piece)]
            else:
                text = piece.decode("latin-1")
                hits = _known(text, line, self._of_own(piece))
                if wanted and size <= _LARGEST_SOURCE:
                    hits += _random(text)
                hits = self._allowed(shown, text, hits, line)
            for hit in hits:
                if hit not in seen and len(seen) < _MOST_HITS:
                    seen.add(hit)
                    yield hit
            line += piece.count(b"\n")

    def _of_own(self, content: bytes) -> list[tuple[int, str, str]]:
        """This machine's credentials in some bytes: where, what, and as it may be shown."""
        return [
            (place, f"value of {name} on this machine", secrets_formats.masked(value.decode("latin-1")))
            for value, name in self._own.items()
            if (place := content.find(value)) >= 0
        ]

    def _allowed(self, shown: str, text: str, hits: list[Hit], first: int = 1) -> list[Hit]:
        """The hits that neither a mark nor the baseline allows."""
        if not hits:
            return hits
        lines = text.split("\n")

        def marked(hit: Hit) -> bool:
            here = lines[hit.line - first] if 0 <= hit.line - first < len(lines) else ""
            above = lines[hit.line - first - 1] if 0 < hit.line - first <= len(lines) else ""
            return bool(_MARK.search(here) or _MARK_ABOVE.search(above))

        listed = self._baseline.get(shown, frozenset())
        kept = [hit for hit in hits if not marked(hit)]
        return [hit for hit in kept if not (listed and self._listed(hit, lines[hit.line - first], listed))]

    def _listed(self, hit: Hit, line: str, listed: frozenset[str]) -> bool:
        """Whether the baseline has the hash of what was found on that line."""
        if hit.random:
            return any(_sha1(word) in listed for word in re.findall(r"['\"]([^'\"]+)['\"]", line))
        return any(
            name == hit.name and _sha1(secret) in listed for _, name, secret in secrets_formats.find(line)
        )

    @cached_property
    def _baseline(self) -> dict[str, frozenset[str]]:
        """SHA-1 of what is allowed, by file; an entry that was audited as a secret allows nothing."""
        path = self._root / BASELINE
        if not path.is_file():
            return {}
        try:
            results = json.loads(path.read_text(encoding="utf-8-sig"))["results"]
            return {
                name.replace("\\", "/"): frozenset(
                    str(one["hashed_secret"]) for one in entries if one.get("is_secret") is not True
                )
                for name, entries in results.items()
            }
        except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            raise WorkflowError(
                f"{BASELINE} does not read as a baseline of detect-secrets ({type(error).__name__}): make it again with `detect-secrets scan`, or remove it."
            ) from error

    @cached_property
    def _key(self) -> str:
        """What kept results depend on, besides the files; of the credentials no more than eight digits of a hash."""
        path = self._root / BASELINE
        own = hashlib.sha256(b"\0".join(sorted(self._own))).hexdigest()[:8]
        listed = hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""
        return f"{secrets_formats.VERSION} {own} {listed}"

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


def _pieces(file: IO[bytes]) -> Iterator[bytes]:
    """A file in pieces of some megabytes that end where lines do; of a line without end, pieces that overlap."""
    carried = b""
    while block := file.read(_BLOCK):
        if not carried and block[:2] in (b"\xff\xfe", b"\xfe\xff"):
            block = (block + file.read(_BLOCK)).decode("utf-16", "replace").encode()
        content = carried + block
        cut = content.rfind(b"\n") + 1
        yield content[: cut or len(content)]
        carried = content[cut:] if cut else content[-_OVERLAP:]
    if carried:
        yield carried


def _finding(shown: str, hit: Hit, where: str = "") -> Finding:
    place = f"{where}, line {hit.line}: " if where else ""
    line = None if where else hit.line
    if hit.random:
        sentence = f"{place}a string here looks random: make sure that it is no password or key."
        return Finding(WARNING, "random-string", shown, sentence, line)
    return Finding(ERROR, "secret", shown, f"{place}{hit.name} ({hit.shown}) would be sent: {_REMEDY}.", line)


def _known(text: str, first: int, own: list[tuple[int, str, str]]) -> list[Hit]:
    hits = [Hit(first + text.count("\n", 0, place), name, shown) for place, name, shown in own]
    formats = (
        (place, name, secrets_formats.masked(secret)) for place, name, secret in secrets_formats.find(text)
    )
    hits += [Hit(first + text.count("\n", 0, place), name, shown) for place, name, shown in formats]
    return list(dict.fromkeys(hits))


def _random(text: str) -> list[Hit]:
    place = secrets_formats.random_looking(text)
    return [] if place is None else [Hit(1 + text.count("\n", 0, place), "random string", "", random=True)]


def _is_key_file(content: bytes) -> bool:
    try:
        value = json.loads(content)
    except (ValueError, RecursionError):
        return False
    return isinstance(value, dict) and set(value) == {"username", "key"}


def _hits(kept: Any) -> list[Hit] | None:
    try:
        return [Hit(int(line), str(name), str(shown), bool(random)) for line, name, shown, random in kept]
    except (TypeError, ValueError, RecursionError):
        return None


def _sha1(text: str) -> str:
    return hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()
