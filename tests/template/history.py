"""The states of this repository that an update may start from, taken from its own history."""

from __future__ import annotations

import subprocess

from tests.workspaces import ROOT

_LAYOUT = ("copier.yml", "template", ":!workflow/kaggle_workflow", ":!shim")
_MOST_CHANGES = 5
_MOST_TAGS = 4


def _git(*words: str) -> list[str]:
    done = subprocess.run(["git", *words], cwd=ROOT, capture_output=True, encoding="utf-8", check=False)
    return done.stdout.split() if done.returncode == 0 else []


def states() -> list[str]:
    """Commits that can generate a workspace: the first, the last before each change of layout, every tag, and the newest.

    A change of layout is one of copier.yml, or a file outside workflow/ and shim/ that came, went or was renamed. Of a long
    history the newest few of each kind are taken, so that the tests stay quick.
    """
    changes = _git("log", "--format=%H", "--", "copier.yml")
    changes += _git("log", "--format=%H", "--diff-filter=ADR", "--", *_LAYOUT)
    order = _git("log", "--format=%H", "--", "copier.yml", "template")
    newest_changes = sorted(
        set(changes), key=lambda commit: order.index(commit) if commit in order else len(order)
    )[:_MOST_CHANGES]
    before = [parent for commit in newest_changes for parent in _git("rev-parse", f"{commit}^")]
    tags = [
        commit
        for tag in _git("tag", "--sort=-creatordate")[:_MOST_TAGS]
        for commit in _git("rev-list", "-n", "1", tag)
    ]
    first = order[-1:]
    chosen = [*first, *before, *tags, *_git("rev-parse", "HEAD")]
    able = [
        commit
        for commit in dict.fromkeys(chosen)
        if len(commit) > 20 and _git("cat-file", "-t", f"{commit}:copier.yml")
    ]
    return [commit[:12] for commit in able]
