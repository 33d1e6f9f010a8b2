"""A fake of what surrounds a running notebook: mounts, plan, working folder, and a child that calls `kaggle_shim.run()`."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from kaggle_shim import refs
from kaggle_shim.manifest import CODES_MANIFEST, Manifest, scan
from kaggle_shim.plan import Input, Plan
from tests.workspaces import ROOT

SHIM = ROOT / "shim"
GOOD = "import pathlib\npathlib.Path('submission.csv').write_text('id,target\\n1,0\\n')\n"


@dataclass(frozen=True)
class Ran:
    """A finished run: exit code, what was printed, the report, the working folder."""

    code: int
    text: str
    report: dict[str, Any]
    working: Path


class Notebook:
    """A fake of what surrounds a running notebook: mounts, plan, working folder."""

    def __init__(self, root: Path, layout: str) -> None:
        self.root = root
        self.layout = layout
        self.input = root / "input"
        self.working = root / "working"
        self.working.mkdir(parents=True)
        self.plan = Plan(
            role="sub",
            notebook="me/cmi-sub",
            workspace="w",
            competition="titanic",
            template="test",
            entry=("exp001.py",),
            limit=60.0,
        )

    def attach(self, one: Input) -> Path:
        folder = self.input / one.ref.mount(self.layout)
        folder.mkdir(parents=True)
        self.plan = replace(self.plan, inputs=(*self.plan.inputs, one))
        return folder

    def codes(self, **files: str) -> Path:
        ref = refs.DatasetRef("me", "cmi-codes")
        folder = self.input / ref.mount(self.layout)
        for name, text in files.items():
            path = folder / name.replace("__", "/").replace("_py", ".py").replace("_sh", ".sh")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        manifest = Manifest("w", "titanic", scan(folder))
        (folder / CODES_MANIFEST).write_text(manifest.dumps(), encoding="utf-8")
        self.plan = replace(self.plan, inputs=(*self.plan.inputs, Input(ref, "codes", manifest.fingerprint)))
        return folder

    def competition(self, sample: str = "id,target\n1,0\n") -> Path:
        folder = self.attach(Input(refs.CompetitionRef("titanic"), "data"))
        (folder / "sample_submission.csv").write_text(sample, encoding="utf-8")
        return folder

    def seal(self) -> None:
        """Write the codes' manifest anew, after a file was added by hand."""
        one = next(one for one in self.plan.inputs if one.role == "codes")
        folder = self.input / one.ref.mount(self.layout)
        manifest = Manifest("w", "titanic", scan(folder, (CODES_MANIFEST,)))
        (folder / CODES_MANIFEST).write_text(manifest.dumps(), encoding="utf-8")
        sealed = replace(one, fingerprint=manifest.fingerprint)
        self.plan = replace(
            self.plan, inputs=tuple(sealed if each is one else each for each in self.plan.inputs)
        )

    def start(self, python: str = sys.executable, **environment: str) -> subprocess.Popen[str]:
        """A child that calls `kaggle_shim.run()`."""
        plan = self.root / "plan.json"
        plan.write_text(self.plan.dumps(), encoding="utf-8")
        scratch = self.root / "tmp"
        scratch.mkdir(exist_ok=True)
        variables = {
            "KAGGLE_SHIM_PLAN": str(plan),
            "KAGGLE_SHIM_INPUT": str(self.input),
            "KAGGLE_SHIM_WORKING": str(self.working),
            "KAGGLE_SHIM_TMP": str(scratch),
            "PYTHONPATH": str(SHIM),
        }
        base = {name: value for name, value in os.environ.items() if not name.startswith("KAGGLE_")}
        return subprocess.Popen(
            [python, "-c", "import kaggle_shim; kaggle_shim.run()"],
            env={**base, **variables, **environment},
            cwd=self.working,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
        )

    def run(self, python: str = sys.executable, **environment: str) -> Ran:
        with self.start(python, **environment) as child:
            text, _ = child.communicate()
        report = self.working / "run-report.json"
        found = json.loads(report.read_text(encoding="utf-8")) if report.exists() else {}
        return Ran(child.returncode, text, found, self.working)
