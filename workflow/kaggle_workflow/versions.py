"""Whether what is installed is what the workspace asks for: the tool that `requirements.txt` pins, and Kaggle's clients as tested."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

NAME = "kaggle-workflow"
PIN = "requirements.txt"
INSTALL = f"run `pip install -r {PIN}`, or start commands with `uv run`"
_COMMIT = re.compile(rf"(?m)^{NAME} *@ *git\+(?P<address>\S+)@(?P<commit>[0-9a-f]{{40}})\s*$")
_VERSION = re.compile(rf"(?m)^{NAME} *== *(?P<version>\S+)\s*$")
_SHOWN = 12


@dataclass(frozen=True)
class Pin:
    """What `requirements.txt` says about the tool.

    Attributes:
        address: of the template's repository, None for a pin by version or by folder.
        wanted: the commit or the version, None for a folder, which has no fixed version.
    """

    address: str | None
    wanted: str | None


def read_pin(root: Path) -> Pin | None:
    """The pin of the workspace at `root`; None when there is none that this version understands."""
    try:
        text = (root / PIN).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return None
    if by_commit := _COMMIT.search(text):
        return Pin(by_commit["address"], by_commit["commit"])
    if by_version := _VERSION.search(text):
        return Pin(None, by_version["version"])
    return Pin(None, None) if re.search(rf"(?m)^{NAME} *@", text) else None


@cache
def installed() -> str:
    """The installed version of the tool; "" when it runs from its sources."""
    from importlib import metadata

    try:
        return metadata.version(NAME)
    except metadata.PackageNotFoundError:
        return ""


@cache
def _origin() -> dict[str, object]:
    """Where the tool was installed from (PEP 610); {} when nothing says."""
    from importlib import metadata

    try:
        text = metadata.distribution(NAME).read_text("direct_url.json")
    except metadata.PackageNotFoundError:
        return {}
    value = json.loads(text) if text else {}
    return value if isinstance(value, dict) else {}


def commit() -> str | None:
    """The commit that the tool was installed from, None when it was not installed from a repository."""
    info = _origin().get("vcs_info")
    return str(info["commit_id"]) if isinstance(info, dict) and "commit_id" in info else None


def outdated(root: Path) -> str | None:
    """One sentence when another version of the tool is installed than `requirements.txt` pins, None when it fits.

    A tool that runs from a folder (an editable install, a pin by path) is never outdated.
    """
    pin = read_pin(root)
    if pin is None or pin.wanted is None:
        return None
    there = (commit() if pin.address is not None else installed()) or ""
    if there in ("", pin.wanted):
        return None
    return f"{PIN} pins {NAME} {pin.wanted[:_SHOWN]}, but {there[:_SHOWN]} is installed: {INSTALL}."


def requirements() -> tuple[str, ...]:
    """What the installed tool requires, as its metadata writes it; () when it runs from its sources."""
    from importlib import metadata

    try:
        return tuple(metadata.requires(NAME) or ())
    except metadata.PackageNotFoundError:
        return ()


def untested(required: tuple[str, ...]) -> Iterator[tuple[str, str, str | None]]:
    """Each package that is installed in another version than required: its name, what is required, what is installed (None: missing)."""
    from importlib import metadata

    from packaging.requirements import Requirement

    for line in required:
        wanted = Requirement(line)
        if wanted.marker is not None and not wanted.marker.evaluate():
            continue
        try:
            version = metadata.version(wanted.name)
        except metadata.PackageNotFoundError:
            yield wanted.name, str(wanted.specifier), None
            continue
        if not wanted.specifier.contains(version, prereleases=True):
            yield wanted.name, str(wanted.specifier), version
