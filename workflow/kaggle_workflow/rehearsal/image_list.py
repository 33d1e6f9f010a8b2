"""The local image where `deps/image.txt` names one of Kaggle's: the packages that the code uses, at the versions of that image."""

from __future__ import annotations

import json
import platform
import re
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path

from kaggle_shim.wheels import normalise
from kaggle_workflow.files import read_object, write_text
from kaggle_workflow.images import catalogue, from_kaggle
from kaggle_workflow.rehearsal import image, pythons, used
from kaggle_workflow.stage import requirement_lines
from kaggle_workflow.workspace import DEPS, Notebook, Workspace

_SHOWN = 6
# How many packages one set may give up on, and how long (in seconds) a set that differs from Kaggle's image is kept.
_ATTEMPTS = 12
_KEPT = 7 * 86400.0
# A path in a requirements file: no address, and no drive of Windows.
_RELATIVE = r"(?![\w.+-]+:)(?P<path>\S+)"
# As uv and pip write a version, uv with the marker of a demand.
_PINNED = re.compile(r"(?P<name>[A-Za-z0-9][\w.-]*)(?:\{[^}]*\})?==(?P<version>[\w.!+*-]*\w)")
# What uv and pip print about a version that they can't have: not on the index, not for this machine, or not to be built.
_UNAVAILABLE = re.compile(
    r"(?:no version of|Failed to (?:build|download and build|download)|distribution found for) `?(?P<a>[A-Za-z0-9][\w.-]*)"
    r"|(?P<b>[A-Za-z0-9][\w.-]*)(?:==[\w.!+*-]+)? (?:has no |was not found|depends on Python|needs to be built)"
)


@dataclass(frozen=True)
class Made:
    """The local image, Kaggle's Python ("" where it is not known), and a sentence about each difference from Kaggle's image."""

    image: image.Image
    kaggle_python: str = ""
    notes: tuple[str, ...] = ()


@dataclass
class _Outcome:
    """What became of a set of packages; kept in the cache, so that what failed once is not tried on each rehearsal.

    Attributes:
        folder: name of the environment in the cache.
        python: its Python, such as `3.12`; that of Kaggle's image where only that Python could not make it.
        time: when it was made, in seconds since 1970.
        forced: packages that hold their version although another package of the image demands a different one.
        loose: packages that can't be installed at the image's version.
        absent: packages that can't be installed at all.
    """

    folder: str = ""
    python: str = ""
    time: float = 0.0
    forced: list[str] = field(default_factory=list)
    loose: list[str] = field(default_factory=list)
    absent: list[str] = field(default_factory=list)


def ensure(
    workspace: Workspace,
    notebook: Notebook,
    entry: tuple[str, ...],
    *,
    python: Path | None,
    cache: Path,
    on_line: Callable[[str], None],
) -> Made:
    """Return the local image of a notebook; make it when there is none.

    A `deps/image.txt` that names no image lists what to install, as it stands. One that names an image gives the packages of that
    image which the code uses, with their dependencies, at the image's versions and on the image's Python. What was installed for this
    workspace before stays installed, so only a new import costs an installation.

    Args:
        workspace: the workspace.
        notebook: the notebook to rehearse.
        entry: the entry point with its arguments.
        python: an interpreter that *is* the image, None to make one.
        cache: the folder of the cached environments.
        on_line: called with a line of progress when an environment is made.

    Raises:
        WorkflowError: the image is unknown, a line of `deps/image.txt` can't be installed, or the network is missing.
    """
    if python is not None or not catalogue.names_image(from_kaggle.image_text(workspace)):
        return Made(image.ensure(workspace.image_list, python=python, cache=cache, on_line=on_line))
    kaggles = from_kaggle.image_of(workspace, notebook.name)
    wanted = used.packages(workspace, notebook, entry, kaggles, on_line)
    plan = _Plan(workspace, kaggles, wanted)
    record = cache / f"set-{plan.identity}.json"
    outcome = _read(record)
    made = image.cached(cache / outcome.folder) if outcome.folder else None
    if made is None or _is_due(outcome, plan):
        try:
            made, outcome = _make(plan, cache, on_line)
            write_text(record, json.dumps(asdict(outcome)) + "\n")
        except image.NotInstalledError as error:
            if made is None or not error.unreachable:
                raise
            on_line("The package index can't be reached; using the local image as it is.")
    plan.write(outcome)
    return Made(made, kaggles.python, tuple(_differences(made, kaggles, outcome)))


class _Plan:
    """What to install: the wanted packages, the versions of Kaggle's image, and the user's own lines."""

    def __init__(self, workspace: Workspace, kaggles: catalogue.Image, wanted: frozenset[str]) -> None:
        self.folder = workspace.build / "rehearsal-image"
        listed = ((name, _public(version)) for name, version in kaggles.versions.items())
        self.pins = {name: version for name, version in listed if _can_be_asked_for(name, version)}
        self.python = pythons.minor(kaggles.python)
        self.title = str(kaggles)
        self.added = [_from_deps(line, workspace.root / DEPS) for line in kaggles.added]
        kept = read_object(self.folder / "wanted.json")
        # A package that is no longer imported is still one that Kaggle has.
        before = kept.get("wanted") if kept.get("pins") == self.pins else []
        self.wanted = sorted(wanted | {str(name) for name in before or ()})
        write_text(self.folder / "wanted.json", json.dumps({"pins": self.pins, "wanted": self.wanted}) + "\n")
        machine = [platform.system(), platform.machine(), sys.version]
        included = [_included(line) for line in self.added]
        self.identity = image.digest([self.wanted, self.pins, self.added, included, self.python, machine])

    def write(self, outcome: _Outcome) -> tuple[Path, Path]:
        """Write the files for the installer: the requirements with their constraints, and the overrides."""
        held = {name: version for name, version in self.pins.items() if name not in outcome.loose}
        pins = "".join(f"{name}=={version}\n" for name, version in held.items())
        write_text(self.folder / "constraints.txt", pins)
        forced = "".join(f"{name}=={held[name]}\n" for name in outcome.forced if name in held)
        write_text(self.folder / "overrides.txt", forced)
        wanted = [name for name in self.wanted if name not in outcome.absent]
        lines = "".join(f"{line}\n" for line in ("-c constraints.txt", *wanted, *self.added))
        write_text(self.folder / "requirements.txt", lines)
        return self.folder / "requirements.txt", self.folder / "overrides.txt"


def _make(plan: _Plan, cache: Path, on_line: Callable[[str], None]) -> tuple[image.Image, _Outcome]:
    """Install the set; give up single packages, then the Python, then all versions."""
    outcome, own = _Outcome(time=time.time()), pythons.own()
    base = pythons.find(plan.python) or pythons.download(plan.python, on_line) or own
    outcome.python = base.minor
    while True:
        requirements, overrides = plan.write(outcome)
        try:
            made = image.ensure(
                requirements, python=None, cache=cache, on_line=on_line, base=base, overrides=overrides
            )
        except image.NotInstalledError as error:
            if error.unreachable:
                raise
            said = _give_up_package(plan, outcome, error.output)
            if said is None and base != own:
                said = f"Python {base.version} can't make the image; trying Python {own.version}."
                base = own
            elif said is None and len(outcome.loose) < len(plan.pins):
                said = (
                    f"The exact versions of image {plan.title} can't be installed here; taking the closest."
                )
                outcome.loose = list(plan.pins)
            if said is None:
                raise
            on_line(said)
            continue
        outcome.folder = made.python.parents[1].name
        return made, outcome


def _give_up_package(plan: _Plan, outcome: _Outcome, output: str) -> str | None:
    """Change the outcome for the package that an installer complains about; return a line about it, None if it names none."""
    if len(outcome.loose) + len(outcome.absent) + len(outcome.forced) >= _ATTEMPTS:
        return None
    named = _UNAVAILABLE.search(output)
    name = normalise(named["a"] or named["b"]) if named else None
    if name is not None:
        if name in plan.pins and name not in outcome.loose and "Failed to build" not in output:
            outcome.loose.append(name)
            return f"{name} {plan.pins[name]} can't be installed here; trying another version."
        if name in plan.wanted and name not in outcome.absent:
            outcome.absent.append(name)
            return f"{name} can't be installed here; going on without it."
    conflicting = [
        name
        for found in _PINNED.finditer(output)
        if plan.pins.get(name := normalise(found["name"])) == found["version"]
        and name not in (*outcome.forced, *outcome.loose)
    ]
    if conflicting:
        # The image's own packages contradict each other. Keep what the code imports as it is.
        name = next((one for one in conflicting if one not in plan.wanted), conflicting[0])
        if name.startswith("nvidia-"):
            # An index has builds for one CUDA, which need its libraries.
            outcome.loose.append(name)
            return f"{name} {plan.pins[name]} doesn't fit the builds that can be installed here; trying another version."
        outcome.forced.append(name)
        return f"Installing {name} {plan.pins[name]} as in image {plan.title}, although another package asks for a different version."
    return None


def _read(record: Path) -> _Outcome:
    """The outcome in the cache; an empty one if there is none."""
    try:
        return _Outcome(**read_object(record))
    except TypeError:
        return _Outcome()


def _is_due(outcome: _Outcome, plan: _Plan) -> bool:
    """Whether it's time to try for Kaggle's own versions and Python again."""
    other_python = outcome.python != plan.python
    old = (other_python or outcome.loose or outcome.absent) and time.time() - outcome.time > _KEPT
    return bool(old or (other_python and pythons.find(plan.python)))


def _from_deps(line: str, deps: Path) -> str:
    """A line of `deps/image.txt` as a file in another folder may hold it: with short options and absolute paths."""
    option = re.fullmatch(
        rf"(-[rcfe]|--(?:requirement|constraint|find-links|editable))[\s=]*{_RELATIVE}", line
    )
    if option is not None:
        return f"-{option[1].lstrip('-')[0]} {(deps / option['path']).resolve().as_posix()}"
    path = re.fullmatch(rf"(?!-){_RELATIVE}(?P<more>.*)", line)
    if path is None or requirement_lines.Line(deps, 0, line).requirement is not None:
        return line
    return f"{(deps / path['path']).resolve().as_posix()}{path['more']}"


def _included(line: str) -> list[str]:
    """The lines of a file that a line of `deps/image.txt` includes, as `_from_deps` wrote it."""
    named = re.fullmatch(r"-[rc] (/\S+|\w:\S+)", line)
    return [one.text for one in requirement_lines.read_lines(Path(named[1]))] if named else []


def _can_be_asked_for(name: str, version: str) -> bool:
    """Whether installers read `name==version`: an image also has packages without a version, or with one of its own making."""
    from packaging.utils import is_normalized_name
    from packaging.version import InvalidVersion, Version

    try:
        return is_normalized_name(name) and bool(Version(version))
    except InvalidVersion:
        return False


def _public(version: str) -> str:
    """A version without its local part: the CPU build stands for a CUDA build of the same version."""
    return version.partition("+")[0]


def _differences(made: image.Image, kaggles: catalogue.Image, outcome: _Outcome) -> Iterator[str]:
    if pythons.minor(made.version) != pythons.minor(kaggles.python):
        yield f"This rehearsal runs on Python {made.version}; image {kaggles} has Python {kaggles.python}."
    both = {
        name: (here, kaggles.versions[name])
        for name, here in made.packages.items()
        if kaggles.versions.get(name)
    }
    differ = [
        f"{name} {here} for {there}"
        for name, (here, there) in both.items()
        if _public(here) != _public(there)
    ]
    if differ:
        yield f"Versions that differ from image {kaggles}: {_shortened(differ)}."
    builds = [
        f"{name} {here} for {there}"
        for name, (here, there) in both.items()
        if here != there and _public(here) == _public(there)
    ]
    if builds:
        yield f"Other builds of the same versions: {_shortened(builds)}."
    if outcome.absent:
        yield f"In image {kaggles}, but can't be installed here: {_shortened(outcome.absent)}."


def _shortened(names: list[str]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return f"{', '.join(names[:_SHOWN])}{more}"
