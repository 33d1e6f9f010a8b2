"""What can be known here about macOS and Windows: static rules, and the commands in a Python that lacks what Windows lacks."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from kaggle_workflow import platforms
from tests import workspaces

ROOT = Path(__file__).resolve().parents[2]
TEMPLATE = ROOT / "template"
RUFF = shutil.which("ruff", path=str(Path(sys.executable).parent)) or "ruff"


def lint(path: Path, *words: str) -> set[tuple[str, str, str]]:
    """Rule, file and message of what ruff finds by the repository's own settings."""
    done = subprocess.run(
        [
            RUFF,
            "check",
            "--no-cache",
            "--output-format",
            "json",
            "--config",
            str(ROOT / "pyproject.toml"),
            *words,
            str(path),
        ],
        cwd=ROOT,
        capture_output=True,
        check=False,
        encoding="utf-8",
    )
    return {(one["code"], Path(one["filename"]).name, one["message"]) for one in json.loads(done.stdout)}


def test_no_call_that_windows_lacks_and_every_file_has_an_encoding() -> None:
    assert lint(TEMPLATE, "--select", "TID251,PLW1514") == set()


@pytest.mark.parametrize(
    ("line", "rule"),
    [
        ("import fcntl", "TID251"),
        ("import os\nos.killpg(1, 2)", "TID251"),
        ("import os\nos.getuid()", "TID251"),
        ("import signal\nsignal.SIGKILL", "TID251"),
        ("from pathlib import Path\nPath('a').read_text()", "PLW1514"),
        ("from pathlib import Path\nPath('a').write_text('b')", "PLW1514"),
        ("open('a')", "PLW1514"),
    ],
)
def test_the_rules_are_awake(tmp_path: Path, line: str, rule: str) -> None:
    file = tmp_path / "workflow" / "kaggle_workflow" / "new.py"
    file.parent.mkdir(parents=True)
    file.write_text(line + "\n", encoding="utf-8")
    assert [code for code, *_ in lint(file, "--select", "TID251,PLW1514")] == [rule]


def made_names() -> list[str]:
    listed = workspaces.git(ROOT, "ls-files", "-z", "--cached", "--others", "--exclude-standard", "template")
    return [name for name in listed.split("\0") if name]


def test_no_file_has_a_name_that_windows_refuses(template: Path, tmp_path: Path) -> None:
    extras = "[vscode, devcontainer, github-actions, agents]"
    root = workspaces.make(template, tmp_path / "ws", example="cmi-sleep", extras=extras)
    names = [path.relative_to(root).as_posix() for path in root.rglob("*")]
    reserved = re.compile(r"(?i)^(con|prn|aux|nul|com\d|lpt\d)(\.|$)")
    for name in [*names, *(each.split("{% endif %}/")[-1] for each in made_names())]:
        for part in name.split("/"):
            if "{{" in part or "{%" in part:
                # Copier's own names: they never reach a workspace, only the repository's checkout.
                continue
            assert not re.search(r'[<>:"|?*\\\x00-\x1f]', part), name
            assert not part.endswith((" ", ".")), name
            assert not reserved.match(part), name
    assert len({name.lower() for name in names}) == len(names)
    # 260 characters are all that Windows has; a home folder takes a part of them.
    assert max(map(len, names)) < 120
    assert [path for path in root.rglob("*") if path.is_symlink()] == []


def test_the_template_itself_can_be_checked_out_on_windows() -> None:
    for name in made_names():
        assert not re.search(r'[<>:"|?*\\]', name), name


def test_line_endings_are_pinned_where_bytes_count(template: Path, tmp_path: Path) -> None:
    root = workspaces.make(template, tmp_path / "ws", competition="titanic")
    workspaces.git(root, "init", "--quiet")
    names = [
        "codes/exp001.py",
        "deps/requirements.txt",
        "sub/sub.ipynb",
        "invoke.yaml",
        "ledger.jsonl",
    ]
    for line in workspaces.git(root, "check-attr", "eol", *names).splitlines():
        assert line.endswith(": eol: lf"), line
    said = workspaces.git(
        ROOT, "check-attr", "eol", "shim/kaggle_shim/__init__.py", "workflow/kaggle_workflow/check.py"
    )
    assert said.count("eol: lf") == 2


# The modules of the standard library and of others look at the platform when they are imported: they come first.
SIMULATE = """
import os, pathlib, signal, subprocess, sys, types, asyncio, tempfile, shutil, importlib.metadata
import invoke, nbformat, rich.table, rich.console, filelock, ruamel.yaml, pathspec, packaging.requirements, psutil, platformdirs, zipfile, uuid
system = sys.argv[1]
missing = {
    "darwin": ((), ("sched_getaffinity",), ()),
    "win32": (
        ("fcntl", "grp", "pty", "pwd", "resource", "termios", "tty"),
        ("fork", "forkpty", "getegid", "geteuid", "getgid", "getpgid", "getuid", "killpg", "nice", "sched_getaffinity", "setpgid", "setsid", "statvfs", "sysconf", "uname"),
        ("SIGKILL", "SIGHUP", "SIGALRM", "SIGUSR1", "SIGUSR2"),
    ),
}[system]
for name in missing[0]:
    sys.modules[name] = None
for module, names in ((os, missing[1]), (signal, missing[2])):
    for name in names:
        if hasattr(module, name):
            delattr(module, name)
sys.platform = system
if system == "win32":
    real = types.SimpleNamespace(**vars(os))
    for module in (pathlib, sys.modules.get("pathlib._local")):
        if module is not None and hasattr(module, "os"):
            module.os = real
    os.name = "nt"
root = pathlib.Path(sys.argv[2])
sys.path[:0] = [str(root), str(root / "shim")]
failed = {}
import importlib
for path in sorted(root.glob("workflow/**/*.py")) + sorted(root.glob("shim/kaggle_shim/*.py")):
    name = ".".join(path.relative_to(root / "shim" if "kaggle_shim" in path.parts else root).with_suffix("").parts)
    if name.rpartition(".")[2] in ("__init__", "__main__", "run_notebook", "run_kernel", "run_entry"):
        continue
    try:
        importlib.import_module(name)
    except Exception as error:
        failed[name] = f"{type(error).__name__}: {error}"
import json
print(json.dumps(failed))
from kaggle_workflow.rehearsal import isolation
print(isolation.detect().missing)
"""


@pytest.mark.parametrize(
    ("system", "remedy"), [("win32", "inside WSL or in a container"), ("darwin", "in a container (--image")]
)
def test_every_module_imports_on_a_platform_that_has_less(tmp_path: Path, system: str, remedy: str) -> None:
    script = tmp_path / "simulate.py"
    script.write_text(SIMULATE, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-B", str(script), system, str(TEMPLATE)],
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert done.returncode == 0, done.stderr
    failed, missing = done.stdout.strip().splitlines()
    assert json.loads(failed) == {}
    assert remedy in missing


def test_paths_of_an_environment_follow_the_platform(monkeypatch: pytest.MonkeyPatch) -> None:
    prefix = Path("env")
    assert platforms.interpreter(prefix).as_posix() == "env/bin/python"
    assert platforms.user_and_group() is not None
    monkeypatch.setattr("os.name", "nt")
    monkeypatch.setattr("sys.platform", "win32")
    assert platforms.interpreter(prefix).as_posix() == "env/Scripts/python.exe"
    assert platforms.user_and_group() is None
    kept = platforms.clean_environment(prefix, prefix)
    assert {"USERPROFILE", "TEMP", "PATH"} <= set(kept)
    assert "HOME" not in kept


def test_a_mac_shows_its_settings_where_linux_reads_them() -> None:
    from kaggle_workflow.rehearsal import container

    inside = Path("/root/Library/Application Support/pip/pip.conf")
    assert container._inside(inside).as_posix() == "/root/.config/pip/pip.conf"
    assert container._inside(Path("/etc/pip.conf")).as_posix() == "/etc/pip.conf"
