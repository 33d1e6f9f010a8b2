"""Follows pages literally, against the local Kaggle: `python -m tests.docs.follow [PAGE …]` writes the outputs that changed."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from kaggle_workflow.rehearsal import image
from tests import article, workspaces
from tests.docs import pages
from tests.docs.pages import ANY, Command, Step
from tests.local_kaggle import LocalKaggle, RunOrder
from tests.local_kaggle.runner import RunOutcome, SandboxRunner

ROOT = Path(__file__).resolve().parents[2]
FIRST = "docs/start/first-submission.md"
TEMPLATE = "<this repository>"
REPOSITORY = "<your repository>"
USER = "you"
OTHERS = ("confirm", "mate")
_HOW_TO = (
    *(
        "add-a-package",
        "push-weights",
        "train-on-kaggle",
        "run-only-inference",
        "compile-cpp",
        "two-notebooks",
    ),
    *("team", "agents-and-ci", "new-machine", "update", "when-kaggle-changes", "last-week", "read-a-score"),
    *("evaluation-api", "blend", "sweep"),
)
# Page to the folder that its reader starts in: the first one makes the workspace that the others go on with.
FOLLOWED = {
    FIRST: "",
    "docs/start/existing-folder.md": "",
    **{f"docs/how-to/{name}.md": "my-competition" for name in _HOW_TO},
}
# Why these can't be followed.
NOT_FOLLOWED = {
    "docs/how-to/editors.md": "needs VS Code, a container engine and a GPU host",
}
TABLE = "diabetes-progression"
_MAKE_TABLE = """
from sklearn.datasets import load_diabetes
table = load_diabetes(as_frame=True).frame.rename_axis("id").reset_index()
test = table["id"] % 4 == 0
table[~test].to_csv("public/train.csv", index=False)
table[test].drop(columns="target").to_csv("public/test.csv", index=False)
table.loc[test, ["id", "target"]].to_csv("solution.csv", index=False)
table.loc[test, ["id", "target"]].assign(target=150.0).to_csv("public/sample_submission.csv", index=False)
"""
_SECONDS = 300
_IMAGE = f"gcr.io/kaggle-images/python@sha256:{'0' * 64}"
_KAGGLE = "https://www.kaggle.com"
# `uv run` and `uvx` use this environment in place of one of the workspace's own: tests/template/test_pin.py installs that.
_UV = """#!/bin/sh
while [ "$1" = run ] || [ "${{1#-}}" != "$1" ] || [ "$1" = requirements.txt ]; do shift; done
[ "$1" = python ] && shift && exec {python} "$@"
[ "$1" = kaggle ] && exec "$@"
exec {python} -m "$@"
"""


class Differs(Exception):
    """A page isn't as the commands are."""

    def __init__(self, page: str, command: str, why: str) -> None:
        super().__init__(f"{page}: `{command}` {why}")


@dataclass
class Place:
    """Where a reader works.

    Attributes:
        root: holds everything: `reader/`, where the reader starts, and `kaggle/`, the state of the local Kaggle.
        template: the repository that the page calls `<this repository>`.
        image: the image's Python.
        cache: what `XDG_CACHE_HOME` names.
    """

    root: Path
    template: Path
    image: Path
    cache: Path

    @property
    def start(self) -> Path:
        """The folder in which the reader starts."""
        return self.root / "reader"

    def copied(self, root: Path, start: str) -> Place:
        """The same state in another place; the reader stands in the folder `start` below `reader/`."""
        shutil.copytree(self.root / "kaggle", root / "kaggle", symlinks=True)
        shutil.copytree(self.root / "reader" / start, root / "reader", symlinks=True)
        return Place(root, self.template, self.image, self.cache)

    @contextmanager
    def reader(self) -> Iterator[Reader]:
        """A reader in front of a terminal, with the local Kaggle running."""
        self.start.mkdir(parents=True, exist_ok=True)
        programs = self.root / "bin"
        programs.mkdir(exist_ok=True)
        for name in ("uv", "uvx"):
            (programs / name).write_text(_UV.format(python=shlex.quote(sys.executable)), encoding="utf-8")
            (programs / name).chmod(0o755)
        with LocalKaggle(self.root / "kaggle", user=USER, runner=self._execute) as kaggle:
            kaggle.behave(gpu_devices="played")
            if not (self.root / "kaggle" / "competitions" / article.COMPETITION).is_dir():
                _competition(kaggle)
                _table(kaggle, self.image)
            for user in OTHERS:
                kaggle.add_user(user)
            yield Reader(self, kaggle, programs, self.start)
            kaggle.wait_for_runs()

    def _execute(self, order: RunOrder, on_line: Callable[[str], None]) -> RunOutcome:
        """Execute a notebook in an image that has a name, as Kaggle's has."""
        named = {"KAGGLE_DOCKER_IMAGE": _IMAGE, **order.environment}
        return SandboxRunner(self.image)(replace(order, environment=named), on_line)


@dataclass
class Reader:
    """Does what a page says."""

    place: Place
    kaggle: LocalKaggle
    programs: Path
    folder: Path
    user: str = USER

    def follow(self, name: str, page: str, *, writing: bool = False) -> str:
        """Do everything that the page says, and return the page with the outputs that commands gave now.

        Raises:
            Differs: a command failed; or its output is another one than the page shows, unless it is to be written.
        """
        filled, offset = page, 0
        for step in pages.steps(page):
            if step.verb == "console":
                text = "".join(self._command(name, one, writing=writing) for one in step.commands)
                text = "".join(
                    f"{step.indent}{line}" if line.strip() else line
                    for line in text.splitlines(keepends=True)
                )
                filled = f"{filled[: step.start + offset]}{text}{filled[step.end + offset :]}"
                offset += len(text) - (step.end - step.start)
            else:
                self._do(name, step)
        return filled

    def _do(self, name: str, step: Step) -> None:
        path = self.folder / step.argument
        if step.verb == "run":
            self._command(name, Command(step.argument, ()), writing=False)
        elif step.verb == "user":
            self.user = step.argument
        elif step.verb == "article":
            article.build(path)
        elif step.verb == "merge":
            merge(path, step.text)
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("a" if step.verb == "append" else "w", encoding="utf-8") as file:
                file.write(step.text)

    def _command(self, name: str, command: Command, *, writing: bool) -> str:
        code, output = self.run(command.line)
        if code != command.code:
            raise Differs(name, command.line, f"exits {code}, not {command.code}:\n{output}")
        shown = "\n".join(("$ " + command.line, *command.output)) + "\n"
        if not command.output or pages.fits(command.output, output):
            return shown
        if writing and ANY not in command.output:
            return f"$ {command.line}\n{output.rstrip()}\n"
        raise Differs(name, command.line, f"prints other lines than the page shows:\n{output}")

    def run(self, line: str) -> tuple[int, str]:
        """Run a command line in the reader's folder, and stay in the folder where it ends."""
        after = self.place.root / "pwd"
        line = line.replace(TEMPLATE, str(self.place.template)).replace(
            REPOSITORY, str(self.place.root / "remote.git")
        )
        kept = {
            name: value for name, value in os.environ.items() if not name.startswith(("INVOKE_", "KAGGLE_"))
        }
        given = {
            **kept,
            **self.kaggle.environment(self.user),
            "PATH": f"{self.programs}{os.pathsep}{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "XDG_CACHE_HOME": str(self.place.cache),
            "INVOKE_WORKSPACE_POLL": "0.3",
            "COLUMNS": "100",
            "PYTHONDONTWRITEBYTECODE": "1",
            **{f"GIT_{who}_{what}": "reader@example.invalid" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")},
        }  # fmt: skip
        done = subprocess.run(
            ["bash", "-c", f"{line}\ncode=$?; pwd > {shlex.quote(str(after))}; exit $code"],
            cwd=self.folder,
            env=given,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            check=False,
            timeout=_SECONDS,
        )
        self.folder = Path(after.read_text(encoding="utf-8").strip())
        said = done.stdout.replace(str(self.place.template), TEMPLATE).replace(str(self.place.start), "~")
        said = said.replace("http://localhost", _KAGGLE)
        return done.returncode, "\n".join(one.rstrip() for one in said.rstrip().splitlines())


def merge(path: Path, text: str) -> None:
    """Merge YAML or JSON into a file, as somebody who is told to add these lines."""
    if path.suffix == ".json":
        whole = {**json.loads(path.read_text(encoding="utf-8")), **json.loads(text)}
        path.write_text(json.dumps(whole, indent=2) + "\n", encoding="utf-8")
        return
    yaml = YAML()
    value = yaml.load(path.read_text(encoding="utf-8")) if path.is_file() else {}
    _merged(value, yaml.load(text))
    with path.open("w", encoding="utf-8") as file:
        yaml.dump(value, file)


def _merged(value: Any, more: Any) -> None:
    for key, one in more.items():
        if isinstance(one, dict) and isinstance(value.get(key), dict):
            _merged(value[key], one)
        else:
            value[key] = one


def _competition(kaggle: LocalKaggle) -> None:
    """The competition of the worked example; the hidden data has one row more."""
    data = next((ROOT / "template").glob("*data*/competitions/*"))
    public = {path.name: path.read_bytes() for path in data.iterdir()}
    rows = public["sample_submission.csv"].decode().splitlines()[1:]
    solution = [f"{number},{0.5 if number % 2 else 0},{'Private' if number % 3 else 'Public'}" for number in range(len(rows))]  # fmt: skip
    kaggle.add_competition(
        article.COMPETITION,
        public=public,
        hidden={},
        solution="\n".join(["row_id,score,Usage", *solution]) + "\n",
        metric="accuracy",
        row_id="row_id",
    )


def _table(kaggle: LocalKaggle, image: Path) -> None:
    """A competition on a data set that scikit-learn brings."""
    folder = kaggle.add_competition(TABLE, public={}, hidden={}, metric="rmse", row_id="id")
    subprocess.run([image, "-c", _MAKE_TABLE], cwd=folder, check=True)


def new_place(root: Path, cache: Path) -> Place:
    """The place below `root`; empty at first."""
    template = root / "template"
    if not (template / ".git").is_dir():
        workspaces.clone_template(template, tag="v0.2.0")
    packages = root / "image.txt"
    packages.write_text("numpy\npandas\npyarrow\nscikit-learn\n", encoding="utf-8")
    made = image.ensure(packages, python=None, cache=cache / "kaggle-workspace" / "images", on_line=print)
    return Place(root / "place", template, made.python, cache)


def main(names: list[str]) -> None:
    """Write the outputs of these pages anew; the first page is always followed, since others go on from there."""
    with tempfile.TemporaryDirectory() as folder:
        first = new_place(Path(folder), Path(folder) / "cache")
        for name, start in FOLLOWED.items():
            if names and name not in (FIRST, *names):
                continue
            place = first
            if name != FIRST:
                place = first.copied(Path(folder) / Path(name).stem, start)
            page = (ROOT / name).read_text(encoding="utf-8")
            with place.reader() as reader:
                filled = reader.follow(name, page, writing=True)
            if filled != page:
                (ROOT / name).write_text(filled, encoding="utf-8", newline="\n")
                sys.stdout.write(f"{name}: written\n")


if __name__ == "__main__":
    main(sys.argv[1:])
