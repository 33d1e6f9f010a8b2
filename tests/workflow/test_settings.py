"""`invoke.yaml`: what it may say, what the environment may say, and one sentence for what it may not."""

from pathlib import Path

import pytest

from kaggle_workflow import setting_values, settings
from kaggle_workflow.errors import WorkflowError
from tests import workspaces


def load(folder: Path, text: str, **environ: str) -> settings.Settings:
    (folder / "invoke.yaml").write_text(text, encoding="utf-8")
    return settings.load(folder, dict(environ))


def test_without_a_file_the_defaults_hold(tmp_path: Path) -> None:
    value = settings.load(tmp_path, {})
    assert (value.check, value.output, value.codes, value.submission_name) == (
        "columns",
        "file",
        "dataset",
        "submission.csv",
    )
    assert value.limit is None
    assert value.limit_seconds == 9 * 3600


def test_every_setting_is_read(tmp_path: Path) -> None:
    text = """
workspace:
  id: abc
  entry: -m solution.infer --fast
  args: [--fold, 3]
  environment: {OMP_NUM_THREADS: 2}
  limit: 1h30m
  warn-at: 0.5
  guard: 80m
  grace: 30s
  partial: out/partial.csv
  output: gateway
  check: strict
  codes: inline
  save-run: light
  wheels: [me/wheels]
  poll: 2.5
  allow: [take-over]
  owner: friend
  data: ../data
"""
    value = load(tmp_path, text)
    assert value.entry == ("-m", "solution.infer", "--fast")
    assert value.args == ("--fold", "3")
    assert value.environment == (("OMP_NUM_THREADS", "2"),)
    assert (value.limit, value.guard, value.grace) == (5400.0, 4800.0, 30.0)
    assert value.submission_name == "submission.parquet"
    assert (value.codes, value.save_run, value.poll, value.owner, value.data) == (
        "inline",
        "light",
        2.5,
        "friend",
        "../data",
    )


def test_a_notebook_has_settings_of_its_own(tmp_path: Path) -> None:
    text = "workspace:\n  entry: exp001.py\n  notebooks:\n    train:\n      entry: train.py --long\n      limit: 12h\n      submission: ''\n"
    value = load(tmp_path, text)
    assert value.of("train").entry == ("train.py", "--long")
    assert (value.of("train").limit, value.of("train").submission_name) == (43200.0, "")
    assert value.of("sub").entry == ("exp001.py",)
    with pytest.raises(WorkflowError, match=r"notebooks\.train\.poll is no setting"):
        load(tmp_path, "workspace:\n  notebooks:\n    train: {poll: 3}\n")


def test_the_environment_overrules_the_file_lists_included(tmp_path: Path) -> None:
    environ = {
        "INVOKE_WORKSPACE_POLL": "5",
        "INVOKE_WORKSPACE_ALLOW": "take-over,numpy",
        "INVOKE_WORKSPACE_WARN_AT": "0.9",
    }
    (tmp_path / "invoke.yaml").write_text("workspace:\n  poll: 1\n  allow: [x]\n", encoding="utf-8")
    value = settings.load(tmp_path, environ)
    assert (value.poll, value.allow, value.warn_at) == (5.0, ("take-over", "numpy"), 0.9)
    assert "INVOKE_WORKSPACE_ALLOW" not in environ


def test_the_local_file_overrules_the_shared_one(tmp_path: Path) -> None:
    (tmp_path / "invoke.local.yaml").write_text("workspace:\n  owner: friend\n", encoding="utf-8")
    assert load(tmp_path, "workspace:\n  owner: me\n").owner == "friend"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("workspace:\n  entri: x\n", ["entri", "did you mean entry?"]),
        ("workspace:\n  limit: 9\n", ["limit", "9h"]),
        ("workspace:\n  limit: 9:30\n", ["limit", "9h"]),
        ("workspace:\n  check: nearly\n", ["exists, columns, strict"]),
        ("workspace:\n  poll: never\n", ["number"]),
        ("workspace:\n  entry: [true]\n", ["entry"]),
        ("workspace:\n  submission: ../x.csv\n", ["inside the working folder"]),
        ("workspace:\n  entry: 'x\n", ["line", "not YAML"]),
        ("workspace: [1]\n", ["workspace:"]),
        ("- 1\n", ["workspace:"]),
        ('workspace:\n  entry: "exp.py \'open"\n', ["quotation mark"]),
        ('workspace:\n  entry: "exp\\0.py"\n', ["entry", "'exp\\x00.py'", "take it out"]),
        ('workspace:\n  args: ["\\ud800"]\n', ["args", "no program can be given"]),
        ('workspace:\n  environment: {A: "b\\0"}\n', ["environment", "take it out"]),
        ('workspace:\n  environment: {"A=B": c}\n', ["environment", "'A=B'", "correct it"]),
    ],
)
def test_a_bad_line_is_one_sentence(tmp_path: Path, text: str, words: list[str]) -> None:
    with pytest.raises(WorkflowError) as caught:
        load(tmp_path, text)
    assert "invoke.yaml" in str(caught.value)
    assert "\n" not in str(caught.value)
    for word in words:
        assert word in str(caught.value)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("9h", 32400.0), ("1h30m", 5400.0), ("45s", 45.0), ("0.5h", 1800.0), ("90m", 5400.0)],
)
def test_times_are_written_as_people_write_them(text: str, seconds: float) -> None:
    assert setting_values.duration(text, "limit") == seconds


def test_a_bad_line_ends_every_command_with_exit_2_and_no_traceback(template: Path, tmp_path: Path) -> None:
    workspace = workspaces.make(template, tmp_path / "ws")
    (workspace / "invoke.yaml").write_text("workspace:\n  poll: [\n", encoding="utf-8")
    for words in (["check"], ["--list"]):
        done = workspaces.invoke(workspace, *words)
        assert done.returncode == 2
        assert "Traceback" not in done.stderr
        assert "invoke.yaml, line" in done.stderr
    (workspace / "invoke.yaml").write_text("workspace:\n  args: [a]\n  entry: exp001.py\n", encoding="utf-8")
    done = workspaces.invoke(workspace, "check", env={"INVOKE_WORKSPACE_ARGS": "--x 1"})
    assert done.returncode == 0, done.stderr
