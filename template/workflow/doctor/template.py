"""What the workspace was made from: version, what was changed in the template's files, and whether there is an update."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from workflow import answers, git
from workflow.doctor import template_source
from workflow.doctor.diagnosis import NOTE, OK, UNKNOWN, WRONG, Line
from workflow.errors import Unreachable
from workflow.stage import bundle
from workflow.workspace import Workspace

OWNED = ("tasks.py", "workflow", "shim")
_RESTORE = "run `git checkout HEAD -- .copier-answers.yml tasks.py workflow shim && git clean -fdq workflow shim`, then `copier update`"
_SHOWN = 3
_MARKS = ("<<<<<<< before updating", ">>>>>>> after updating")


def lines(workspace: Workspace) -> Iterator[Line]:
    """The lines about the template."""
    told = answers.read(workspace.root)
    version = bundle.template_version(workspace.root)
    if told is None:
        yield Line(
            "template",
            NOTE,
            f"version {version}; there is no .copier-answers.yml, so it can't be updated",
            "take it back from git",
        )
    else:
        yield Line(
            "template",
            OK,
            f"version {version}, made from {told.commit or 'a folder without git'} of {told.source}",
        )
    yield _files(workspace.root, told)
    if told is not None and told.source is not None:
        yield _update(workspace.root, told)


def _files(root: Path, told: answers.Answers | None) -> Line:
    """Whether tasks.py, workflow/ and shim/ are of one version: an update that broke off leaves two."""
    marked = sorted(path.relative_to(root).as_posix() for path in _python_files(root) if _is_marked(path))
    rejected = sorted(
        path.relative_to(root).as_posix() for name in OWNED for path in root.glob(f"{name}/**/*.rej")
    )
    if marked or rejected:
        return Line(
            "template files", WRONG, f"an update left {', '.join([*marked, *rejected])} half merged", _RESTORE
        )
    changed = git.changed(root, OWNED)
    if changed and told is not None and not git.changed(root, (told.file,)):
        return Line(
            "template files",
            NOTE,
            f"{', '.join(changed[:_SHOWN])}{' and more' if len(changed) > _SHOWN else ''} differ from the last commit, and {told.file} does not: an update broke off, or somebody edited them",
            _RESTORE,
        )
    return Line(
        "template files",
        OK,
        "tasks.py, workflow/ and shim/ are as they were committed"
        if not changed
        else "tasks.py, workflow/ and shim/ changed since the last commit: commit the update",
    )


def _python_files(root: Path) -> Iterator[Path]:
    yield root / "tasks.py"
    for name in OWNED[1:]:
        yield from sorted((root / name).rglob("*.py"))


def _is_marked(path: Path) -> bool:
    text = path.read_text(encoding="utf-8", errors="replace")
    return any(f"\n{mark}" in f"\n{text}" for mark in _MARKS)


def _update(root: Path, told: answers.Answers) -> Line:
    try:
        news = template_source.look(root, told)
    except Unreachable as error:
        says, _, remedy = str(error).rpartition(": ")
        return Line("update", UNKNOWN, says, remedy.rstrip("."))
    if news is None:
        return Line("update", OK, "this is the newest version of the template")
    brings = "; ".join(f"{section.version}: {_summary(section.text)}" for section in news.brings)
    option = "" if told.file == ".copier-answers.yml" else f" -a {told.file}"
    return Line(
        "update",
        NOTE,
        f"{news.version} is there{f' ({brings})' if brings else ''}",
        f"commit your work, then run `copier update --defaults{option}`",
    )


def _summary(text: str) -> str:
    """A section as one line."""
    return " ".join(
        line.strip().removeprefix("- ").removeprefix("* ") for line in text.splitlines() if line.strip()
    )
