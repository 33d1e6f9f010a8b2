"""Our pages say what is so: marked blocks are current, links lead somewhere, the tree fits one screen."""

import re
from pathlib import Path

import pytest

from tests import commands, workspaces
from tests.docs import blocks

ROOT = Path(__file__).resolve().parents[2]
PAGES = [name for name in blocks.PAGES if "<!-- docs:" in (ROOT / name).read_text(encoding="utf-8")]
SCREEN = 50
OF_A_WORKSPACE = "README.md of a workspace"


@pytest.mark.parametrize("name", PAGES)
def test_marked_blocks_are_what_the_commands_say_now(name: str, tmp_path: Path) -> None:
    text = (ROOT / name).read_text(encoding="utf-8")
    assert blocks.same(text, blocks.fill(text, blocks.Source(tmp_path))), f"{name}: run python3 dev.py blocks"


def test_a_block_that_is_out_of_date_is_found_and_filled(tmp_path: Path) -> None:
    old = "before\n<!-- docs: commands -->\n| command | what it does |\n<!-- /docs -->\nafter\n"
    new = blocks.fill(old, blocks.Source(tmp_path))
    assert not blocks.same(old, new)
    assert new.startswith("before\n<!-- docs: commands -->\n| command |")
    assert new.endswith("|\n<!-- /docs -->\nafter\n")
    for name in commands.options():
        assert f"| `{name}` | " in new
    assert blocks.same(new, blocks.fill(new, blocks.Source(tmp_path)))
    with pytest.raises(ValueError, match="a block is one of"):
        blocks.fill("<!-- docs: picture -->\n<!-- /docs -->", blocks.Source(tmp_path))


def test_measured_values_may_differ_and_words_may_not() -> None:
    assert blocks.same("image (s)   2.5\nsize 1.2 MB", "image (s)  12.5\nsize 900 kB")
    assert not blocks.same("18 rows", "17 rows")
    assert not blocks.same("collected", "reused")


def test_blocks_run_the_real_commands(tmp_path: Path) -> None:
    text = "<!-- docs: help check -->\n<!-- /docs -->\n<!-- docs: console uv run invoke check -->\n<!-- /docs -->\n"
    filled = blocks.fill(text, blocks.Source(tmp_path))
    assert "Validate the whole workspace" in filled
    assert re.search(r"^\$ uv run invoke check\n(.+\n)*check: no errors", filled, re.MULTILINE)
    assert str(tmp_path) not in filled


def test_settings_and_options_are_complete(tmp_path: Path) -> None:
    from dataclasses import fields

    from kaggle_workflow.settings import Settings

    source = blocks.Source(tmp_path)
    shown = re.findall(r"^\| `(\w+)` \|", source.block("settings", ""), re.MULTILINE)
    assert shown == [one.name for one in fields(Settings)]
    options = source.block("options", "")
    for name, words in commands.options().items():
        section = options.split(f"### {name}\n")[1].split("\n### ")[0]
        assert set(re.findall(r"`(--[\w-]+)", section)) == words


@pytest.fixture(scope="module")
def made(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return workspaces.make(
        template, tmp_path_factory.mktemp("docs") / "my-competition", competition="titanic"
    )


def test_the_tree_of_a_default_workspace_fits_one_screen(made: Path) -> None:
    drawn = blocks.tree(made)
    assert len(drawn.splitlines()) <= 30
    assert "├── codes/" in drawn


def test_the_readme_of_a_workspace_names_every_place_and_fits_one_screen(made: Path) -> None:
    text = (made / "README.md").read_text(encoding="utf-8")
    assert len(text.splitlines()) <= SCREEN
    places = {name.split("/")[0] for name in workspaces.files_of(made)}
    known = {"README.md", "pyproject.toml", ".gitignore", ".gitattributes", ".kaggleignore"}
    for place in places - known:
        assert re.search(rf"`{re.escape(place)}/?`", text), place


@pytest.mark.parametrize("name", [OF_A_WORKSPACE, *blocks.PAGES])
def test_commands_and_files_that_a_page_names_exist(made: Path, name: str) -> None:
    page = made / "README.md" if name == OF_A_WORKSPACE else ROOT / name
    text = page.read_text(encoding="utf-8")
    known = commands.options()
    for command in re.findall(r"`(?:uv run )?invoke ([a-z][\w-]*)", text):
        assert command in known, f"{name} names {command}"
    for line in re.findall(r"\binvoke ((?:[a-z][\w-]*)(?: [^`\n]*)?)`", text):
        words = line.split("#")[0].split()
        given = {word.split("=")[0].strip(",.;") for word in words[1:] if word.startswith("--")}
        assert given <= known[words[0]] | {"--help", "--list"}, line
    for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", text):
        assert (page.parent / target).exists(), f"{name} links to {target}"


def test_the_translation_has_what_the_original_has(made: Path) -> None:
    ours = (made / "README.md").read_text(encoding="utf-8")
    theirs = (ROOT / "docs/ja/workspace.md").read_text(encoding="utf-8")
    assert len(re.findall("^## ", ours, re.MULTILINE)) == len(re.findall("^## ", theirs, re.MULTILINE))
    code = re.compile(r"`([^`\n]+)`")
    assert set(code.findall(ours)) - set(code.findall(theirs)) == set()
    assert len(re.findall("^[|]", ours, re.MULTILINE)) == len(re.findall("^[|]", theirs, re.MULTILINE))
