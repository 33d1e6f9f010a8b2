"""The entry point's process: streamed, watched, and ended with all that it started."""

import os
import sys
import time
from pathlib import Path
from typing import Any

import psutil
import pytest

from kaggle_shim import process

LIMIT = 30.0


def run(code: str, tmp_path: Path, **options: Any) -> tuple[process.Ended, str]:
    return run_command([sys.executable, "-u", "-c", code], tmp_path, **options)


def run_command(command: list[str], tmp_path: Path, **options: Any) -> tuple[process.Ended, str]:
    said: list[str] = []
    ended = process.run_child(command, cwd=tmp_path, environment=os.environ, write=said.append, **options)
    return ended, "".join(said)


def run_shell(code: str, tmp_path: Path, **options: Any) -> tuple[process.Ended, str]:
    """As `run`, for what has to be up before a time is over: a shell starts in a thousandth of a second."""
    if os.name == "nt":
        pytest.skip("Windows has no sh")
    return run_command(["sh", "-c", code], tmp_path, **options)


def gone(pid: int) -> bool:
    """Whether a process ends within the limit (a zombie that nobody reaped counts as ended)."""
    until = time.monotonic() + LIMIT
    while time.monotonic() < until:
        try:
            if psutil.Process(pid).status() == psutil.STATUS_ZOMBIE:
                return True
        except psutil.NoSuchProcess:
            return True
        time.sleep(0.02)
    return False


def test_output_arrives_before_the_end(tmp_path: Path) -> None:
    waiting = tmp_path / "go"
    code = f"import os, time\nprint('first')\nwhile not os.path.exists({str(waiting)!r}): time.sleep(0.01)\nprint('second')"
    said: list[str] = []

    def write(text: str) -> None:
        said.append(text)
        waiting.touch()

    ended = process.run_child(
        [sys.executable, "-u", "-c", code], cwd=tmp_path, environment=os.environ, write=write
    )
    assert ended.exit_code == 0
    assert "".join(said).split() == ["first", "second"]


def test_the_last_lines_are_kept_and_a_progress_bar_is_one_of_them(tmp_path: Path) -> None:
    ended, _ = run(
        "import sys\nprint('a')\nsys.stdout.write('10%\\r50%\\r100%\\n')\nprint('b', end='')\nsys.exit(3)",
        tmp_path,
    )
    assert ended.exit_code == 3
    assert ended.tail == ("a", "100%", "b")


def test_a_flood_of_output_keeps_only_the_tail_in_memory(tmp_path: Path) -> None:
    ended, said = run("for number in range(20000): print('line', number)", tmp_path)
    assert len(ended.tail) == 30
    assert ended.tail[-1] == "line 19999"
    assert said.count("\n") == 20000


def test_memory_of_children_counts(tmp_path: Path) -> None:
    child = (
        "import os, time\nx = bytearray(80_000_000)\nx[::4096] = b'1' * len(x[::4096])\nopen('ready', 'w').close()\n"
        "while not os.path.exists('seen'): time.sleep(0.01)\n"
    )
    code = f"import subprocess, sys\nsubprocess.run([sys.executable, '-c', {child!r}])"
    looks = 0

    def should_end() -> bool:
        # Called by the thread that takes the samples, five times for each of them.
        nonlocal looks
        looks += (tmp_path / "ready").exists()
        if looks > 12:
            (tmp_path / "seen").touch()
        return False

    ended, _ = run(code, tmp_path, should_end=should_end)
    if not Path("/proc").is_dir():
        pytest.skip("memory is sampled from /proc, which this system has not")
    assert ended.peak_memory is not None
    assert ended.peak_memory > 80_000_000


def test_what_the_child_left_running_is_ended_with_it(tmp_path: Path) -> None:
    code = "import subprocess, sys\np = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])\nprint(p.pid)"
    ended, said = run(code, tmp_path)
    assert ended.exit_code == 0
    assert ended.seconds < LIMIT
    assert gone(int(said))


def test_the_guard_ends_the_whole_group(tmp_path: Path) -> None:
    ended, said = run_shell("sleep 600 & echo $!; sleep 600", tmp_path, guard=0.8, grace=0.2)
    assert ended.guarded
    assert ended.exit_code != 0
    assert gone(int(said))


def test_the_guard_lets_the_entry_point_put_its_things_away(tmp_path: Path) -> None:
    code = "trap 'echo id > partial.csv; exit 0' TERM; sleep 600 & wait"
    ended, _ = run_shell(code, tmp_path, guard=0.8, grace=LIMIT)
    assert ended.guarded
    assert (tmp_path / "partial.csv").is_file()


def test_the_warning_comes_while_the_child_runs(tmp_path: Path) -> None:
    code = "import os, time\nwhile not os.path.exists('warned'): time.sleep(0.01)\nprint('after')"
    ended, said = run(code, tmp_path, warn_at=(0.1, (tmp_path / "warned").touch))
    assert (ended.exit_code, said.strip()) == (0, "after")


def test_somebody_who_looks_can_end_the_group_and_that_is_told_apart_from_the_guard(tmp_path: Path) -> None:
    code = "import pathlib, time\npathlib.Path('ready').touch()\ntime.sleep(600)"
    ended, _ = run(code, tmp_path, should_end=(tmp_path / "ready").exists, grace=LIMIT)
    assert ended.stopped
    assert not ended.guarded
    assert ended.seconds < LIMIT
    ended, _ = run("print('by itself')", tmp_path, should_end=lambda: False)
    assert (ended.stopped, ended.exit_code) == (False, 0)


def test_an_interrupt_ends_the_child(tmp_path: Path) -> None:
    pids: list[int] = []

    def write(text: str) -> None:
        pids.append(int(text))
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        process.run_child(
            [sys.executable, "-u", "-c", "import os, time\nprint(os.getpid())\ntime.sleep(600)"],
            cwd=tmp_path,
            environment=os.environ,
            write=write,
        )
    assert gone(pids[0])


def test_a_program_that_is_not_there_is_an_os_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        process.run_child(["no-such-program-here"], cwd=tmp_path, environment=os.environ, write=print)
