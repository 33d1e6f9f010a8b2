"""Credentials of this machine. No upload may contain their values, whatever their format."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote, quote_plus

from kaggle_workflow.credentials import formats

_NAMES = re.compile(
    r"(?i)(?:^|_)(?:token|secret|password|passwd|passphrase|pat|auth|credentials?|api_?key|access_?key|secret_?key|private_?key|kaggle_key)$"
)
# In the files where programs keep them: a name that says what it is, and its value; a header; a login in an address.
_NAMED = re.compile(
    r"""(?im)(?:^|[\s"'_/:])(?:\w*(?:token|password|passwd|secret|api_?key|access_?key)|auth|key)["']?\s*(?:[:=]|\s)\s*["']?([^\s"',;]+)"""
)
_HEADER = re.compile(r"(?i)\b(?:basic|bearer)\s+([A-Za-z0-9+/=._-]{12,})")
_LOGIN = re.compile(r"://[^\s/:@'\"]*:([^\s/@'\"]+)@|://(?=\w*\d)([^\s/:@'\"]{20,})@")
_FILES_NAMED_BY = ("NETRC", "PIP_CONFIG_FILE", "NPM_CONFIG_USERCONFIG", "AWS_SHARED_CREDENTIALS_FILE")
_HOME_FILES = (
    ".netrc",
    "_netrc",
    ".pypirc",
    ".npmrc",
    ".git-credentials",
    ".gitconfig",
    ".aws/credentials",
    ".docker/config.json",
    ".config/gh/hosts.yml",
    ".config/git/credentials",
    ".config/gcloud/application_default_credentials.json",
    ".config/pip/pip.conf",
    ".config/uv/uv.toml",
    ".huggingface/token",
    ".pip/pip.conf",
    "pip/pip.ini",
)
_KAGGLE_FILES = ("access_token", "access_token.txt", "kaggle.json", "credentials.json")
_ROOT_FILES = (".env", ".envrc", ".git/config", "pip.conf", "invoke.local.yaml")
_SHORTEST = 12
_LONGEST = 4000
_LONGEST_FILE = 10_000


def values(root: Path | None = None) -> dict[str, str]:
    """Secrets by where they come from.

    Reads environment variables that are named like one or hold an address with a login, the files of Kaggle's clients, of the
    Hub's, of git, pip and the like, and `.env` and the git remotes of the workspace at `root`.
    """
    found: dict[str, str] = {}

    def add(name: str, secrets: Iterator[str]) -> None:
        # A short word, such as "test", can occur anywhere.
        wanted = (secret.strip() for secret in secrets)
        right = [
            one for one in wanted if _SHORTEST <= len(one) <= _LONGEST and not formats.is_placeholder(one)
        ]
        found.update(
            (f"{name} ({number})" if number > 1 else name, one) for number, one in enumerate(right, 1)
        )

    for name, value in os.environ.items():
        add(name, _in_variable(value) if _NAMES.search(name) else _logins(value))
    for path in _files(root):
        text = _text(path)
        add(str(path), iter([text]) if "token" in path.name else _in_file(text))
    return found


def redacted(text: str) -> str:
    """Return a text without this machine's credentials in it."""
    for value in values().values():
        for form in _written(value):
            text = text.replace(form, "…")
    return text


def forms(value: str) -> tuple[bytes, ...]:
    """Return a credential as it is, then as text files have it: in latin-1, in JSON and in an address."""
    texts = [form.encode("utf-8", "surrogateescape") for form in _written(value)]
    return tuple(dict.fromkeys([*texts, value.encode("latin-1", "replace")]))


def _written(value: str) -> tuple[str, ...]:
    plain = value.encode("utf-8", "surrogateescape")
    escaped = (json.dumps(value)[1:-1], json.dumps(value, ensure_ascii=False)[1:-1])
    return tuple(dict.fromkeys((value, *escaped, quote(plain, safe=""), quote_plus(plain))))


def _files(root: Path | None) -> Iterator[Path]:
    kaggle = Path(os.environ.get("KAGGLE_CONFIG_DIR") or Path.home() / ".kaggle")
    yield from (kaggle / name for name in _KAGGLE_FILES)
    yield Path(os.environ.get("HF_HOME") or Path.home() / ".cache" / "huggingface", "token")
    yield from (Path(os.environ[name]) for name in _FILES_NAMED_BY if os.environ.get(name))
    yield from (Path.home() / name for name in _HOME_FILES)
    yield from (root / name for name in _ROOT_FILES) if root is not None else ()


def _in_variable(value: str) -> Iterator[str]:
    """The value, or what the file holds that it names (Kaggle's client takes a path in `KAGGLE_API_TOKEN`), and what is in it."""
    try:
        path = Path(value)
        if "\n" not in value and path.exists():
            value = _text(path)
    except (OSError, ValueError):
        # Too long for a path, or not one.
        pass
    yield value
    yield from _in_file(value) if "\n" in value else _logins(value)


def _in_file(text: str) -> Iterator[str]:
    named = {match[1] for pattern in (_NAMED, _HEADER) for match in pattern.finditer(text)}
    for value in (*sorted(named), *_logins(text)):
        # `helper = store`, `true` and paths are settings, and a single word is no secret.
        if "://" not in value and not value.startswith(("/", "~", "./")):
            yield value


def _logins(text: str) -> Iterator[str]:
    for match in _LOGIN.finditer(text):
        yield match[1] or match[2]


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8") if path.stat().st_size < _LONGEST_FILE else ""
    except (OSError, UnicodeDecodeError, ValueError):
        return ""
