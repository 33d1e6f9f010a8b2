"""Competitions served by an evaluation API: the save run plays the gateway itself, the rerun answers one in another process."""

import json
import shutil
import socket
import time
from pathlib import Path
from typing import Any

import pytest

from kaggle_shim import evaluation
from kaggle_shim.context import Context
from kaggle_shim.plan import Plan
from kaggle_shim.report import Report
from kaggle_workflow.errors import RunFailed
from kaggle_workflow.rehearsal import gateway, sandbox
from kaggle_workflow.rehearsal.inputs import Mount
from tests import workspaces

HERE = Path(__file__).parent
SETTINGS = "workspace:\n  entry: exp001.py\n  output: gateway\n  submission: submission.csv\n  limit: 10m\n"
GRPC = "grpcio==1.85.1\n"

needs_sandbox = pytest.mark.skipif(
    not sandbox.detect().complete, reason="a gateway is found by a host name that only the sandbox gives"
)


@pytest.fixture(scope="module")
def made(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace of a competition with an evaluation package, whose image has gRPC."""
    root = workspaces.make(template, tmp_path_factory.mktemp("gateway") / "ws", competition="wine")
    (root / "deps/image.txt").write_text(GRPC, encoding="utf-8")
    (root / "invoke.yaml").write_text(SETTINGS, encoding="utf-8")
    workspaces.edit_json(root / "sub/kernel-metadata.json", kernel_sources=[])
    shutil.copyfile(HERE / "entry.py", root / "codes/exp001.py")
    data = root / "data/competitions/wine"
    shutil.copytree(
        HERE / "evaluation", data / "kaggle_evaluation", ignore=shutil.ignore_patterns("__pycache__")
    )
    (data / "test.csv").write_text("id\nred\nwhite\n", encoding="utf-8")
    (data / "sample_submission.csv").write_text("id,target\nred,0\n", encoding="utf-8")
    return root


@pytest.fixture
def ws(made: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(made, tmp_path / "ws"))


class Rehearse:
    def __init__(self, cache_home: Path) -> None:
        self.cache_home = cache_home

    def __call__(self, root: Path, *words: str, code: int = 0) -> str:
        done = workspaces.invoke(root, "rehearse", *words, env={"XDG_CACHE_HOME": str(self.cache_home)})
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout + done.stderr


@pytest.fixture
def rehearse(cache_home: Path) -> Rehearse:
    return Rehearse(cache_home)


def report(root: Path) -> dict[str, Any]:
    value: dict[str, Any] = json.loads(
        (root / "build/rehearsal/working/run-report.json").read_text(encoding="utf-8")
    )
    return value


def test_a_save_run_plays_the_gateway_in_the_notebook_and_leaves_the_file(
    ws: Path, rehearse: Rehearse
) -> None:
    said = rehearse(ws)
    assert (ws / "build/rehearsal/working/submission.csv").read_text() == "id,target\nred,3\nwhite,5\n"
    told = report(ws)
    assert told["gateway"]["startup_limit"] == 900
    assert 0 < told["gateway"]["server_up"] < 60
    assert "run_local_gateway" in told["gateway"]["writes"]
    assert told["submission"]["rows"] == 2
    assert "of the 15m that the gateway waits" in said


def test_a_save_run_without_the_file_says_who_has_to_write_it(ws: Path, rehearse: Rehearse) -> None:
    (ws / "codes/exp001.py").write_text("print('done')\n", encoding="utf-8")
    assert "this notebook writes it, with run_local_gateway" in rehearse(ws, code=4)


@needs_sandbox
@pytest.mark.parametrize("layout", ["namespaced", "classic"])
def test_a_rerun_answers_a_gateway_in_another_process_and_ends_with_it(
    ws: Path, rehearse: Rehearse, layout: str
) -> None:
    hidden = ws / "data/rerun/competitions/wine"
    hidden.mkdir(parents=True)
    (hidden / "test.csv").write_text("id\nhidden\n", encoding="utf-8")
    said = rehearse(ws, "--rerun", "--layout", layout)
    assert (ws / "build/rehearsal/gateway/submission.csv").read_text() == "id,target\nhidden,6\n"
    assert not (ws / "build/rehearsal/working/submission.csv").exists()
    told = report(ws)
    assert told["kind"] == "rerun"
    assert "another container" in told["gateway"]["writes"]
    assert told["gateway"]["server_up"] is not None
    assert "gateway/submission.csv" in said
    assert ("also mounted at wine" in said) is (layout == "namespaced")


@needs_sandbox
def test_what_the_server_raises_is_the_rehearsals_error(ws: Path, rehearse: Rehearse) -> None:
    path = ws / "codes/exp001.py"
    path.write_text(path.read_text().replace("return len(row)", "raise ValueError(f'no {row} here')"))
    said = rehearse(ws, "--rerun", code=4)
    assert "SERVER_RAISED_EXCEPTION" in said
    assert "no red here" in said


@needs_sandbox
def test_a_notebook_that_never_serves_is_told_to(ws: Path, rehearse: Rehearse) -> None:
    (ws / "codes/exp001.py").write_text("print('done')\n", encoding="utf-8")
    assert "call serve()" in rehearse(ws, "--rerun", code=4)


@needs_sandbox
def test_a_gateway_over_http_is_found_by_its_name_and_ends_with_the_notebook(
    ws: Path, rehearse: Rehearse
) -> None:
    shutil.rmtree(ws / "data/competitions/wine/kaggle_evaluation")
    shutil.copyfile(HERE / "http_entry.py", ws / "codes/exp001.py")
    assert "gateway.py" in rehearse(ws, "--rerun", code=2)
    (ws / "data/rerun").mkdir()
    shutil.copyfile(HERE / "http_gateway.py", ws / "data/rerun/gateway.py")
    said = rehearse(ws, "--rerun")
    assert "gateway | listening" in said
    assert (ws / "build/rehearsal/gateway/submission.csv").read_text() == "move\nls20\nft09\n"


def test_a_rerun_without_a_sandbox_says_that_names_are_missing(ws: Path, rehearse: Rehearse) -> None:
    said = rehearse(ws, "--rerun", "--without-isolation", code=2)
    assert "names that only the sandbox gives" in said


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("STARTUP_LIMIT_SECONDS = 60 * 15\n", 900.0),
        ("STARTUP_LIMIT_SECONDS = 1800\n", 1800.0),
        ("OTHER = 3\n", 900.0),
    ],
)
def test_the_startup_limit_is_the_packages_own(tmp_path: Path, text: str, seconds: float) -> None:
    (tmp_path / "core").mkdir()
    (tmp_path / "core/relay.py").write_text(f"import grpc\n{text}")
    assert evaluation.startup_limit(tmp_path) == seconds
    assert evaluation.startup_limit(None) == 900.0


def test_a_server_that_is_nearly_too_late_is_told_to_serve_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KAGGLE_SHIM_TMP", str(tmp_path))
    monkeypatch.setenv("KAGGLE_SHIM_STARTED", str(time.time() - 800))
    made = Plan("sub", "me/sub", "w", "wine", "test", output="gateway", submission="submission.parquet")
    run = Context(made, Report({}), tmp_path)
    looking = evaluation.Gateway(run, None).is_done
    with socket.create_server(("127.0.0.1", 0)) as server:
        monkeypatch.setattr(evaluation, "PORTS", {server.getsockname()[1]})
        if not Path("/proc/net/tcp").is_file():
            pytest.skip("listening ports are read from /proc, which this system has not")
        assert looking() is False
    (warning,) = run.report.warnings
    assert "of the 15m that the gateway waits" in warning
    assert "Serve first" in warning
    assert run.report.values["gateway"]["server_up"] >= 800


def test_listening_ports_are_read_and_connected_ones_are_not() -> None:
    table = (
        "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n",
        "   0: 00000000:C383 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1 1\n",
        "   1: 0100007F:1F40 0100007F:C384 01 00000000:00000000 00:00000000 00000000     0        0 2 1\n",
    )
    assert evaluation.listening(table) == {50051}


def test_places_that_a_gateway_names_are_mounted_too_with_the_hidden_files(tmp_path: Path) -> None:
    text = "'/kaggle/input/wine/test.csv' '/kaggle/input/competitions/wine/x' '/kaggle/input/wine-2026/'"
    assert gateway.fixed_places(text, "competitions/wine") == ("wine", "wine-2026")
    mounts = (
        Mount(tmp_path, "competitions/wine"),
        Mount(tmp_path / "t", "competitions/wine/test.csv"),
        Mount(tmp_path, "competitions/wine-2"),
    )
    assert [mount.target for mount in gateway.also_at(mounts, "competitions/wine", ("wine",))] == [
        "wine",
        "wine/test.csv",
    ]


def test_a_gateway_that_failed_without_a_word_is_named(tmp_path: Path) -> None:
    (tmp_path / "ended.json").write_text('{"exit_code": 3, "finished": true}')
    with pytest.raises(RunFailed, match=r"wine_gateway\.py failed \(exit code 3\)"):
        gateway.verdict(gateway.Gateway(Path("wine_gateway.py"), "x", "x"), tmp_path)
