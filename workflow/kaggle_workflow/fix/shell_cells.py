"""Shell commands in the cells of a notebook, as people write them: found, split and understood, or left alone."""

from __future__ import annotations

import itertools
import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass

_BASH = ("%%bash", "%%sh", "%%script bash", "%%script sh")
_ASSIGNMENT = re.compile(r"[A-Za-z_][A-Za-z0-9_]*=")
_PYTHON = re.compile(r"(?:\S*/)?python(?:3(?:\.\d+)?)?\Z")
_BACKGROUND = ("&",)
_REDIRECTS = (">", ">>", "<", "&>", ">&", ">|")
_LISTS = ("-r", "--requirement", "-c", "--constraint")
# pip's other options that take the next word as their value.
_WITH_VALUE = frozenset(
    (
        "-d", "--dest", "-w", "--wheel-dir", "-t", "--target", "-f", "--find-links", "--root-user-action", "--python-version",
        "--platform", "--implementation", "--abi", "--only-binary", "--no-binary", "--prefix", "--root", "--progress-bar",
        "--timeout", "--retries", "--log", "--cache-dir", "--trusted-host", "--python",
    )
)  # fmt: skip
_INDEXES = {"-i": "--index-url", "--index-url": "--index-url", "--extra-index-url": "--extra-index-url"}


@dataclass(frozen=True)
class Command:
    """A shell command of a cell: its first and last line (from 0, both part of it), as written, and the programs it starts.

    `programs` is None for a command that can't be understood without running it (variables, loops).
    """

    first: int
    last: int
    text: str
    programs: tuple[tuple[str, ...], ...] | None


@dataclass(frozen=True)
class Pip:
    """A pip command that installs, downloads or builds: its packages, its indexes, and files it reads packages from."""

    packages: tuple[str, ...]
    indexes: tuple[str, ...]
    files: tuple[str, ...]


@dataclass(frozen=True)
class Program:
    """Anything else: variables set before it, and its words."""

    variables: tuple[tuple[str, str], ...]
    words: tuple[str, ...]


def commands(source: str) -> tuple[Command, ...]:
    """The shell commands of a code cell, `!` lines, `%pip` lines and the lines below `%%bash`; those inside Python blocks are not understood."""
    lines = source.split("\n")
    shell = is_shell_cell(source)
    found = []
    number = 1 if shell else 0
    while number < len(lines):
        first, line = number, lines[number]
        while lines[number].rstrip().endswith("\\") and number + 1 < len(lines):
            number += 1
        bare = line.strip()
        if (shell and bare and not bare.startswith("#")) or bare.startswith(("!", "%pip ")):
            text = "\n".join(lines[first : number + 1])
            indented = line[:1].isspace() and not shell
            found.append(Command(first, number, text.strip(), None if indented else _programs(text)))
        number += 1
    return tuple(found)


def is_shell_cell(source: str) -> bool:
    """Whether a whole cell is a shell script."""
    return source.partition("\n")[0].strip() in _BASH


def pip(words: tuple[str, ...]) -> Pip | None:
    """The words of a program as a pip command, None for another program or another command of pip."""
    rest = iter(_after_pip(words))
    verb = next((word for word in rest if not word.startswith("-")), None)
    if verb not in ("install", "download", "wheel"):
        return None
    packages, indexes, files = [], [], []
    for word in rest:
        option, equals, value = word.partition("=") if word.startswith("--") else (word, "", "")
        if not equals and (option in _WITH_VALUE or option in _INDEXES or option in _LISTS):
            value = next(rest, "")
        if option in _INDEXES:
            indexes.append(f"{_INDEXES[option]} {value}")
        elif option in _LISTS:
            files.append(value)
        elif not word.startswith(("-", "/", "./", "../", "~")) and not word.endswith(".whl") and word != ".":
            packages.append(word)
    return Pip(tuple(packages), tuple(indexes), tuple(files))


def program(words: tuple[str, ...]) -> Program:
    """The words of a program, its variables apart."""
    rest = tuple(itertools.dropwhile(_ASSIGNMENT.match, words))
    variables = (word.partition("=") for word in words[: len(words) - len(rest)])
    return Program(tuple((name, value) for name, _, value in variables), rest)


def is_python(word: str) -> bool:
    """Whether a word starts a Python interpreter."""
    return bool(_PYTHON.match(word))


def _after_pip(words: tuple[str, ...]) -> tuple[str, ...]:
    words = program(words).words
    if words[:1] and words[0] in ("pip", "pip3", "%pip"):
        return words[1:]
    if words[:2] == ("uv", "pip"):
        return words[2:]
    return words[3:] if words and is_python(words[0]) and words[1:3] == ("-m", "pip") else ()


def _programs(text: str) -> tuple[tuple[str, ...], ...] | None:
    joined = re.sub(r"\\\s*\n", " ", text).strip().removeprefix("!")
    if "\n" in joined:
        return None
    lexer = shlex.shlex(joined, posix=True, punctuation_chars=True)
    lexer.whitespace_split = True
    lexer.commenters = ""
    try:
        return tuple(_split(list(lexer)))
    except ValueError:
        return None


def _split(tokens: list[str]) -> Iterator[tuple[str, ...]]:
    """Programs between `&&` and `;`; what a pipe or a redirection does with their output is left out."""
    words: list[str] = []
    skip, piped = False, False
    for token, following in itertools.zip_longest(tokens, tokens[1:], fillvalue=""):
        if token in ("&&", ";"):
            yield tuple(words)
            words, skip, piped = [], False, False
        elif token.startswith("|"):
            piped = True
        elif token in (">", "<") and following.startswith("=") and words:
            # `pip install omegaconf>=2.3` without quotes: a redirection for the shell, never what is meant.
            words[-1] += token + following
            skip = True
        elif token in _REDIRECTS:
            if words and words[-1] in ("1", "2"):
                words.pop()
            skip = True
        elif skip or piped or token in _BACKGROUND:
            skip = False
        elif token.startswith("#"):
            break
        else:
            words.append(token)
    if words:
        yield tuple(words)
