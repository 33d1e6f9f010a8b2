"""What a page asks its reader to do: console blocks, and invisible marks for what the text says in words.

    <!-- run: COMMAND -->     run it: it stands for something that the reader does by hand
    <!-- article: PATH -->   put the folder of the 2024 article here
    <!-- user: NAME -->       from here on, the credentials are this user's
    <!-- file: PATH -->       the next block is the content of this file
    <!-- append: PATH -->     the next block is added to this file
    <!-- merge: PATH -->      the next block, YAML or JSON, is merged into this file
    <!-- exit: CODE -->       the commands of the next block exit with this code, not 0

A line `…` in an output stands for any lines, and `…` at the end of a line for its rest. Blocks of other languages without a mark are only read.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_TOKEN = re.compile(
    r"^[ ]*<!-- (?P<verb>run|user|article|file|append|merge|exit): (?P<argument>.*?) -->$"
    r"|^(?P<indent>[ ]*)```(?P<language>\w*)\n(?P<body>.*?)^(?P=indent)```$",
    re.MULTILINE | re.DOTALL,
)
_ON_NEXT = frozenset(("file", "append", "merge", "exit"))
ANY = "…"


@dataclass(frozen=True)
class Command:
    """A command line of a console block.

    Attributes:
        line: what follows the `$`.
        output: the lines below it, empty when the page shows none.
        code: exit code that it has to end with.
    """

    line: str
    output: tuple[str, ...]
    code: int = 0


@dataclass(frozen=True)
class Step:
    """One thing to do.

    Attributes:
        verb: `console`, `run`, `user`, `article`, `file`, `append` or `merge`.
        argument: command, user or path; empty for a console block.
        text: content of the block, without indentation.
        commands: those of a console block.
        start: where the block's content begins in the page, and `end` where it ends; 0 for marks.
        indent: indentation of the block in the page.
    """

    verb: str
    argument: str = ""
    text: str = ""
    commands: tuple[Command, ...] = ()
    start: int = 0
    end: int = 0
    indent: str = ""


def steps(page: str) -> list[Step]:
    """The steps of a page, from top to bottom."""
    found: list[Step] = []
    mark = ("", "")
    for token in _TOKEN.finditer(page):
        if verb := token["verb"]:
            if verb in _ON_NEXT:
                mark = (verb, token["argument"])
            else:
                found.append(Step(verb, token["argument"]))
            continue
        indent = token["indent"]
        text = "".join(line.removeprefix(indent) for line in token["body"].splitlines(keepends=True))
        start, end = token.span("body")
        if token["language"] == "console":
            code = int(mark[1]) if mark[0] == "exit" else 0
            found.append(Step("console", "", text, commands(text, code), start, end, indent))
        elif mark[0] in {"file", "append", "merge"}:
            found.append(Step(*mark, text, (), start, end, indent))
        mark = ("", "")
    return found


def commands(text: str, code: int = 0) -> tuple[Command, ...]:
    """The command lines of a console block, each with the output that the block shows."""
    found: list[tuple[str, list[str]]] = []
    for line in text.splitlines():
        if line.startswith("$ "):
            found.append((line[2:], []))
        elif found[-1][0].endswith("\\") and not found[-1][1]:
            found[-1] = (f"{found[-1][0]}\n{line}", [])
        else:
            found[-1][1].append(line)
    return tuple(Command(line, tuple(output), code) for line, output in found)


def steady(text: str) -> str:
    """The text without what differs between two runs: times, durations, sizes, versions, fingerprints and Kaggle's numbers."""
    text = re.sub(r"\d{4}-\d\d-\d\d \d\d:\d\d(:\d\d(\.\d+)?)?", "then", text)
    text = re.sub(r"\b[0-9a-f]{12,40}\b", "F", text)
    text = re.sub(r"\d+(\.\d+)+( [kMG]?B\b)?|\d+ [kMG]?B\b|\d+ s\b", "N", text)
    text = re.sub(r"\b(\d+[hms])+\b|\b\d{4}\b", "N", text).replace(" ± N", "")
    return re.sub(r"[ \t]+", " ", text).strip()


def _lines(output: list[str]) -> list[str]:
    """The steady lines of an output; how often a wait reports its state depends on the machine."""
    made = [steady(line) for line in output]
    return [line for line in made if not re.search(r"^\w+ after N[.:]|pending N of N after", line)]


def fits(shown: tuple[str, ...], real: str) -> bool:
    """Whether a command's output is what the page shows."""
    parts: list[list[str]] = [[]]
    for line in shown:
        if line.strip() == ANY:
            parts.append([])
        else:
            parts[-1].append(line)
    rest = _lines(real.splitlines())
    first, *others = [_lines(part) for part in parts]
    if not others:
        return _same(first, rest)
    *middle, last = others
    end = len(rest) - len(last)
    if len(first) > end or not _same(first, rest[: len(first)]) or not _same(last, rest[end:]):
        return False
    at = len(first)
    for part in middle:
        found = (n for n in range(at, end - len(part) + 1) if _same(part, rest[n : n + len(part)]))
        at = next(found, end) + len(part)
        if at > end:
            return False
    return True


def _same(shown: list[str], real: list[str]) -> bool:
    """Whether lines are the same; a shown line may end with `…` in place of its rest."""
    return len(shown) == len(real) and all(
        one == other or (one.endswith(ANY) and other.startswith(one.removesuffix(ANY)))
        for one, other in zip(shown, real, strict=True)
    )
