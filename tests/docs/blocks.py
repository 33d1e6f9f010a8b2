"""Marked blocks of our pages: command help, trees and terminal output, made from the real thing.

    <!-- docs: help rehearse -->
    (filled by `python3 dev.py blocks`)
    <!-- /docs -->

Kinds: `help NAME`, `commands`, `options`, `settings`, `refusals`, `tree [ANSWER=VALUE …]`, and `console COMMAND`, which runs a command line
in a new workspace that holds the worked example (`again COMMAND` shows its second run); the blocks of one page run in the same
one, from top to bottom.
"""

from __future__ import annotations

import inspect
import os
import re
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import Any

from tests import commands, workspaces

ROOT = Path(__file__).resolve().parents[2]
PAGES = (
    "README.md",
    "CONTRIBUTING.md",
    *(page.relative_to(ROOT).as_posix() for page in sorted((ROOT / "docs").rglob("*.md"))),
)
_BLOCK = re.compile(
    r"(<!-- docs: (?P<kind>\w+)(?P<words>[^\n]*?) -->\n)(?P<body>.*?)(<!-- /docs -->)", re.DOTALL
)
_WIDTH = "100"


class Source:
    """Where the content of blocks comes from; workspaces are made when the first block asks for one."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._made = 0

    @cached_property
    def template(self) -> Path:
        """A tagged clone of the working tree."""
        return workspaces.clone_template(self._folder / "template", tag="v0.1.0")

    @cached_property
    def example(self) -> Path:
        """The workspace in which `console` blocks run."""
        return self.workspace(example="cmi-sleep", prefix="cmi-sleep")

    def workspace(self, **answers: str) -> Path:
        """A new workspace with these answers."""
        self._made += 1
        target = self._folder / f"made{self._made}" / "my-competition"
        target.parent.mkdir()
        return workspaces.make(self.template, target, **answers)

    def block(self, kind: str, words: str) -> str:
        """The content of one block, without its last line end.

        Raises:
            ValueError: the kind is not known.
        """
        makers: dict[str, Callable[[list[str]], str]] = {
            "help": self._help, "commands": _commands, "options": _options, "settings": _settings,
            "refusals": _refusals, "tree": self._tree, "console": self._console, "again": self._again,
        }  # fmt: skip
        if kind not in makers:
            raise ValueError(f"a block is one of {', '.join(makers)}, not {kind}")
        return makers[kind](shlex.split(words))

    def _help(self, words: list[str]) -> str:
        return _fenced("text", self._run(["invoke", "--help", *words], self.example))

    def _tree(self, words: list[str]) -> str:
        root = self.workspace(**dict(word.split("=", 1) for word in words))
        return _fenced("text", tree(root))

    def _console(self, words: list[str]) -> str:
        return _fenced("console", f"$ {shlex.join(words)}\n{self._run(words, self.example)}")

    def _again(self, words: list[str]) -> str:
        """The second run: the first one collects wheels, and says where this machine has its packages from."""
        self._run(words, self.example)
        return self._console(words)

    def _run(self, words: list[str], folder: Path) -> str:
        plain = words[2:] if words[:2] == ["uv", "run"] else words
        command = [sys.executable, "-m", *plain] if plain[0] == "invoke" else plain
        kept = {
            name: value for name, value in os.environ.items() if not name.startswith(("INVOKE_", "KAGGLE_"))
        }
        done = subprocess.run(
            command,
            cwd=folder,
            env={**kept, "COLUMNS": _WIDTH, "PYTHONDONTWRITEBYTECODE": "1"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            check=False,
        )
        said = done.stdout.replace(str(folder), ".").rstrip()
        return "\n".join(line.rstrip() for line in said.splitlines())


def fill(text: str, source: Source) -> str:
    """The page with every block made anew."""
    return _BLOCK.sub(lambda one: f"{one[1]}{source.block(one['kind'], one['words'])}\n{one[5]}", text)


def same(one: str, other: str) -> bool:
    """Whether two pages say the same; how long something took, how large it was, and on which Python, may differ."""
    return _steady(one) == _steady(other)


def tree(root: Path) -> str:
    """Files and folders as a tree."""
    lines = [f"{root.name}/"]

    def show(folder: Path, before: str) -> None:
        entries = sorted(folder.iterdir(), key=lambda one: (one.is_file(), one.name))
        for number, one in enumerate(entries, start=1):
            last = number == len(entries)
            name = f"{one.name}/" if one.is_dir() else one.name
            lines.append(f"{before}{'└── ' if last else '├── '}{name}")
            if one.is_dir():
                show(one, before + ("    " if last else "│   "))

    show(root, "")
    return "\n".join(lines)


def _commands(_: list[str]) -> str:
    found = commands.collection()
    rows = [f"| `{found.transform(name)}` | {_summary(task)} |" for name, task in sorted(found.tasks.items())]
    return "\n".join(["| command | what it does |", "|---|---|", *rows])


def _options(_: list[str]) -> str:
    from kaggle_workflow.command_list import GROUPS

    found = commands.collection()
    tasks = {found.transform(name): task for name, task in found.tasks.items()}
    examples = {one.name: one.example for group in GROUPS.values() for one in group}
    groups = {title: [one.name for one in group] for title, group in GROUPS.items()}
    groups["other"] = sorted(tasks.keys() - examples.keys())
    parts = []
    for title, names in groups.items():
        parts.append(f"## {title.capitalize()}")
        for name in names:
            parts += [f"### {name}", _summary(tasks[name])]
            parts += [f"Example: `uv run {examples.get(name, f'invoke {name}')}`"]
            rows = [_option(argument) for argument in tasks[name].get_arguments()]
            if rows:
                parts.append("\n".join(["| option | meaning |", "|---|---|", *rows]))
    return "\n\n".join(parts)


def _option(argument: Any) -> str:
    word = next(one for one in argument.names if len(one.strip("_")) > 1).strip("_").replace("_", "-")
    value = "" if argument.kind is bool else f" {word.upper()}"
    return f"| `--{word}{value}` | {argument.help or ''} |"


def _settings(_: list[str]) -> str:
    from kaggle_workflow.settings import Settings

    described = inspect.getdoc(Settings) or ""
    rows = re.findall(r"^    (\w+): (.+(?:\n        .+)*)", described.split("Attributes:")[1], re.MULTILINE)
    return "\n".join(
        [
            "| setting | meaning |",
            "|---|---|",
            *(f"| `{name}` | {' '.join(text.split())} |" for name, text in rows),
        ]
    )


def _refusals(_: list[str]) -> str:
    from kaggle_workflow.refusals import REFUSALS

    return "\n\n".join(
        f"## {one.name}\n\n{one.meaning}\n\n- Fix: {one.fix}\n- Override: `{one.override.replace(' or ', '` or `')}`"
        for one in REFUSALS
    )


def _summary(task: object) -> str:
    """The first line of a command's help."""
    return (inspect.getdoc(task) or "").splitlines()[0]


def _fenced(language: str, text: str) -> str:
    return f"```{language}\n{text}\n```"


def _steady(text: str) -> str:
    text = re.sub(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d+)?", "then", text)
    text = re.sub(r"\d+(\.\d+)+( [kMG]?B\b)?|\d+ [kMG]?B\b|\d+ s\b", "N", text)
    return re.sub(r"[ \t]+", " ", text)


def main() -> None:
    """Write every page anew."""
    for name in PAGES:
        page = ROOT / name
        if not page.is_file():
            continue
        text = page.read_text(encoding="utf-8")
        with tempfile.TemporaryDirectory() as folder:
            filled = fill(text, Source(Path(folder)))
        if not same(text, filled):
            page.write_text(filled, encoding="utf-8", newline="\n")
            sys.stdout.write(f"{name}: written\n")


if __name__ == "__main__":
    main()
