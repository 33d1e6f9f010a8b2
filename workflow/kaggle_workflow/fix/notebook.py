"""Repairs of notebooks that were written by hand: their shell commands become the shim's call, the entry point and the requirements."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass

from kaggle_shim import entry
from kaggle_workflow.edit import notebook_edit, yaml_edit
from kaggle_workflow.errors import WorkflowError
from kaggle_workflow.fix import shell_cells
from kaggle_workflow.fix.drafts import Draft
from kaggle_workflow.fix.metadata import code_file
from kaggle_workflow.fix.shell_cells import Command, Pip
from kaggle_workflow.metadata import DATASET_FILE
from kaggle_workflow.settings import FILE as SETTINGS
from kaggle_workflow.stage import requirements
from kaggle_workflow.workspace import CODES, DEPS, SUB

_CALL = "import kaggle_shim\n\nkaggle_shim.{}()"
_LAUNCHERS = ("bash", "sh", "make", "accelerate", "torchrun", "deepspeed")
_OPAQUE = re.compile(r"[${}]")
_SHOWN = 60


@dataclass(frozen=True)
class Start:
    """A command that starts code of the code dataset: the entry point it stands for, or why it can't become one."""

    words: tuple[str, ...]
    problem: str


@dataclass(frozen=True)
class Place:
    """A command in its cell (from 0), with what it installs and what it starts; both empty: not ours to touch."""

    cell: int
    command: Command
    pips: tuple[Pip, ...]
    starts: tuple[Start, ...]


def apply(draft: Draft, notebooks: tuple[str, ...], entry_now: tuple[str, ...]) -> None:
    """Repair `deps` and `sub`; what only a person can decide is noted.

    Args:
        draft: takes the edits.
        notebooks: folders that hold a notebook.
        entry_now: the entry point that the settings name.
    """
    for name in (DEPS, SUB):
        path = f"{name}/{code_file(draft, name)}" if name in notebooks and code_file(draft, name) else ""
        text = draft.text(path) if path else None
        if text is None:
            continue
        try:
            cells = notebook_edit.cells(text)
        except WorkflowError:
            # `check` says what is wrong with the file.
            continue
        if any(cell.kind == "code" and "kaggle_shim" in cell.source for cell in cells):
            continue
        codes = str((draft.json(f"{CODES}/{DATASET_FILE}") or {}).get("id") or "").rpartition("/")[2]
        places = tuple(
            place
            for number, cell in enumerate(cells)
            if cell.kind == "code"
            for place in _places(number, cell.source, codes)
        )
        if name == DEPS:
            _collecting(draft, path, text, cells, places)
        else:
            _running(draft, path, text, cells, places, entry_now)


def _places(number: int, source: str, codes: str) -> list[Place]:
    found = []
    for command in shell_cells.commands(source):
        pips: list[Pip] = []
        starts: list[Start] = []
        ours = bool(command.programs)
        for words in command.programs or ():
            as_pip, start = shell_cells.pip(words), _start(words, codes)
            if as_pip is not None:
                pips.append(as_pip)
            elif start is not None:
                starts.append(start)
            elif words[:1] not in (("cd",), ("set",)):
                ours = False
        if ours:
            found.append(Place(number, command, tuple(pips), tuple(starts)))
    if shell_cells.is_shell_cell(source):
        # What stays of such a cell would no longer be read as shell commands: all of it is ours, or none.
        whole = len(found) == len(shell_cells.commands(source)) and any(
            place.pips or place.starts for place in found
        )
        return found if whole else []
    return [place for place in found if place.pips or place.starts]


def _start(words: tuple[str, ...], codes: str) -> Start | None:
    """What a program starts of the code dataset, None when it starts nothing of it."""
    program = shell_cells.program(words)
    if not codes or not program.words:
        return None
    first, *rest = program.words
    if shell_cells.is_python(first):
        while rest[:1] and rest[0] in ("-u", "-B"):
            rest = rest[1:]
        if rest[:1] == ["-m"]:
            words = tuple(rest)
        elif rest and (script := _inside(rest[0], codes)) is not None:
            words = (script, *rest[1:])
        else:
            return None
    elif first in _LAUNCHERS and any(_inside(word, codes) is not None for word in rest):
        words = (first, *(_inside(word, codes) or word for word in rest))
    else:
        return None
    return Start(words, _obstacle(program.variables, words, codes))


def _inside(word: str, codes: str) -> str | None:
    """A path inside the code dataset, relative to it, in whichever way Kaggle mounts it; None when it lies elsewhere."""
    match = re.match(rf"/kaggle/input/(?:datasets/[^/]+/|d/[^/]+/)?{re.escape(codes)}/(?P<path>.+)", word)
    return match["path"] if match else None


def _obstacle(variables: tuple[tuple[str, str], ...], words: tuple[str, ...], codes: str) -> str:
    """Why a command can't become an entry point by itself, "" when it can."""
    for name, value in variables:
        if name == "PYTHONPATH" and all(
            not part or part.startswith("$") or _inside(f"{part.rstrip('/')}/.", codes) == "."
            for part in value.split(":")
        ):
            continue
        return f"it sets {name}: write `environment:` with `{name}: {value}` below it under workspace in {SETTINGS}, and take it out of the cell"
    opaque = next((word for word in words if _OPAQUE.search(word)), None)
    return f"{opaque} is known only while the notebook runs: write its value" if opaque else ""


def _collecting(
    draft: Draft, path: str, text: str, cells: tuple[notebook_edit.Cell, ...], places: tuple[Place, ...]
) -> None:
    naming = [place for place in places if any(pip.packages for pip in place.pips)]
    files = [file for place in places for pip in place.pips for file in pip.files]
    if not naming or files:
        what = (
            f"it reads packages from {files[0]}: copy its lines to {DEPS}/{requirements.MAIN}"
            if files
            else f"no cell names packages for pip: write them into {DEPS}/{requirements.MAIN}"
        )
        draft.note("own-cells", path, f"{what}, and make `{_one_line('collect')}` its one code cell.")
        return
    _require(draft, path, [pip for place in places for pip in place.pips])
    _rewrite(draft, path, text, cells, places, naming[-1], "collect")


def _running(
    draft: Draft,
    path: str,
    text: str,
    cells: tuple[notebook_edit.Cell, ...],
    places: tuple[Place, ...],
    entry_now: tuple[str, ...],
) -> None:
    starting = [place for place in places if place.starts]
    if not starting:
        draft.note(
            "own-cells",
            path,
            f"its own cells do the work: move their code into {CODES}/, such as {CODES}/exp001.py, name that in workspace.entry, and make `{_one_line('run')}` its one code cell.",
        )
        return
    starts = [start for place in starting for start in place.starts]
    if len(starts) > 1:
        told = " and ".join(shlex.join(start.words) for start in starts)
        draft.note(
            "own-cells",
            path,
            f"it starts {told}, and there is one entry point: start both from one script in {CODES}/, and name that in workspace.entry.",
        )
        return
    words = starts[0].words
    problem = starts[0].problem or entry.problem(words, draft.root / CODES)
    if problem:
        draft.note(
            "own-cells",
            path,
            f"the command {_shown(starting[0].command)} can't become the entry point, {problem.rstrip('.')}; then run invoke check --fix again.",
        )
        return
    if words != entry_now:
        settings = draft.text(SETTINGS) or ""
        draft.edit(
            "entry-point",
            SETTINGS,
            yaml_edit.set_words(settings, "entry", words, SETTINGS),
            f"{path} starts {shlex.join(words)}: that is the entry point.",
        )
    _require(draft, path, [pip for place in places for pip in place.pips])
    _rewrite(draft, path, text, cells, places, starting[0], "run")


def _one_line(function: str) -> str:
    return f"import kaggle_shim; kaggle_shim.{function}()"


def _shown(command: Command) -> str:
    text = " ".join(command.text.replace("\\\n", " ").split())
    return f"`{text if len(text) <= _SHOWN else text[: _SHOWN - 1] + '…'}`"


def _rewrite(
    draft: Draft,
    path: str,
    text: str,
    cells: tuple[notebook_edit.Cell, ...],
    places: tuple[Place, ...],
    chosen: Place,
    function: str,
) -> None:
    """Put the shim's call where the chosen command stands, and take the other commands out; a cell that is left empty goes."""
    new: dict[int, str | None] = {}
    for number in sorted({place.cell for place in places}):
        new[number] = _without(
            cells[number].source, [place for place in places if place.cell == number], chosen, function
        )
    told = ", ".join(_shown(place.command) for place in places if place.pips or place.starts)
    draft.edit(
        "old-cells", path, notebook_edit.replace(text, new), f"{told}: kaggle_shim.{function}() does that."
    )


def _without(source: str, places: list[Place], chosen: Place, function: str) -> str | None:
    lines: list[str | None] = list(source.split("\n"))
    for place in places:
        for number in range(place.command.first, place.command.last + 1):
            lines[number] = None
        if place is chosen:
            lines[place.command.first] = _CALL.format(function)
    kept = [line for line in lines if line is not None]
    if shell_cells.is_shell_cell(source):
        kept = kept[1:]
    text = "\n".join(kept).strip("\n")
    return text or None


def _require(draft: Draft, path: str, pips: list[Pip]) -> None:
    """Add what the cells ask pip for to the requirements, unless it is there."""
    file = f"{DEPS}/{requirements.MAIN}"
    text = draft.text(file) or ""
    end = "\r\n" if "\r\n" in text else "\n"
    there = {_name(line) for line in text.splitlines()}
    wanted = [line for pip in pips for line in (*pip.indexes, *pip.packages) if not _OPAQUE.search(line)]
    new = [line for line in dict.fromkeys(wanted) if _name(line) not in there]
    if new:
        lead = text if not text or text.endswith("\n") else text + end
        draft.edit(
            "requirements",
            file,
            lead + "".join(line + end for line in new),
            f"{path} asks pip for {', '.join(new)}.",
        )


def _name(line: str) -> str:
    """What a requirement line asks for: the package's normalised name, else the line itself."""
    from packaging.requirements import InvalidRequirement, Requirement
    from packaging.utils import canonicalize_name

    bare = re.sub(r"(^|\s)#.*", "", line).strip()
    try:
        return canonicalize_name(Requirement(bare).name)
    except InvalidRequirement:
        return bare
