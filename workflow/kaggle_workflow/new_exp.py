"""Start an experiment from an earlier one: copy it and make the copy the entry point."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from kaggle_shim import entry as entry_points
from kaggle_workflow import experiment_copy
from kaggle_workflow.edit import yaml_edit
from kaggle_workflow.errors import WorkflowError
from kaggle_workflow.files import write_bytes
from kaggle_workflow.settings import FILE, LOCAL_FILE
from kaggle_workflow.workspace import CODES, Workspace

ENTRY_VARIABLE = "INVOKE_WORKSPACE_ENTRY"

_NUMBERED = re.compile(r"(?P<head>\D*)(?P<number>\d+)(?P<tail>.*)", re.DOTALL)
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]*")
_LARGEST_TEXT = 1 << 20


@dataclass(frozen=True)
class Step:
    """What `new-exp` will do.

    Attributes:
        source: the experiment to start from, relative to `codes/` (posix).
        target: its copy, likewise.
        entry: the entry point that runs the copy.
    """

    source: str
    target: str
    entry: tuple[str, ...]


@dataclass(frozen=True)
class Mention:
    """A line of the copy that still names the experiment it was copied from."""

    path: str
    line: int
    text: str


def plan(codes: Path, entry: Sequence[str], source: str, name: str) -> Step:
    """Decide what to copy and how the new entry point reads.

    Args:
        codes: the folder `codes/`.
        entry: the current entry point.
        source: the experiment to start from, as the user names it; empty for that of the entry point.
        name: the new experiment's name; empty for the next free number.

    Raises:
        WorkflowError: the source can't be told or is not there, or the new name is no name.
    """
    old = _source(codes, entry, source)
    new = _target(codes, old, name)
    words = _renamed(codes, tuple(entry), old, new)
    if words[:1] == ("-m",) and not PurePosixPath(new).stem.isidentifier():
        raise WorkflowError(
            f"{new} can't be a module's name ({' '.join(words)}): choose a --name of letters, digits and underscores."
        )
    return Step(old, new, words)


def carry_out(workspace: Workspace, step: Step, environ: Mapping[str, str]) -> tuple[Path, tuple[str, ...]]:
    """Copy the experiment and make the copy the entry point; overwrite nothing.

    Returns:
        The settings file that names the entry point, and what the user should know.

    Raises:
        WorkflowError: the settings can't be edited, or the name is taken; nothing was changed.
    """
    return make_entry(
        workspace,
        step.entry,
        environ,
        lambda: experiment_copy.make(workspace.root / CODES, step.source, step.target),
    )


def make_entry(
    workspace: Workspace, entry: Sequence[str], environ: Mapping[str, str], write: Callable[[], None]
) -> tuple[Path, tuple[str, ...]]:
    """Make the new experiment that `write` writes the entry point; see `carry_out`."""
    settings = settings_file(workspace.root, "entry")
    before = settings.read_bytes().decode("utf-8") if settings.is_file() else ""
    bom = "\ufeff" if before.startswith("\ufeff") else ""
    after = bom + yaml_edit.set_words(before.removeprefix(bom), "entry", entry, settings.name)
    write()
    write_bytes(settings, after.encode("utf-8"))
    if environ.get(ENTRY_VARIABLE):
        return settings, (
            f"{ENTRY_VARIABLE} is set and overrides {settings.name}: unset it to run the new experiment.",
        )
    return settings, ()


def settings_file(root: Path, key: str) -> Path:
    """The file that sets `workspace.<key>`: `invoke.local.yaml` if it does, else `invoke.yaml`."""
    local = root / LOCAL_FILE
    if local.is_file() and yaml_edit.has_value(local.read_text(encoding="utf-8-sig"), key, LOCAL_FILE):
        return local
    return root / FILE


def mentions(codes: Path, step: Step) -> tuple[Mention, ...]:
    """Find the lines of the copy that still name the original, such as imports and paths."""
    old = PurePosixPath(step.source).name.removesuffix(".py")
    pattern = re.compile(rf"(?<![A-Za-z0-9_]){re.escape(old)}(?![A-Za-z0-9_])")
    target = codes / step.target
    files = (
        [target]
        if target.is_file()
        else sorted(path for path in target.rglob("*") if path.is_file() and not path.is_symlink())
    )
    found = []
    for path in files:
        content = path.read_bytes() if path.stat().st_size <= _LARGEST_TEXT else b""
        if b"\0" in content:
            continue
        for number, line in enumerate(content.decode("utf-8", "replace").splitlines(), start=1):
            if pattern.search(line):
                found.append(Mention(path.relative_to(codes).as_posix(), number, line.strip()))
    return tuple(found)


def _source(codes: Path, entry: Sequence[str], named: str) -> str:
    if not named:
        own = _of_entry(codes, entry)
        if own is None:
            raise WorkflowError(
                f"The entry point {' '.join(entry) or '(none)'} names no file or folder of {CODES}/: choose one with --from, such as --from exp001."
            )
        return own
    inside = PurePosixPath(named.replace("\\", "/").removeprefix("./").rstrip("/"))
    if inside.parts[:1] == (CODES,) and not (codes / inside).exists():
        inside = PurePosixPath(*inside.parts[1:])
    if inside.is_absolute() or ".." in inside.parts or not inside.parts:
        raise WorkflowError(
            f"--from {named} is outside {CODES}/: name a file or folder in it, such as exp001."
        )
    for form in (str(inside), f"{inside}.py"):
        if (codes / form).exists():
            return form
    there = sorted(
        path.name
        for path in codes.iterdir()
        if _NUMBERED.match(path.name) and (path.is_dir() or path.suffix == ".py")
    )
    known = f"there are {', '.join(there[-8:])}" if there else "there is no numbered experiment"
    raise WorkflowError(f"--from {named} not found in {CODES}/; {known}.")


def _of_entry(codes: Path, entry: Sequence[str]) -> str | None:
    """The file or the top folder that an entry point runs: `exp001.py`, `exp001` for `exp001/run.py` and for `-m exp001.run`."""
    if entry_points.is_module(entry):
        top, *inner = entry[1].split(".")
        if (codes / top).is_dir():
            return top
        return f"{top}.py" if not inner and (codes / f"{top}.py").is_file() else None
    for word in entry:
        path = PurePosixPath(word.removeprefix("./"))
        if (
            word
            and not path.is_absolute()
            and ".." not in path.parts
            and path.parts
            and (codes / path).exists()
        ):
            numbered = (
                len(path.parts) > 1
                and _NUMBERED.match(path.parts[0]) is None
                and _NUMBERED.match(path.stem) is not None
            )
            return str(path) if len(path.parts) == 1 or numbered else path.parts[0]
    return None


def _target(codes: Path, source: str, name: str) -> str:
    path = PurePosixPath(source)
    suffix = path.suffix if (codes / path).is_file() else ""
    stem = path.name.removesuffix(suffix)
    if name:
        stem = name.removesuffix(suffix) if suffix else name.rstrip("/")
        if not _NAME.fullmatch(stem):
            raise WorkflowError(
                f"--name {name} can't be a file or folder of {CODES}/: use letters, digits, hyphens and underscores."
            )
    else:
        stem = next_name(codes / path.parent, stem)
    target = path.with_name(stem + suffix)
    return str(target)


def next_name(folder: Path, stem: str) -> str:
    """The name with the next free number: one more than the highest beside it."""
    match = _NUMBERED.fullmatch(stem)
    if match is None:
        raise WorkflowError(f"{stem} has no number to increase: choose a --name for the new experiment.")
    others = [_NUMBERED.match(path.name) for path in folder.iterdir()]
    taken = [int(other["number"]) for other in others if other is not None and other["head"] == match["head"]]
    number = str(max([int(match["number"]), *taken]) + 1).zfill(len(match["number"]))
    return f"{match['head']}{number}{match['tail']}"


def _renamed(codes: Path, entry: tuple[str, ...], old: str, new: str) -> tuple[str, ...]:
    """The entry point with the new experiment in place of the one it names; other words stay."""
    current = _of_entry(codes, entry)
    words = _replaced(entry, old, new)
    if words is None and current is not None and (codes / current).is_file() == (codes / old).is_file():
        words = _replaced(entry, current, new)
    if words is None:
        words = (new,) if old.endswith(".py") and (codes / old).is_file() else _only_script(codes, old, new)
    problem = entry_points.problem(_replaced(words, new, old) or words, codes)
    if problem is not None:
        raise WorkflowError(
            f"The entry point {' '.join(words)} would find nothing to run in {old}: set workspace.entry to what runs {old}, then run `invoke new-exp` again."
        )
    return words


def _replaced(entry: tuple[str, ...], old: str, new: str) -> tuple[str, ...] | None:
    """The words with the first one that names `old`, or something in it, naming `new`; None when none does."""
    if entry_points.is_module(entry):
        old, new = (one.removesuffix(".py").replace("/", ".") for one in (old, new))
    separator = "." if entry_points.is_module(entry) else "/"
    for index, word in enumerate(entry):
        bare = word.removeprefix("./")
        if bare == old or bare.startswith(old + separator):
            return (
                *entry[:index],
                word[: len(word) - len(bare)] + new + bare[len(old) :],
                *entry[index + 1 :],
            )
    return None


def _only_script(codes: Path, old: str, new: str) -> tuple[str, ...]:
    scripts = sorted(path.name for path in (codes / old).glob("*.py") if path.name != "__init__.py")
    if len(scripts) != 1:
        raise WorkflowError(
            f"{CODES}/{old} has {len(scripts)} scripts, and the entry point names none of them: set workspace.entry to one of them, then run `invoke new-exp` again."
        )
    return (f"{new}/{scripts[0]}",)
