"""Credentials of this machine. No upload may hold their values, whatever their format."""

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
# In the files where programs keep them: a name that says what it is, and its value; or a login in an address.
_NAMED = re.compile(
    r"""(?im)(?:^|[\s"'_/:])(?:\w*(?:token|password|passwd|secret|api_?key|access_?key)|auth|key)["']?\s*(?:[:=]|\s)\s*["']?([^\s"',;]+)"""
)
_IN_ADDRESS = re.compile(r"://[^\s/:@'\"]*:([^\s/@'\"]+)@|://(?=\w*\d)([^\s/:@'\"]{20,})@")
_HEADER = re.compile(r"(?i)\b(?:basic|bearer)\s+([A-Za-z0-9+/=._-]{12,})")
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
    ".pip/pip.conf",
    "pip/pip.ini",
)
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
    for name, value in os.environ.items():
        if _NAMES.search(name):
            value = _behind(value)  # noqa: PLW2901 - a path stands for what the file holds
            found[name] = value
            for number, inner in enumerate(_in_file(value) if "\n" in value else ()):
                found[f"{name} ({number + 1})"] = inner
        for number, login in enumerate(_logins(value)):
            found[f"{name} (login{number or ''})"] = login
    kaggle = Path(os.environ.get("KAGGLE_CONFIG_DIR") or Path.home() / ".kaggle")
    for name in ("access_token", "access_token.txt"):
        found[f"{kaggle / name}"] = _text(kaggle / name)
    for name in ("kaggle.json", "credentials.json"):
        found |= {f"{kaggle / name} ({key})": value for key, value in _json(kaggle / name).items()}
    hub = Path(os.environ.get("HF_HOME") or Path.home() / ".cache" / "huggingface")
    for path in (hub / "token", Path.home() / ".huggingface" / "token"):
        found[f"{path}"] = _text(path)
    for path in _files(root):
        for number, value in enumerate(_in_file(_text(path))):
            found[f"{path}{f' ({number + 1})' if number else ''}"] = value
    # What a person can type at random, such as "test", may stand anywhere.
    return {
        name: value.strip()
        for name, value in found.items()
        if _SHORTEST <= len(value.strip()) <= _LONGEST and not formats.is_placeholder(value.strip())
    }


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
    for name in ("NETRC", "PIP_CONFIG_FILE", "NPM_CONFIG_USERCONFIG", "AWS_SHARED_CREDENTIALS_FILE"):
        if os.environ.get(name):
            yield Path(os.environ[name])
    for name in _HOME_FILES:
        yield Path.home() / name
    if root is not None:
        for name in _ROOT_FILES:
            yield root / name


def _in_file(text: str) -> Iterator[str]:
    seen: set[str] = set()
    for pattern in (_NAMED, _HEADER):
        seen.update(match[1] for match in pattern.finditer(text))
    for value in (*sorted(seen), *_logins(text)):
        # `helper = store`, `true` and paths are settings, and whoever chose a word alone chose no secret.
        if "://" not in value and not value.startswith(("/", "~", "./")):
            yield value


def _logins(text: str) -> Iterator[str]:
    for match in _IN_ADDRESS.finditer(text):
        yield match[1] or match[2]


def _behind(value: str) -> str:
    """A value; or what the file holds that it names, as Kaggle's client takes a path in `KAGGLE_API_TOKEN` too."""
    if "\n" in value or len(value) >= 1000:  # noqa: PLR2004 - no path is longer
        return value
    try:
        path = Path(value)
        return _text(path) if path.is_file() else "" if path.is_absolute() and path.exists() else value
    except (OSError, ValueError):
        return value


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8") if path.stat().st_size < _LONGEST_FILE else ""
    except (OSError, UnicodeDecodeError, ValueError):
        return ""


def _json(path: Path) -> dict[str, str]:
    try:
        value = json.loads(_text(path) or "{}")
    except (ValueError, RecursionError):
        return {}
    wanted = ("key", "refresh_token", "access_token")
    return {
        name: value[name] for name in wanted if isinstance(value, dict) and isinstance(value.get(name), str)
    }
