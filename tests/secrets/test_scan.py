"""A credential in anything that is sent stops the command, with its place and without its value."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shlex
import shutil
import time
import zipfile
from collections.abc import Callable
from pathlib import Path

import nbformat
import pytest
from detect_secrets.core.secrets_collection import SecretsCollection

from kaggle_workflow import check, command_list, workspace
from kaggle_workflow.commands import check as check_command
from kaggle_workflow.credentials.search import Searcher
from kaggle_workflow.errors import WorkflowError
from kaggle_workflow.stage import codes as stage_codes
from kaggle_workflow.stage import notebook as stage_notebook

# Made here, so that this file holds nothing that looks like one.
RANDOM = hashlib.sha256(b"no secret at all").hexdigest()
MIXED = "Qw7eRt2yUi9oPa4sDf6gHj1kLz8xCv3bNm5Qw7eRt2yUi9oPa4sDf6gHj1kLz8x"
TOKEN = "KGAT" + "_" + RANDOM[:32]
KNOWN = {
    "Kaggle API token": TOKEN,
    "Kaggle API key": f'KAGGLE_KEY="{RANDOM[:32]}"',
    "Hugging Face token": "hf" + "_" + MIXED[:34],
    "Weights & Biases key": f'WANDB_API_KEY = "{RANDOM[:40]}"',
    "Anthropic key": "sk-ant" + "-" + MIXED[:40],
    "OpenAI key": "sk-proj" + "-" + MIXED[:48],
    "Google API key": "AI" + "za" + MIXED[:35],
    "Google access token": "ya29" + "." + MIXED[:40],
    "GitHub token, fine-grained": "github" + "_pat_" + MIXED[:60],
    "GitHub token": "gh" + "p_" + MIXED[:36],
    "AWS key": "AK" + "IA" + "QWERTYUIOPASDFGH",
    "private key": "-----BEGIN RSA " + "PRIVATE KEY-----\n" + MIXED,
    "login in an address": "https://me:" + MIXED[:12] + "@host.invalid/simple",
    "Slack token": "xox" + "b-12345-" + "a1b2c3d4e5",
    "GitLab token": "gl" + "rt-" + MIXED[:22],
    "JSON web token": ".".join(["ey" + "J" + MIXED[:20], "ey" + "J" + MIXED[:24], MIXED[:30]]),
    "Databricks token": "da" + "pi" + RANDOM[:32],
    "login of kaggle auth": '"refresh' + '_token": "' + MIXED[:40] + '"',
    "netrc": "machine api.wandb.ai login user password " + RANDOM[:40],
}


pytestmark = pytest.mark.usefixtures("alone")


@pytest.fixture
def ws(made: Path, tmp_path: Path) -> Path:
    root = tmp_path / "ws"
    shutil.copytree(made, root, symlinks=True)
    return root


def stage(root: Path) -> stage_codes.Staged:
    return stage_codes.stage(workspace.load(root), "cup")


def found(root: Path) -> list[str]:
    return [
        str(one) for one in check.find_all(workspace.load(root)) if one.name.startswith(("secret", "random"))
    ]


@pytest.mark.parametrize("kind", KNOWN)
def test_known_formats_stop_with_file_and_line_and_without_the_value(ws: Path, kind: str) -> None:
    (ws / "codes" / "keys.py").write_text(f"import os\n\n{KNOWN[kind]}\n", encoding="utf-8")
    with pytest.raises(
        WorkflowError, match=r"codes/keys\.py, line 3: .+ would be uploaded\. Remove it"
    ) as caught:
        stage(ws)
    assert max(KNOWN[kind].split('"'), key=len)[8:] not in str(caught.value)
    assert not (ws / "build" / "codes").exists()
    assert [line.partition(": ")[0] for line in found(ws) if "[secret]" in line] == ["codes/keys.py:3"]


@pytest.mark.parametrize(
    "line",
    [
        'token = os.environ["KAGGLE_API_TOKEN"]',
        'url = "https://<username>:<password>@host.invalid"',
        'url = "https://user:${PASSWORD}@host.invalid"',
        "key = 'AKIAIOSFODNN7EXAMPLE'",
        'hf_hub_download("me/model", "hf_transfer_enabled_everywhere.bin")',
        f'sha256 = "{RANDOM}"',
        "KGAT = 1  # knowledge graph attention",
        "token_type_ids = tokenizer.encode(text)",
        'if "-----BEGIN RSA PRIVATE KEY-----" in text:',
        'engine = "postgresql://postgres:postgres@db.internal/cup"',
        'engine = "mysql://root:letmein@localhost:3306/cup"',
        'engine = "mysql://Root:rooT@db.internal:3306/cup"',
        'jwt = "eyJhbGciOiJIUzI1NiJ9"',
        f'name = "self{TOKEN}"',
    ],
)
def test_what_only_speaks_of_credentials_is_left_alone(ws: Path, line: str) -> None:
    (ws / "codes" / "honest.py").write_text(line + "\n", encoding="utf-8")
    stage(ws)
    assert found(ws) == []


@pytest.mark.parametrize(
    "name", ["kaggle.json.bak/kaggle.json", "access_token", ".netrc", "id_rsa", "credentials.json", "a.p12"]
)
def test_files_of_credentials_are_known_by_their_names(ws: Path, name: str) -> None:
    path = ws / "codes" / name
    path.parent.mkdir(exist_ok=True)
    path.write_text("x", encoding="utf-8")
    if path.name == "kaggle.json":
        assert "kaggle.json" not in {entry.path.rsplit("/", 1)[-1] for entry in stage(ws).manifest.files}
        return
    with pytest.raises(WorkflowError, match="file of credentials"):
        stage(ws)


def test_a_mark_allows_its_line_and_no_other(ws: Path) -> None:
    path = ws / "codes" / "keys.py"
    path.write_text(f"A = '{TOKEN}'  # pragma: allowlist secret\n", encoding="utf-8")
    stage(ws)
    path.write_text(f"# pragma: allowlist nextline secret\nA = '{TOKEN}'\n", encoding="utf-8")
    stage(ws)
    path.write_text(f"# pragma: allowlist nextline secret\nA = '{TOKEN}'\nB = '{TOKEN}'\n", encoding="utf-8")
    with pytest.raises(WorkflowError, match="line 3"):
        stage(ws)


def test_the_baseline_allows_what_it_lists_and_nothing_that_was_audited_as_real(ws: Path) -> None:
    (ws / "codes" / "keys.json").write_text(f'{{"a": "{TOKEN}"}}', encoding="utf-8")
    entry = {"hashed_secret": hashlib.sha1(TOKEN.encode()).hexdigest()}  # noqa: S324 - detect-secrets' own format
    baseline = ws / ".secrets.baseline"
    baseline.write_text(json.dumps({"results": {"codes/keys.json": [entry]}}), encoding="utf-8")
    stage(ws)
    for results in ({"codes/keys.json": [{**entry, "is_secret": True}]}, {"codes/other.json": [entry]}, {}):
        baseline.write_text(json.dumps({"results": results}), encoding="utf-8")
        with pytest.raises(WorkflowError, match=r"codes/keys\.json, line 1"):
            stage(ws)
    baseline.write_text("[]", encoding="utf-8")
    with pytest.raises(WorkflowError, match=r"\.secrets\.baseline is not a baseline"):
        stage(ws)


def test_no_flag_overrules_it(ws: Path) -> None:
    (ws / "codes" / "keys.py").write_text(f"A = '{TOKEN}'\n", encoding="utf-8")
    text = (ws / "invoke.yaml").read_text(encoding="utf-8")
    (ws / "invoke.yaml").write_text(f"{text}  allow: [secret, secrets, take-over]\n", encoding="utf-8")
    with pytest.raises(WorkflowError, match="would be uploaded"):
        stage(ws)


def test_what_is_not_sent_is_not_looked_at(ws: Path) -> None:
    (ws / "codes" / "notes").mkdir()
    (ws / "codes" / "notes" / "keys.py").write_text(f"A = '{TOKEN}'\n", encoding="utf-8")
    (ws / ".kaggleignore").write_text("codes/notes/\n", encoding="utf-8")
    assert "notes/keys.py" not in {entry.path for entry in stage(ws).manifest.files}


def test_this_machines_own_credentials_are_known_whatever_they_look_like(
    ws: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    own = "correct horse battery"
    (ws / "codes" / "weights.bin").write_bytes(b"\0\1\2" + own.encode() + b"\0")
    (ws / "codes" / "plain.txt").write_text(f"one\n{own}\n", encoding="utf-8")
    stage(ws)
    monkeypatch.setenv("MY_SERVICE_TOKEN", own)
    with pytest.raises(
        WorkflowError, match=r"plain\.txt, line 2: value of MY_SERVICE_TOKEN on this machine.*1 more"
    ):
        stage(ws)
    monkeypatch.delenv("MY_SERVICE_TOKEN")
    stage(ws)
    (tmp_path / "home" / ".kaggle").mkdir(parents=True)
    (tmp_path / "home" / ".kaggle" / "access_token").write_text(own + "\n", encoding="utf-8")
    with pytest.raises(WorkflowError, match="access_token on this machine"):
        stage(ws)


def test_where_two_blocks_meet_and_in_lines_without_end(ws: Path) -> None:
    path = ws / "codes" / "long.json"
    for filler in ("x" * 99 + "\n", "x" * 100):
        for at in (1 << 20, (1 << 20) - 20, (2 << 20) - 33):
            text = (filler * (at // 100 + 1))[:at]
            path.write_text(f"{text} {TOKEN} {filler}", encoding="utf-8")
            with pytest.raises(WorkflowError, match=rf"line {text.count(chr(10)) + 1}: Kaggle API token"):
                stage(ws)


def put_cell(root: Path, cell: nbformat.NotebookNode) -> None:
    path = root / "sub" / "sub.ipynb"
    node = nbformat.read(path, as_version=4)
    node["cells"].append(cell)
    nbformat.write(node, path)


def stage_deps(root: Path) -> stage_notebook.StagedDeps:
    made = workspace.load(root)
    return stage_notebook.stage_deps(made, made.notebook("deps"))


def test_cells_stop_and_outputs_warn(ws: Path) -> None:
    output = nbformat.v4.new_output("stream", text=f"logged in with {TOKEN}\n")
    put_cell(ws, nbformat.v4.new_code_cell("login()", outputs=[output]))
    [line] = found(ws)
    assert "warning: Kaggle API token" in line
    assert "in an output. Outputs are not uploaded" in line
    put_cell(ws, nbformat.v4.new_markdown_cell(f"my token\n{TOKEN}"))
    [line] = found(ws)
    assert (
        "sub/sub.ipynb: error: cell 4, line 2: Kaggle API token" in line or "line 2: Kaggle API token" in line
    )


@pytest.mark.parametrize(
    ("name", "write"),
    [
        (
            "deps/requirements.txt",
            lambda old: old + f"\n--extra-index-url https://me:{MIXED[:16]}@host.invalid/simple\n",
        ),
        ("deps/kernel-metadata.json", lambda old: json.dumps({**json.loads(old), "keywords": [TOKEN]})),
        ("invoke.yaml", lambda old: old + f"  args: --token {TOKEN}\n"),
        ("codes/dataset-metadata.json", lambda old: json.dumps({**json.loads(old), "subtitle": TOKEN})),
    ],
)
def test_requirements_metadata_and_arguments_too(ws: Path, name: str, write: Callable[[str], str]) -> None:
    path = ws / name
    path.write_text(write(path.read_text(encoding="utf-8")), encoding="utf-8")
    assert any(line.startswith(name) and "[secret]" in line for line in found(ws))
    staging = stage if name.startswith("codes/") else stage_deps
    with pytest.raises(WorkflowError, match="would be uploaded"):
        staging(ws)


def test_an_unchanged_file_is_not_read_again_and_a_changed_one_is(
    ws: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage(ws)
    monkeypatch.setattr(Searcher, "stream", lambda *_: pytest.fail("read again"))
    stage(ws)
    monkeypatch.undo()
    monkeypatch.setenv("HOME", str(ws.parent / "home"))
    path = ws / "codes" / "exp001.py"
    about = path.stat()
    text = path.read_text(encoding="utf-8")
    path.write_text(f"'{TOKEN}'\n" + text[len(TOKEN) + 3 :], encoding="utf-8")
    os.utime(path, ns=(about.st_atime_ns, about.st_mtime_ns))
    with pytest.raises(WorkflowError, match=r"exp001\.py, line 1"):
        stage(ws)
    kept = (ws / "build" / "known" / "secrets-codes.json").read_text(encoding="utf-8")
    assert TOKEN not in kept
    path.rename(path.with_name(f"{TOKEN}.py"))
    with pytest.raises(WorkflowError, match=r"KGAT….*in its name"):
        stage(ws)
    assert TOKEN not in (ws / "build" / "known" / "secrets-codes.json").read_text(encoding="utf-8")


def test_a_file_of_this_very_second_is_read_again_where_times_are_whole_seconds(
    ws: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = int(time.time())
    os.utime(ws / "codes" / "exp001.py", (now, now))
    stage(ws)
    monkeypatch.setattr(Searcher, "stream", lambda *_: pytest.fail("read again"))
    with pytest.raises(pytest.fail.Exception, match="read again"):
        stage(ws)


def test_the_cache_may_be_damaged_or_unwritable(ws: Path) -> None:
    stage(ws)
    cache = ws / "build" / "known" / "secrets-codes.json"
    for content in ("", "[]", '{"key": 1}', '{"files": {"a": 1}}', "{" * 100_000):
        cache.write_text(content, encoding="utf-8")
        stage(ws)


def codes_of_a_day(root: Path) -> str:
    """A file with two credentials of the same kind."""
    path = root / "codes" / "vocabulary.py"
    path.write_text(f"A = '{TOKEN}'\nB = 'KGAT_{RANDOM[9:41]}'\n", encoding="utf-8")
    return path.relative_to(root).as_posix()


def command(root: Path, *places: str) -> None:
    check_command.check_workspace(workspace.load(root), command_list.Check(no_secret=places))


def test_a_find_is_said_to_be_none_one_by_one_in_a_file_for_git(
    ws: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    name = codes_of_a_day(ws)
    places = [line.partition(": ")[0] for line in found(ws)]
    assert places == [f"{name}:{number}" for number in (1, 2)]
    assert f"`invoke check --no-secret {name}:1`" in found(ws)[0]
    with pytest.raises(WorkflowError, match="1 error"):
        command(ws, places[0])
    assert f"{name}:1: Kaggle API token (KGAT…, 37 characters) is listed" in capsys.readouterr().err
    assert [line.partition(": ")[0] for line in found(ws)] == places[1:]
    with pytest.raises(WorkflowError, match=rf"{name}, line 2"):
        stage(ws)
    command(ws, places[1])
    assert found(ws) == []
    stage(ws)
    text = (ws / ".secrets.baseline").read_text(encoding="utf-8")
    assert not [value for value in (TOKEN, RANDOM[9:41]) if value in text]
    assert SecretsCollection.load_from_baseline(json.loads(text))[name]
    (ws / "codes" / "other.py").write_text(f"A = '{TOKEN}'\n", encoding="utf-8")
    with pytest.raises(WorkflowError, match=r"codes/other\.py, line 1"):
        stage(ws)


def test_so_it_is_in_cells_in_programs_in_archives_and_of_this_machines_values(
    ws: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MY_TOKEN", "development-only")
    put_cell(ws, nbformat.v4.new_markdown_cell(f"see\n{TOKEN}"))
    (ws / "codes" / "a.bin").write_bytes(b"\0\1" + TOKEN.encode())
    with zipfile.ZipFile(ws / "codes" / "a.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("id_rsa", f"{TOKEN} development-only")
        archive.writestr("b.txt", f"{TOKEN} development-only")
    kernel = len(workspace.load(ws).notebook_names())
    assert kernel
    places = dict.fromkeys(re.findall(r"--no-secret ('[^']*'|\S+)`", "\n".join(found(ws))))
    assert [shlex.split(place)[0] for place in places] == [
        "codes/a.bin:1",
        "codes/a.zip:1",
        f"sub/sub.ipynb:cell {len(nbformat.read(ws / 'sub' / 'sub.ipynb', as_version=4)['cells'])}:2",
    ]
    command(ws, *(shlex.split(place)[0] for place in places))
    assert [line for line in found(ws) if "[secret]" in line] == []


def test_only_what_is_found_can_be_said_to_be_none(ws: Path) -> None:
    name = codes_of_a_day(ws)
    for place in (f"{name}:4", name, "codes/", "codes/exp001.py:1", "*", ""):
        with pytest.raises(WorkflowError, match="No credential is found at"):
            command(ws, place)
    assert not (ws / ".secrets.baseline").exists()
    features = ws / "data" / "features" / "keys.txt"
    features.parent.mkdir(parents=True)
    features.write_text(f"a\n{TOKEN}", encoding="utf-8")
    with pytest.raises(WorkflowError, match="2 errors"):
        command(ws, "data/features/keys.txt:2")
    assert (
        "data/features/keys.txt"
        in json.loads((ws / ".secrets.baseline").read_text(encoding="utf-8"))["results"]
    )
