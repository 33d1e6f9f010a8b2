"""What `invoke doctor` says about the template: version, changed files, and what an update brings."""

import re
import shutil
from collections.abc import Iterable
from pathlib import Path

import pytest

import kaggle_shim
from kaggle_workflow import versions, workspace
from kaggle_workflow.answers import Answers
from kaggle_workflow.doctor import template as doctor_template
from kaggle_workflow.doctor.diagnosis import NOTE, OK, UNKNOWN, WRONG, Line
from kaggle_workflow.stage import bundle, compose
from tests import workspaces


@pytest.fixture
def template_here(template: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(template, tmp_path / "template", symlinks=True))


@pytest.fixture
def ws(template_here: Path, tmp_path: Path) -> Path:
    root = workspaces.make(template_here, tmp_path / "ws")
    commit(root)
    return root


def commit(root: Path, tag: str = "") -> None:
    if not (root / ".git").is_dir():
        workspaces.git(root, "init", "--quiet")
    workspaces.git(root, "add", "--all")
    workspaces.git(root, "commit", "--quiet", "-m", "state")
    if tag:
        workspaces.git(root, "tag", tag)


def of(found: Iterable[Line]) -> dict[str, Line]:
    return {line.topic: line for line in found}


def lines(root: Path) -> dict[str, Line]:
    return of(doctor_template.lines(workspace.load(root)))


def test_an_update_is_announced_with_what_it_brings(template_here: Path, ws: Path) -> None:
    assert lines(ws)["update"].state == OK
    text = "# Changelog\n\n## Unreleased\n\nNot yet.\n\n## 1000.2.0\n\n- Waits name their limit.\n\n## 1000.1.0\n\nFinds inputs faster.\n\n## 1000.0.0\n\nOld.\n"
    (template_here / "CHANGELOG.md").write_text(text)
    commit(template_here, "v1000.2.0")
    workspaces.git(template_here, "tag", "v1000.3.0rc1")
    update = lines(ws)["update"]
    assert update.state == NOTE
    assert (
        update.says
        == "v1000.2.0 is available (1000.2.0: Waits name their limit.; 1000.1.0: Finds inputs faster.)"
    )
    assert update.remedy == "commit your work, then run `copier update --defaults`"


def test_between_releases_commits_are_told_apart(template_here: Path, tmp_path: Path) -> None:
    workspaces.git(template_here, "tag", "--delete", "v1000.0.0")
    root = workspaces.make(template_here, tmp_path / "untagged")
    assert lines(root)["update"].state == OK
    (template_here / "new.txt").touch()
    commit(template_here)
    assert lines(root)["update"].state == NOTE


@pytest.mark.parametrize(
    ("made_from", "newer"),
    [
        ("v1.2.0", False),
        ("v1.1.0", True),
        ("v1.2.0-3-g0123456", False),
        ("v1.1.9-3-g0123456", True),
        ("0123456", True),
    ],
)
def test_the_state_that_copier_wrote_down_is_compared(
    template_here: Path, tmp_path: Path, made_from: str, newer: bool
) -> None:
    workspaces.git(template_here, "tag", "--delete", "v1000.0.0")
    workspaces.git(template_here, "tag", "v1.2.0")
    told = Answers(".copier-answers.yml", made_from, str(template_here), {})
    news = doctor_template.news_of(tmp_path, told)
    assert (news is not None) == newer


def test_a_template_that_moved_or_is_offline_could_not_be_looked_at(ws: Path, template_here: Path) -> None:
    template_here.rename(template_here.with_name("moved"))
    update = lines(ws)["update"]
    assert update.state == UNKNOWN
    assert "invoke vendor" in update.remedy


def test_a_repository_that_never_answers_is_left_after_the_limit(tmp_path: Path) -> None:
    import socket

    with socket.create_server(("127.0.0.1", 0)) as silent:
        told = Answers(
            ".copier-answers.yml", "v1.0.0", f"http://127.0.0.1:{silent.getsockname()[1]}/template.git", {}
        )
        with pytest.raises(Exception, match=r"did not answer within 1 s"):
            doctor_template.news_of(tmp_path, told, seconds=1.0)


def test_a_tool_of_another_commit_than_the_pinned_one_is_wrong(
    ws: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert lines(ws)["tool"].state == OK
    monkeypatch.setattr(versions, "commit", lambda: "0" * 40)
    found = lines(ws)["tool"]
    assert found.state == WRONG
    assert "000000000000 is installed" in found.says
    assert "pip install -r requirements.txt" in found.remedy


def test_without_an_answers_file_the_line_says_so(ws: Path) -> None:
    (ws / ".copier-answers.yml").unlink()
    assert lines(ws)["template"].state == NOTE


def test_one_version_number_in_one_place_and_the_changelog_begins_with_it() -> None:
    changelog = (workspaces.ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    versions_there = re.findall(r"(?m)^## +v?(\S+)", changelog)
    assert next(name for name in versions_there if name != "Unreleased") == kaggle_shim.__version__
    places = [
        path
        for folder in ("template", "shim", "workflow")
        for path in (workspaces.ROOT / folder).rglob("*.py")
        if re.search(rf"[\"']{re.escape(kaggle_shim.__version__)}[\"']", path.read_text(encoding="utf-8"))
    ]
    assert [path.name for path in places] == ["__init__.py"]


def test_plan_and_first_cell_carry_version_and_fingerprint(ws: Path) -> None:
    from kaggle_workflow.stage import plans

    loaded = workspace.load(ws)
    notebook = loaded.notebook("sub")
    plan = plans.for_running(loaded, notebook, plans.Known("0" * 64, "0" * 64))
    version = bundle.template_version()
    assert plan.template == version
    assert version.startswith(f"{kaggle_shim.__version__}+")
    text = compose.compose(
        compose.read_source(notebook.source), plan, plan.template, bundle.pack_shim(plan.role)
    )
    assert f"# kaggle_shim {version}:" in text
