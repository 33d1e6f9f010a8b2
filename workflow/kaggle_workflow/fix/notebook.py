"""Repairs of notebooks that were written by hand: their shell commands become the shim's call, the entry point and the requirements."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass
from pathlib import Path

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
from kaggle_workflow.stage.requirement_lines import Line, lines_of
from kaggle_workflow.workspace import CODES, DEPS, SUB

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


@dataclass(frozen=True)
class Notebook:
    """A notebook file: its path in the workspace, its text, its cells, and the commands that the shim can replace."""

    path: str
    text: str
    cells: tuple[notebook_edit.Cell, ...]
    places: tuple[Place, ...]


def fix_notebooks(draft: Draft, notebooks: tuple[str, ...], entry_now: tuple[str, ...]) -> None:
    """Repair `deps` and `sub`; what only the user can decide is noted.

    Args:
        draft: takes the edits.
        notebooks: folders with a notebook.
        entry_now: the entry point that the settings name.
    """
    codes = str(draft.json(f"{CODES}/{DATASET_FILE}").get("id") or "").rpartition("/")[2]
    for name in (DEPS, SUB):
        file = code_file(draft, name) if name in notebooks else ""
        text = draft.text(f"{name}/{file}") if file else None
        if text is None:
            continue
        try:
            cells = notebook_edit.cells(text)
        except WorkflowError:
            # `check` says what is wrong with the file.
            continue
        code = [(number, cell.source) for number, cell in enumerate(cells) if cell.kind == "code"]
        if any("kaggle_shim" in source for _, source in code):
            continue
        places = tuple(place for number, source in code for place in _places(number, source, codes))
        notebook = Notebook(f"{name}/{file}", text, cells, places)
        if name == DEPS:
            _collecting(draft, notebook)
        else:
            _running(draft, notebook, entry_now)


def _places(number: int, source: str, codes: str) -> list[Place]:
    found = []
    commands = shell_cells.commands(source)
    for command in commands:
        pips: list[Pip] = []
        starts: list[Start] = []
        ours = bool(command.programs)
        for words in command.programs or ():
            if (as_pip := shell_cells.pip(words)) is not None:
                pips.append(as_pip)
            elif (start := _start(words, codes)) is not None:
                starts.append(start)
            elif words[:1] not in (("cd",), ("set",)):
                ours = False
        if ours:
            found.append(Place(number, command, tuple(pips), tuple(starts)))
    telling = [place for place in found if place.pips or place.starts]
    if shell_cells.is_shell_cell(source):
        # What stays of such a cell would no longer be read as shell commands: all of it is ours, or none.
        return found if telling and len(found) == len(commands) else []
    return telling


def _start(words: tuple[str, ...], codes: str) -> Start | None:
    """What a program starts of the code dataset, None when it starts none of it."""
    program = shell_cells.program(words)
    if not codes or not program.words:
        return None
    first, *rest = program.words
    if shell_cells.is_python(first):
        while rest[:1] and rest[0] in ("-u", "-B"):
            rest = rest[1:]
        script = _inside(rest[0], codes) if rest else None
        if rest[:1] != ["-m"] and script is None:
            return None
        words = tuple(rest) if script is None else (script, *rest[1:])
    elif first in _LAUNCHERS and any(_inside(word, codes) is not None for word in rest):
        words = (first, *(_inside(word, codes) or word for word in rest))
    else:
        return None
    return Start(words, _obstacle(program.variables, words, codes))


def _inside(word: str, codes: str) -> str | None:
    """A path inside the code dataset, relative to it, in whichever way Kaggle mounts it; None when it is elsewhere."""
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
        return f"it sets {name}. Write `environment:` with `{name}: {value}` below it under workspace in {SETTINGS}, and remove it from the cell"
    opaque = next((word for word in words if _OPAQUE.search(word)), None)
    return f"{opaque} is known only while the notebook runs. Write its value" if opaque else ""


def _collecting(draft: Draft, notebook: Notebook) -> None:
    pips = [pip for place in notebook.places for pip in place.pips]
    naming = [place for place in notebook.places if any(pip.packages for pip in place.pips)]
    files = [file for pip in pips for file in pip.files]
    if naming and not files:
        _require(draft, notebook.path, pips)
        _rewrite(draft, notebook, naming[-1], "collect")
        return
    file = f"{DEPS}/{requirements.MAIN}"
    what = (
        f"it reads packages from {files[0]}. Copy its lines to {file}"
        if files
        else f"no cell names packages for pip. Write them into {file}"
    )
    draft.note("own-cells", notebook.path, f"{what}, and make `{_one_line('collect')}` its only code cell.")


def _running(draft: Draft, notebook: Notebook, entry_now: tuple[str, ...]) -> None:
    starting = [place for place in notebook.places if place.starts]
    starts = [start for place in starting for start in place.starts]
    problem = starts[0].problem or entry.problem(starts[0].words, draft.root / CODES) if starts else None
    sentence = ""
    if not starts:
        sentence = f"its own cells do the work. Move their code into {CODES}/, for example {CODES}/exp001.py, name that in workspace.entry, and make `{_one_line('run')}` its only code cell."
    elif len(starts) > 1:
        told = " and ".join(shlex.join(start.words) for start in starts)
        sentence = f"it starts {told}, but there is one entry point. Start both from one script in {CODES}/, and name that in workspace.entry."
    elif problem:
        sentence = f"the command {_shown(starting[0].command)} can't become the entry point: {problem.rstrip('.')}. Then run `invoke check --fix` again."
    if sentence:
        draft.note("own-cells", notebook.path, sentence)
        return
    words = starts[0].words
    if words != entry_now:
        text = yaml_edit.set_words(draft.text(SETTINGS) or "", "entry", words, SETTINGS)
        sentence = f"{notebook.path} starts {shlex.join(words)}: that is the entry point."
        draft.edit("entry-point", SETTINGS, text, sentence)
    _require(draft, notebook.path, [pip for place in notebook.places for pip in place.pips])
    _rewrite(draft, notebook, starting[0], "run")


def _one_line(function: str) -> str:
    return f"import kaggle_shim; kaggle_shim.{function}()"


def _shown(command: Command) -> str:
    text = " ".join(command.text.replace("\\\n", " ").split())
    return f"`{text if len(text) <= _SHOWN else text[: _SHOWN - 1] + '…'}`"


def _rewrite(draft: Draft, notebook: Notebook, chosen: Place, function: str) -> None:
    """Put the shim's call where the chosen command is, and remove the other commands; a cell that is left empty goes."""
    new: dict[int, str | None] = {}
    for number in {place.cell for place in notebook.places}:
        source = notebook.cells[number].source
        lines: list[str | None] = list(source.split("\n"))
        for place in notebook.places:
            if place.cell == number:
                removed: list[str | None] = [None] * (place.command.last - place.command.first + 1)
                lines[place.command.first : place.command.last + 1] = removed
        if chosen.cell == number:
            lines[chosen.command.first] = f"import kaggle_shim\n\nkaggle_shim.{function}()"
        kept = [line for line in lines if line is not None]
        new[number] = "\n".join(kept[1:] if shell_cells.is_shell_cell(source) else kept).strip("\n") or None
    told = ", ".join(_shown(place.command) for place in notebook.places if place.pips or place.starts)
    sentence = f"kaggle_shim.{function}() does what these commands do: {told}."
    draft.edit("old-cells", notebook.path, notebook_edit.replace(notebook.text, new), sentence)


def _require(draft: Draft, path: str, pips: list[Pip]) -> None:
    """Add what the cells ask pip for to the requirements, unless it is there."""
    file = f"{DEPS}/{requirements.MAIN}"
    text = draft.text(file) or ""
    end = "\r\n" if "\r\n" in text else "\n"
    there = {line.name or line.text for line in lines_of(Path(file), text)}
    wanted = [line for pip in pips for line in (*pip.indexes, *pip.packages) if not _OPAQUE.search(line)]
    new = [line for line in dict.fromkeys(wanted) if (Line(Path(), 0, line).name or line) not in there]
    if new:
        lead = text if not text or text.endswith("\n") else text + end
        sentence = f"{path} installs {', '.join(new)}."
        draft.edit("requirements", file, lead + "".join(line + end for line in new), sentence)
