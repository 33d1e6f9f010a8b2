"""What is installed is what was locked: versions and hashes, nothing beside them, and no address of any registry."""

from __future__ import annotations

import re
import tomllib
from importlib import metadata
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[2]
LOCK = (ROOT / "requirements.txt").read_text(encoding="utf-8")
LOCKED = [Requirement(block.partition(" \\\n")[0]) for block in re.split(r"\n(?=\S)", LOCK.strip())]


PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
PRODUCT = [Requirement(line) for line in PROJECT["dependencies"]]
DEVELOPMENT = [Requirement(line) for line in PROJECT["optional-dependencies"]["dev"]]


def test_every_line_of_the_lock_is_one_version_with_hashes_and_no_address() -> None:
    for block in re.split(r"\n(?=\S)", LOCK.strip()):
        first, *hashes = block.split(" \\\n")
        assert re.fullmatch(r"[A-Za-z0-9._-]+==[^ ;]+( ; .+)?", first.strip()), first
        assert hashes, first
        assert all(re.fullmatch(r"--hash=sha256:[0-9a-f]{64}", one.strip()) for one in hashes), first


def test_the_lock_holds_everything_that_is_asked_for_in_versions_that_are_allowed() -> None:
    for one in (*PRODUCT, *DEVELOPMENT):
        found = [lock for lock in LOCKED if canonicalize_name(lock.name) == canonicalize_name(one.name)]
        assert found, one
        for lock in found:
            assert one.specifier.contains(str(lock.specifier).removeprefix("=="), prereleases=True), (
                one,
                lock,
            )


def test_what_talks_to_kaggle_is_installed_exactly_as_tested() -> None:
    """kagglesdk, and whatever it installs."""
    pinned = {canonicalize_name(one.name): one for one in PRODUCT if str(one.specifier).startswith("==")}
    wanted, seen = ["kagglesdk"], set()
    while wanted:
        name = canonicalize_name(wanted.pop())
        assert name in pinned, name
        assert metadata.version(name) in pinned[name].specifier
        seen.add(name)
        for line in metadata.requires(name) or ():
            one = Requirement(line)
            if (one.marker is None or one.marker.evaluate({"extra": ""})) and canonicalize_name(
                one.name
            ) not in seen:
                wanted.append(one.name)
    assert seen == set(pinned)


def test_a_workspace_takes_no_version_that_nobody_tested() -> None:
    for one in PRODUCT:
        assert any(each.operator in ("<", "==") for each in one.specifier), one


def test_what_runs_here_is_what_was_locked() -> None:
    for lock in LOCKED:
        if lock.marker is None or lock.marker.evaluate():
            assert metadata.version(lock.name) in lock.specifier, lock


def test_the_environment_is_installed_by_hash_alone() -> None:
    text = (ROOT / "dev.py").read_text(encoding="utf-8")
    installs = [line for line in text.splitlines() if '"-r", ' in line]
    assert len(installs) == 3
    assert all('"--require-hashes"' in one for one in installs)
