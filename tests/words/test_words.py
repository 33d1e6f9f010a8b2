"""The collector finds what a user reads, and the linter finds what is wrong with it; `dev.py check` holds all texts to it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.words import lint, texts


def test_every_kind_of_text_is_found() -> None:
    found = texts.all_texts()
    assert {one.kind for one in found} == {
        texts.MESSAGE,
        texts.DOCSTRING,
        texts.COMMENT,
        texts.PAGE,
        texts.CELL,
        texts.QUESTION,
    }
    messages = [one.text for one in found if one.kind == texts.MESSAGE]
    assert any("is not on Kaggle" in text and "{…}" in text for text in messages)
    assert any(one.path == "copier.yml" and "Which competition?" in one.text for one in found)


def test_texts_are_found_where_they_stand(tmp_path: Path) -> None:
    module = tmp_path / "workflow" / "kaggle_workflow" / "one.py"
    module.parent.mkdir(parents=True)
    module.write_text(
        '"""Its docstring."""\n\n# Why it is so.\nsay(f"{name} was not found: run it again")\nread("no/path")\n'
    )
    (tmp_path / "copier.yml").write_text("username:\n  help: Your Kaggle username, please?\n")
    (tmp_path / "README.md").write_text(
        "# Title\n\n```console\n$ invoke anew\n```\n\nRun `invoke push` first.\n"
    )
    found = [(one.path, one.line, one.kind, one.text) for one in texts.all_texts(tmp_path)]
    path = "workflow/kaggle_workflow/one.py"
    assert found == [
        ("README.md", 1, "page", "Title"),
        ("README.md", 7, "page", "Run `invoke push` first."),
        ("copier.yml", 2, "question", "Your Kaggle username, please?"),
        (path, 1, "docstring", "Its docstring."),
        (path, 3, "comment", "Why it is so."),
        (path, 4, "message", "{…} was not found: run it again"),
    ]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("Mend the file, then run it again.", "write 'fix'"),
        ('Run it again "anew" if you like.', "write 'again'"),
        ("Run it in in the folder.", "lexical illusion"),
        (" ".join(f"word{number}" for number in range(60)) + ".", "60 words in one sentence"),
    ],
)
def test_style_is_checked(text: str, said: str) -> None:
    (line,) = lint.findings([texts.Text("a.md", 3, texts.PAGE, text)])
    assert line.startswith("a.md:3: ")
    assert said in line


def test_spelling_is_checked() -> None:
    one = texts.Text("a.md", 3, texts.PAGE, "A seperate folder.")
    assert list(lint.spelling([one])) == ["a.md:3: spelling: seperate ==> separate"]


def test_code_is_not_prose() -> None:
    assert not list(
        lint.findings([texts.Text("a.md", 1, texts.PAGE, "Run `mend anew`, then `mend anew` again.")])
    )
