"""A saved notebook really runs, in the rehearsal's own sandbox."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from kaggle_workflow.platforms import gpu_devices
from kaggle_workflow.rehearsal import sandbox
from tests.kaggle_server.actions import run_state, save
from tests.kaggle_server.test_competitions import SOLUTION, submission, submit
from tests.local_kaggle import Behaviour, LocalKaggle

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.kaggle_server.conftest import Sdk

REF = "tester/my-sub"
SOURCE = """
import json, os, pathlib, socket
root = pathlib.Path(os.environ.get("KAGGLE_SHIM_INPUT", "/kaggle/input"))
seen = sorted(p.relative_to(root).as_posix() for p in root.rglob("*") if p.is_file())
print("seen", json.dumps(seen))
rows = (root / "cup" / "test.csv").read_text().split()[1:]
pathlib.Path("submission.csv").write_text("id,target\\n" + "".join(f"{row},1\\n" for row in rows))
try:
    socket.create_connection(("192.0.2.1", 80), timeout=0.2)
except OSError as error:
    print("network", error)
print("rerun", bool(os.environ.get("KAGGLE_IS_COMPETITION_RERUN")), os.environ["KAGGLE_KERNEL_RUN_TYPE"])
"""


def notebook(source: str) -> str:
    cell: dict[str, object] = {
        "cell_type": "code",
        "execution_count": None,
        "metadata": {},
        "outputs": [],
        "source": source,
    }
    spec = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    return json.dumps({"cells": [cell], "metadata": spec, "nbformat": 4, "nbformat_minor": 4})


@pytest.fixture
def kaggle(tmp_path: Path, image_python: Path) -> Iterator[LocalKaggle]:
    behaviour = Behaviour(layout="classic")
    with LocalKaggle(tmp_path / "kaggle", behaviour=behaviour, python=image_python) as server:
        server.add_competition(
            "cup",
            metric="accuracy",
            public={"test.csv": "id\n1\n", "train.csv": "id\n"},
            hidden={"test.csv": "id\n1\n2\n3\n4\n"},
            solution=SOLUTION,
        )
        server.add_dataset("tester/my-codes", {"pkg/a.py": "x = 1", "b.txt": ""})
        server.add_dataset("tester/not-attached", {"secret.txt": ""})
        yield server


def test_a_notebook_runs_with_what_it_attached_and_is_scored_on_hidden_files(
    kaggle: LocalKaggle, sdk: Sdk
) -> None:
    client = sdk()
    sources = {"dataset_data_sources": ["tester/my-codes"], "competition_data_sources": ["cup"]}
    save(client, REF, text=notebook(SOURCE), **sources)
    kaggle.wait_for_runs(60)

    log = kaggle.notebook_log(REF)
    assert run_state(client, REF).status.name == "COMPLETE", log
    assert 'seen ["cup/test.csv", "cup/train.csv", "my-codes/b.txt", "my-codes/pkg/a.py"]' in log
    assert "rerun False Batch" in log
    assert (kaggle.notebook_output(REF) / "submission.csv").read_text() == "id,target\n1,1\n"

    ref = submit(client, 1).ref
    kaggle.wait_for_runs(60)
    seen = submission(client, ref)
    assert (seen.status.name, seen.public_score) == ("COMPLETE", "0.50000"), seen.error_description
    rerun = (kaggle.root / "reruns" / str(ref) / "log.json").read_text()
    assert "rerun True Batch" in rerun


def test_a_notebook_that_throws_and_one_that_takes_too_long_fail(kaggle: LocalKaggle, sdk: Sdk) -> None:
    client = sdk()
    save(client, REF, text=notebook("raise ValueError('on purpose')"))
    sleeper = notebook("import time; print('asleep', flush=True); time.sleep(600)")
    save(client, "tester/sleeper", text=sleeper, session_timeout_seconds=4)
    save(client, "tester/script", text="print('a script')", kernel_type="script")
    kaggle.wait_for_runs(60)

    assert run_state(client, REF).status.name == "ERROR"
    assert "on purpose" in kaggle.notebook_log(REF)
    late = run_state(client, "tester/sleeper")
    assert late.status.name == "ERROR"
    assert "exceeded the max allowed execution duration" in late.failure_message
    assert run_state(client, "tester/script").status.name == "COMPLETE"
    assert "a script" in kaggle.notebook_log("tester/script")


ASKS_FOR_A_GPU = """
import subprocess
names = subprocess.run(["nvidia-smi", "--query-gpu=name", "--format=csv,noheader"], capture_output=True, check=True, text=True).stdout
print("GPUs", names.split("\\n"))
"""


def test_a_run_that_asks_for_a_gpu_finds_one_where_one_is_played(kaggle: LocalKaggle, sdk: Sdk) -> None:
    client = sdk()
    save(client, REF, text=notebook(ASKS_FOR_A_GPU), enable_gpu=True)
    save(client, "tester/without", text=notebook(ASKS_FOR_A_GPU))
    kaggle.wait_for_runs(60)

    assert "GPUs ['Tesla T4', 'Tesla T4', '']" in kaggle.notebook_log(REF)
    if not gpu_devices():
        assert run_state(client, "tester/without").status.name == "ERROR"
        kaggle.behave(gpu_devices="machine")
        save(client, REF, text=notebook(ASKS_FOR_A_GPU), enable_gpu=True)
        kaggle.wait_for_runs(60)
        assert run_state(client, REF).status.name == "ERROR"


GATEWAY = """
import pathlib, time, urllib.error, urllib.request
def ask(row):
    for _ in range(600):
        try:
            return urllib.request.urlopen(f"http://inference_server:8000/{row}").read().decode()
        except urllib.error.HTTPError:
            raise
        except OSError:
            time.sleep(0.05)
rows = pathlib.Path("/kaggle/input/wine/test.csv").read_text().split()[1:]
pathlib.Path("submission.csv").write_text("id,target\\n" + "".join(f"{row},{ask(row)}\\n" for row in rows))
ask("done")
"""
SERVES = """
import http.server, os, pathlib, sys
class Answers(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        row = self.path[1:]
        if row == WRONG:
            self.send_error(500)
            return
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"1")
        self.server.asked = row
if os.environ.get("KAGGLE_IS_COMPETITION_RERUN"):
    with http.server.HTTPServer(("0.0.0.0", 8000), Answers) as server:
        server.asked = ""
        while server.asked != "done":
            server.handle_request()
            if WRONG:
                break
else:
    pathlib.Path("submission.csv").write_text("id,target\\n1,1\\n")
"""


@pytest.mark.skipif(
    not sandbox.detect().complete, reason="a gateway is found by a name that only the sandbox gives"
)
@pytest.mark.parametrize("layout", ["namespaced", "classic"])
def test_the_rerun_of_an_evaluation_api_is_asked_by_its_gateway_and_ends(
    kaggle: LocalKaggle, sdk: Sdk, layout: str
) -> None:
    kaggle.behave(layout=layout)
    package = {"kaggle_evaluation/__init__.py": "", "kaggle_evaluation/wine_gateway.py": GATEWAY}
    kaggle.add_competition(
        "wine",
        metric="accuracy",
        public={"test.csv": "id\n1\n", **package},
        hidden={"test.csv": "id\n1\n2\n3\n4\n"},
        solution=SOLUTION,
    )
    client = sdk()
    attached = {"competition_data_sources": ["wine"]}
    save(client, REF, text=notebook(SERVES.replace("WRONG", "''")), **attached)
    save(client, REF, text=notebook(SERVES.replace("WRONG", "'1'")), **attached)
    kaggle.wait_for_runs(60)
    good, bad = (submit(client, version, competition="wine").ref for version in (1, 2))
    kaggle.wait_for_runs(100)

    seen = submission(client, good)
    assert (seen.status.name, seen.public_score) == ("COMPLETE", "0.50000"), seen.error_description
    assert "Threw Exception" in submission(client, bad).error_description
