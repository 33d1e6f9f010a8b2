"""A real rehearsal on a machine full of credentials: the notebook meets none, and nothing that it or the command leaves holds one."""

from __future__ import annotations

from pathlib import Path

import pytest

from kaggle_workflow.rehearsal import image, sandbox
from tests import workspaces

# Every planted credential begins with this. Written in two parts, so that the notebook that looks for it does not carry it.
HALVES = ("c0ffee5eed", "facade0ddba11")
MARK = "".join(HALVES)
OPEN_NAME = "what-the-notebook-may-see"

ENTRY = f"""
import os
import pathlib

MARK = "".join({HALVES!r}).encode()
FOLDERS = ("/kaggle", "/root", "/home", "/tmp", "/run", "/etc", "/var", "/mnt", "/srv", "/media", "/opt")


def holds(path):
    try:
        return MARK in pathlib.Path(path).read_bytes()
    except OSError:
        return False


# Proof that the search finds what is there: one that this program planted, and the one thing of the machine that is attached.
pathlib.Path("/tmp/planted").write_bytes(MARK)
seen, files = [], 0
for name, value in os.environb.items():
    if MARK in name + b"=" + value:
        seen.append("environment " + name.decode())
for top in dict.fromkeys((*FOLDERS, os.path.expanduser("~"))):
    for parent, _, names in os.walk(top):
        for name in names:
            path = os.path.join(parent, name)
            files += 1
            if MARK in os.fsencode(path) or (os.path.isfile(path) and holds(path)):
                seen.append(path)
for process in pathlib.Path("/proc").iterdir():
    if process.name.isdecimal():
        # Of this process, of all before it in the sandbox, and of what started the sandbox.
        seen += [f"{{process}}/{{name}}" for name in ("environ", "cmdline", "mountinfo", "mounts") if holds(process / name)]
print("looked at", files, "files")
for place in seen:
    print("seen:", place)
with open("submission.csv", "w") as file:
    file.write("id,target\\n1,0\\n")
"""


def plant(root: Path, home: Path) -> tuple[dict[str, str], list[Path]]:
    """Credentials wherever people have them; returns those of the environment, and the files that hold the others."""
    files = {
        home / ".kaggle" / "kaggle.json": '{"username": "you", "key": "%s"}',
        home / ".kaggle" / "access_token": "KGAT_%s",
        home / ".netrc": "machine api.wandb.ai login user password %s\n",
        home / ".git-credentials": "https://me:%s@host.invalid\n",
        home / ".gitconfig": '[http]\n\textraHeader = "Authorization: Bearer %s"\n',
        home / ".config" / "pip" / "pip.conf": "[global]\nextra-index-url = https://me:%s@host.invalid/\n",
        home / ".cache" / "huggingface" / "token": "hf_%s",
        home / ".aws" / "credentials": "[default]\naws_secret_access_key = %s\n",
        home / ".ssh" / "id_ed25519": "-----BEGIN OPENSSH PRIVATE KEY-----\n%s\n",
        root / ".env": "SERVICE_TOKEN=%s\n",
        root / "invoke.local.yaml": "# a note to myself: %s\nworkspace:\n  poll: 20\n",
        # Beside what is attached, and attached nowhere.
        root / "data" / "datasets" / "you" / "private" / "notes.txt": "%s\n",
    }
    for number, (path, text) in enumerate(files.items()):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text % f"{MARK}{number:02}", encoding="utf-8")
    workspaces.git(root, "init", "-q")
    workspaces.git(root, "remote", "add", "origin", f"https://me:{MARK}90@host.invalid/ws")
    environment = {
        "KAGGLE_API_TOKEN": f"KGAT_{MARK}91",
        "KAGGLE_USERNAME": "you",
        "KAGGLE_KEY": f"{MARK}92",
        "HF_TOKEN": f"hf_{MARK}93",
        "WANDB_API_KEY": f"{MARK}94",
        "PIP_INDEX_URL": f"https://me:{MARK}95@host.invalid/simple",
        "HTTPS_PROXY": f"http://me:{MARK}96@host.invalid",
        "SOME_SERVICE": f"{MARK}97",
    }
    return environment, [*files, root / ".git" / "config"]


@pytest.mark.skipif(
    not sandbox.detect().complete, reason="this machine gives no sandbox, so nothing can be shown"
)
def test_a_rehearsed_notebook_meets_no_credential(
    template: Path, tmp_path: Path, cache_home: Path, image_cache: Path
) -> None:
    root = workspaces.make(template, tmp_path / "ws", competition="tiny")
    data = root / "data" / "competitions" / "tiny"
    data.mkdir(parents=True)
    (data / "sample_submission.csv").write_text("id,target\n1,0\n", encoding="utf-8")
    (root / "codes" / "exp001.py").write_text(ENTRY, encoding="utf-8")
    (root / "deps" / "image.txt").write_text("# nothing\n", encoding="utf-8")
    # The index of this machine can make it; the one that is planted below can't.
    image.ensure(root / "deps" / "image.txt", python=None, cache=image_cache, on_line=print)
    environment, planted = plant(root, tmp_path / "home")
    here = {"HOME": str(tmp_path / "home"), "XDG_CACHE_HOME": str(cache_home)}
    done = workspaces.invoke(root, "rehearse", env={**here, **environment})
    said = done.stdout + done.stderr
    assert done.returncode == 0, said
    assert MARK not in said
    assert [line for line in said.splitlines() if "seen:" in line] == ["seen: /tmp/planted"]
    left = [path for path in root.rglob("*") if path.is_file() and path not in planted]
    assert root / "build" / "rehearsal" / "working" / "submission.csv" in left
    assert root / "build" / "rehearsal" / "sub-executed.ipynb" in left
    assert [str(path) for path in left if MARK.encode() in path.read_bytes()] == []
