"""Interpret pip's report and output: which packages to collect, and why there is no solution. Starts no process."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from kaggle_shim.errors import CollectError
from kaggle_shim.tags import packaging
from kaggle_shim.wheels import demanded, normalise

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

    from kaggle_shim.image import Distribution

_SATISFIED = re.compile(
    r"Requirement already satisfied: (?P<name>[A-Za-z0-9][\w.-]*)(?:\[(?P<extras>[^\]]*)\])?.* in .*?(?P<source>\(from .*\)) \((?P<version>[^()]+)\)\s*"
)
_DEPENDS = re.compile(r"\s*(?P<who>\S+ \S+) depends on (?P<what>\S.*?)\s*")
_REQUESTED = re.compile(r"\s*The user requested (?P<constraint>\(constraint\) )?(?P<what>\S.*?)\s*")
# How pip reports a host that does not answer (pip 23.2 and 24.1).
_UNREACHABLE = re.compile(r"Failed to establish a new connection|Could not fetch URL|connection broken by")
_NOT_FOUND = re.compile(
    r"Could not find a version that satisfies the requirement (.+?) \(from versions: (.*?)\)"
)
_NOT_BUILT = re.compile(
    r"(?:Failed to build|Failed building wheel for|Failed to build installable wheels for some pyproject.toml based projects \(?) ?([\w.-]+)"
)
_COLLECTING = re.compile(r"\s*(?:Collecting|Processing) (?P<what>\S+).*\(from (?P<source>.+)\)\s*")


@dataclass(frozen=True)
class Package:
    """A package that pip would install.

    Attributes:
        project: normalised name.
        version: its version.
        requirement: a requirements line for exactly this one.
    """

    project: str
    version: str
    requirement: str


@dataclass(frozen=True)
class Resolution:
    """What the requirements need.

    Attributes:
        packages: to be collected, sorted.
        requested: what the requirements name directly, normalised, sorted.
        satisfied: name and version of what the image has of it, sorted.
        repairs: name and version of what pip would install besides, for packages the image came with.
    """

    packages: tuple[Package, ...]
    requested: tuple[str, ...]
    satisfied: tuple[tuple[str, str], ...]
    repairs: tuple[tuple[str, str], ...]


def read_report(
    report: Mapping[str, Any], lines: Iterable[str], image: Mapping[str, Distribution]
) -> Resolution:
    """Turn pip's report and what it printed into a resolution; raises CollectError for a report of unknown shape.

    Only in the printed lines does pip say which requirements the image satisfies.
    """
    try:
        new = {normalise(entry["metadata"]["name"]): entry for entry in report["install"]}
    except (KeyError, TypeError) as error:
        raise CollectError(
            f"pip's report has no {error}: this pip is too new or too old, please report its version."
        ) from error
    roots = _satisfied_directly(lines)
    for project, entry in new.items():
        if entry.get("requested"):
            roots[project] = frozenset(entry.get("requested_extras", ()))
    reached, left_to_image = _reach(roots, new, image)
    return Resolution(
        packages=tuple(_package(project, new[project]) for project in sorted(reached)),
        requested=tuple(sorted(roots)),
        satisfied=tuple((project, image[project].version) for project in sorted(left_to_image)),
        repairs=tuple((one, str(new[one]["metadata"]["version"])) for one in sorted(new.keys() - reached)),
    )


def no_solution(
    lines: Sequence[str], image: Mapping[str, Distribution], protected: Collection[str]
) -> str | None:
    """Explain requirements that contradict the image or each other; None when pip reports no conflict.

    `protected` are the projects that were held at the image's version.
    """
    start = next((i for i, line in enumerate(lines) if "The conflict is caused by" in line), None)
    if start is None:
        return None
    demands: list[tuple[str, str]] = []
    for line in lines[start + 1 :]:
        if match := _DEPENDS.fullmatch(line):
            demands.append((match["who"], match["what"]))
        elif (match := _REQUESTED.fullmatch(line)) and not match["constraint"]:
            demands.append(("deps/requirements.txt", match["what"]))
        elif not line.strip():
            break
    for who, what in demands:
        project = demanded(what)
        if project in protected and not _allows(what, image[project].version):
            return (
                f"{who}{_asked_for_by(who, lines)} requires {what}, but the image's {project} is {image[project].version}, which is "
                f"protected: ask for a version that allows it or, if {project} may be replaced, name it in workspace.allow "
                "of invoke.yaml."
            )
    said = "; ".join(f"{who} requires {what}" for who, what in demands[:4])
    return f"The requirements contradict each other ({said}): loosen one of them in deps/requirements.txt."


def other_failure(lines: Sequence[str]) -> str:
    """Explain any other failure of pip: its last error, and what helps."""
    text = "\n".join(lines)
    if match := _NOT_FOUND.search(text):
        wanted, newest = match[1].partition(" (from")[0], match[2].rpartition(",")[2].strip()
        if newest not in {"none", ""}:
            return f"The index has no {wanted} for this Python, its newest is {newest}: change the version in deps/requirements.txt."
        if _UNREACHABLE.search(text):
            return f"pip could not reach the package index for {wanted}: check --index-url in deps/requirements.txt, and whether the notebook has internet."
        return f"The index has no {wanted} for this Python: check its spelling in deps/requirements.txt, and whether the notebook has internet."
    if match := _NOT_BUILT.search(text):
        return f"{match[1]} could not be built: the lines of pip above say why; ask for a version with a wheel, or put one into deps/wheels."
    errors = [line.strip() for line in lines if line.lstrip().startswith(("ERROR:", "error:"))]
    if errors[-1:] == ["ERROR: Exception:"]:
        # A traceback of pip's own, which ends with the reason.
        errors = []
    reason = (errors[-1:] or lines[-1:] or ["no reason given"])[0].strip().removeprefix("ERROR:").strip()
    return f"pip could not resolve deps/requirements.txt: {reason.rstrip('.')}."


def _satisfied_directly(lines: Iterable[str]) -> dict[str, frozenset[str]]:
    """Names and extras of the requirements that pip found satisfied and that no other package asked for."""
    found: dict[str, frozenset[str]] = {}
    for line in lines:
        match = _SATISFIED.match(line)
        if match and "(from -r " in match["source"]:
            extras = frozenset(filter(None, map(str.strip, (match["extras"] or "").split(","))))
            name = normalise(match["name"])
            found[name] = found.get(name, frozenset()) | extras
    return found


def _reach(
    roots: Mapping[str, frozenset[str]], new: Mapping[str, Any], image: Mapping[str, Distribution]
) -> tuple[set[str], set[str]]:
    """Walk the dependencies from the requirements through what is new; the image's own packages end a path.

    The image's package that a requirement asks more of (`name[extra]`) is walked for those extras alone.
    """
    reached: set[str] = set()
    left_to_image: set[str] = set()
    seen: set[tuple[str, frozenset[str]]] = set()
    waiting = list(roots.items())
    while waiting:
        project, extras = waiting.pop()
        if (project, extras) in seen:
            continue
        seen.add((project, extras))
        if project in new:
            reached.add(project)
            lines = new[project]["metadata"].get("requires_dist", ())
            waiting.extend(_dependencies(lines, extras, only_extras=False))
        elif project in image:
            left_to_image.add(project)
            if extras:
                waiting.extend(_dependencies(image[project].demands(), extras, only_extras=True))
    return reached, left_to_image


def _dependencies(
    lines: Iterable[str], extras: frozenset[str], *, only_extras: bool
) -> Iterator[tuple[str, frozenset[str]]]:
    for wanted in map(packaging("requirements").Requirement, lines):
        marker = wanted.marker
        plain = marker is None or marker.evaluate({"extra": ""})
        by_extra = marker is not None and any(marker.evaluate({"extra": extra}) for extra in extras)
        if (by_extra and not plain) if only_extras else (plain or by_extra):
            yield normalise(wanted.name), frozenset(wanted.extras)


def _package(project: str, entry: Mapping[str, Any]) -> Package:
    version, info = str(entry["metadata"]["version"]), entry["download_info"]
    if not entry.get("is_direct"):
        return Package(project, version, f"{project}=={version}")
    url = str(info["url"])
    if "vcs_info" in info:
        url = f"{info['vcs_info']['vcs']}+{url}@{info['vcs_info']['commit_id']}"
    folder = f"#subdirectory={info['subdirectory']}" if info.get("subdirectory") else ""
    return Package(project, version, f"{project} @ {url}{folder}")


def _allows(what: str, version: str) -> bool:
    """Whether a requirement, as pip prints it, allows a version; False when it can't be parsed."""
    try:
        wanted = packaging("requirements").Requirement(what.replace(" and ", ","))
        return bool(wanted.specifier.contains(version, prereleases=True))
    except ValueError:
        return False


def _asked_for_by(who: str, lines: Iterable[str]) -> str:
    """Which requirement brought a package in, " (asked for by NAME)"; "" for a requirement itself."""
    project = normalise(who.partition(" ")[0])
    for line in lines:
        match = _COLLECTING.match(line)
        if match and _project_of(match["what"]) == project:
            chain = [part.strip() for part in match["source"].split("->")]
            return f" (asked for by {chain[-2]})" if len(chain) > 1 else ""
    return ""


def _project_of(what: str) -> str:
    """The project of what pip collects: a requirement, or a file's path or address."""
    name = re.split(r"[/\\]", what)[-1]
    return normalise(name.split("-")[0]) if name.endswith(".whl") else demanded(name)
