"""What the workspace was made from: version, what was changed in the template's files, and whether there is an update."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from kaggle_workflow import answers, git
from kaggle_workflow.doctor import template_source
from kaggle_workflow.doctor.diagnosis import NOTE, OK, UNKNOWN, WRONG, Line, of_error
from kaggle_workflow.errors import Unreachable
from kaggle_workflow.stage import bundle
from kaggle_workflow.workspace import Workspace

OWNED = ("tasks.py", "workflow", "shim")
_RESTORE = "run `git checkout HEAD -- {} tasks.py workflow shim && git clean -fdq workflow shim`, then `copier update`"
_LIST = "workflow/files.txt"
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
    restore = _RESTORE.format(told.file if told is not None else ".copier-answers.yml")
    marked = sorted(path.relative_to(root).as_posix() for path in _python_files(root) if _is_marked(path))
    rejected = sorted(
        path.relative_to(root).as_posix() for name in OWNED for path in root.glob(f"{name}*/**/*.rej")
    )
    if marked or rejected:
        return Line(
            "template files", WRONG, f"an update left {', '.join([*marked, *rejected])} half merged", restore
        )
    changed = git.changed(root, OWNED)
    answered = told is not None and bool(git.changed(root, (told.file,)))
    if told is not None and changed and not answered:
        says = f"{_few(changed)} differ from the last commit, and {told.file} does not: an update broke off, or somebody edited them"
        return Line("template files", NOTE, says, restore)
    if told is not None and answered and not changed and _made_from(root, told.file) != told.commit:
        says = f"{told.file} is of {told.commit}, and no other file of the template changed with it: an update broke off"
        return Line("template files", NOTE, says, restore)
    return _odd_files(root, restore if changed else "") or Line(
        "template files",
        OK,
        "tasks.py, workflow/ and shim/ are as they were committed"
        if not changed
        else "tasks.py, workflow/ and shim/ changed since the last commit: commit the update",
    )


def _odd_files(root: Path, restore: str) -> Line | None:
    """Whether files of the template are missing or more than it brings; `restore` is "" when all is committed."""
    try:
        brought = set((root / _LIST).read_text(encoding="utf-8").split()) | {_LIST}
    except (OSError, UnicodeDecodeError):
        # Merged by hand, or of a version before there was such a list.
        return None
    there = {
        path.relative_to(root).as_posix()
        for name in OWNED[1:]
        for path in (root / name).rglob("*")
        if path.is_file() and path.suffix != ".pyc" and not path.match("*.egg-info/*")
    }
    missing, more = sorted(brought - there), sorted(there - brought)
    if missing:
        says = f"{_few(missing)} of the template {'is' if len(missing) == 1 else 'are'} missing: an update broke off, or somebody deleted them"
        return Line("template files", WRONG, says, restore or "run `copier recopy --defaults --overwrite`")
    if more:
        says = f"this version does not bring {_few(more)}: an update broke off, or they are your own"
        return Line("template files", NOTE, says, restore or "delete what is not your own with `git rm`")
    return None


def _few(paths: Sequence[str]) -> str:
    return f"{', '.join(paths[:_SHOWN])}{f' and {len(paths) - _SHOWN} more' if len(paths) > _SHOWN else ''}"


def _made_from(root: Path, file: str) -> str | None:
    """The state of the template that the last commit's answers name."""
    match = re.search(r"(?m)^_commit: *(\S+)", git.committed(root, file) or "")
    return match[1] if match else None


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
        return of_error("update", UNKNOWN, error)
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
