"""A workspace as far as the ledger's commands need one, and `invoke` in it."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

TEMPLATE = Path(__file__).resolve().parents[2] / "template"

Invoke = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    root = tmp_path / "workspace"
    root.mkdir()
    for name in ("tasks.py", ".gitattributes"):
        shutil.copy(TEMPLATE / name, root)
    (root / "codes").mkdir()
    (root / "codes" / "exp001.py").write_text("print('one')\n", encoding="utf-8")
    (root / "invoke.yaml").write_text(
        "# Settings.\nworkspace:\n  entry: exp001.py  # what runs\n", encoding="utf-8"
    )
    return root


@pytest.fixture
def invoke(workspace: Path) -> Invoke:
    """Runs `invoke` in the workspace, with variables in place of those of this session."""

    def run(*words: str, code: int = 0, **variables: str) -> subprocess.CompletedProcess[str]:
        kept = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith("INVOKE_") and name != "COLUMNS"
        }
        child = subprocess.run(
            [sys.executable, "-m", "invoke", *words],
            cwd=workspace,
            env={**kept, "PYTHONDONTWRITEBYTECODE": "", **variables},
            capture_output=True,
            text=True,
            encoding="utf-8",
            check=False,
        )
        assert child.returncode == code, child.stdout + child.stderr
        assert "Traceback" not in child.stderr
        return child

    return run
