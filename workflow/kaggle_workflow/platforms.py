"""Everything that differs between Linux, macOS and Windows: processes, links, temporary folders."""

import contextlib
import importlib
import os
import shutil
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

if TYPE_CHECKING:
    import psutil

# Seconds that a process has between "please end" and being killed: enough to finish writing a checkpoint.
GRACE = 3.0
# Seconds to wait for another program to release a file on Windows.
_MOMENTS = (0.05, 0.1, 0.2, 0.4, 0.8, 1.6) if os.name == "nt" else ()
# What a program needs on Windows before it can open a socket or find a library.
_WINDOWS_NEEDS = (
    "SYSTEMROOT",
    "SYSTEMDRIVE",
    "WINDIR",
    "COMSPEC",
    "PATHEXT",
    "NUMBER_OF_PROCESSORS",
    "PROCESSOR_ARCHITECTURE",
)


def start(command: Sequence[str], environment: Mapping[str, str], folder: Path) -> subprocess.Popen[bytes]:
    """Start a command in a group of its own, so that Ctrl-C in the terminal reaches only us.

    Its standard error goes where its standard output goes: a pipe, to be read by the caller.
    """
    return subprocess.Popen(
        list(command),
        env=dict(environment),
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=os.name != "nt",
        creationflags=getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0),
    )


def end_tree(process: subprocess.Popen[bytes], marker: tuple[str, str] | None = None) -> None:
    """End a process and all that it started: ask, wait `GRACE` seconds, kill. Does nothing for what has ended already.

    The leader itself (papermill) is not asked but given the time to notice and to save what there is; nor are the
    sandbox's own processes, with which everything inside would go at once.

    Args:
        process: what `start` returned; it is reaped.
        marker: name and value of an environment variable that only this run has: finds the processes that left
            the tree (a server started with `nohup`), to which no parent leads any more.
    """
    if process.poll() is not None and marker is None:
        return
    import psutil

    def tree() -> list[psutil.Process]:
        return _tree(process.pid) if process.poll() is None else []

    def strays() -> list[psutil.Process]:
        return _marked(marker) if marker else []

    within = tree()
    own = _leader_and_above(within)
    first = [*within, *strays()]
    try:
        for each in first:
            if each.pid not in own:
                with contextlib.suppress(psutil.Error):
                    each.terminate()
        _wait_gone(process, first)
    finally:
        # Also when a second Ctrl-C cuts the wait short. Asked again: a process may start others while it ends.
        rest = {each.pid: each for each in [*first, *tree(), *strays()] if each.pid != process.pid}
        for each in rest.values():
            with contextlib.suppress(psutil.Error):
                each.kill()
        if process.poll() is None:
            process.kill()
        process.wait()
    _wait_gone(process, list(rest.values()))


def _wait_gone(process: subprocess.Popen[bytes], others: "list[psutil.Process]") -> None:
    """Wait up to `GRACE` seconds until none of the processes runs; a zombie does not run."""
    import psutil

    limit = time.monotonic() + GRACE
    while time.monotonic() < limit:
        alive = process.poll() is None
        for each in others:
            with contextlib.suppress(psutil.Error):
                alive = alive or (each.pid != process.pid and each.status() != psutil.STATUS_ZOMBIE)
        if not alive:
            return
        time.sleep(0.01)


def _leader_and_above(tree: "list[psutil.Process]") -> set[int]:
    """The processes of `tree` (root first) down to the first that is not the sandbox's."""
    import psutil

    found = set()
    for each in tree:
        found.add(each.pid)
        with contextlib.suppress(psutil.Error):
            if each.name() != "bwrap":
                break
    return found


def _tree(pid: int) -> "list[psutil.Process]":
    import psutil

    try:
        root = psutil.Process(pid)
        return [root, *root.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


def _marked(marker: tuple[str, str]) -> "list[psutil.Process]":
    import psutil

    found = []
    for each in psutil.process_iter():
        # Other people's processes do not show their environment, and are not ours to end.
        with contextlib.suppress(psutil.Error, OSError):
            if each.pid != os.getpid() and each.environ().get(marker[0]) == marker[1]:
                found.append(each)
    return found


def link(source: Path, place: Path) -> None:
    """Make `place` show `source`: a symbolic link; on Windows, where those need a right, a junction or a copy."""
    place.parent.mkdir(parents=True, exist_ok=True)
    if os.name != "nt":
        place.symlink_to(source)
    elif source.is_dir():
        # Exists on Windows only, and needs no right that a symbolic link would need there.
        importlib.import_module("_winapi").CreateJunction(str(source), str(place))
    else:
        hard_link(source, place)


def hard_link(source: Path | str, place: Path | str) -> None:
    """Make `place` the same file as `source`, or a copy where it can't be."""
    try:
        os.link(source, place)
    except OSError:
        # A hard link can't cross drives.
        shutil.copy2(source, place)


def keeps_modes(folder: Path) -> bool:
    """Whether a folder can be kept from others; from then on it is, where it can."""
    set_mode(folder, stat.S_IRWXU)
    return os.name != "posix" or stat.S_IMODE(folder.stat().st_mode) == stat.S_IRWXU


def set_mode(path: Path, mode: int) -> None:
    """Set a mode, where the file system keeps modes: those of USB sticks and of some shared folders forbid it."""
    with contextlib.suppress(PermissionError):
        path.chmod(mode)


def retry_while_locked(act: Callable[[], Any]) -> None:
    """Retry an action while a virus scanner or OneDrive locks the file (Windows); raises PermissionError when it stays locked."""
    for pause in _MOMENTS:
        try:
            act()
        except PermissionError:
            time.sleep(pause)
        else:
            return
    act()


def is_running(pid: int) -> bool:
    """Whether there is a process of that number on this machine, of any user."""
    import psutil

    return psutil.pid_exists(pid)


def remove_tree(folder: Path) -> None:
    """Remove a folder and all in it, write-protected folders too; links are removed, not followed."""
    if folder.is_symlink() or not folder.exists():
        return

    def allow(function: Callable[..., Any], path: str, _: object) -> None:
        for each in (Path(path).parent, Path(path)):
            if not each.is_symlink():
                each.chmod(each.stat().st_mode | stat.S_IRWXU)
        if function is os.rmdir or Path(path).is_dir():
            shutil.rmtree(path)
        else:
            function(path)

    # `onerror` is deprecated from 3.12 on, `onexc` does not exist before.
    handler: dict[str, Any] = {"onexc" if sys.version_info >= (3, 12) else "onerror": allow}
    shutil.rmtree(folder, **handler)


def clean_environment(home: Path, temporary: Path) -> dict[str, str]:
    """The environment of a program with other home and temporary folders, and nothing else from ours."""
    if os.name != "nt":
        return {
            "HOME": str(home),
            "TMPDIR": str(temporary),
            "PATH": os.defpath + ":/usr/local/bin:/usr/sbin:/sbin",
        }
    kept = {name: os.environ[name] for name in _WINDOWS_NEEDS if name in os.environ}
    folders = ("USERPROFILE", "APPDATA", "LOCALAPPDATA")
    root = kept.get("SYSTEMROOT", "C:\\Windows")
    return {
        **kept,
        **{name: str(home) for name in folders},
        "TEMP": str(temporary),
        "TMP": str(temporary),
        "PATH": f"{root}\\System32;{root}",
    }


def user_and_group() -> tuple[int, int] | None:
    """Who runs this, by number; None on Windows, which has no such numbers."""
    if sys.platform == "win32":
        return None
    return os.getuid(), os.getgid()


def scripts(prefix: Path) -> Path:
    """The folder of a Python environment that holds its programs."""
    return prefix / ("Scripts" if os.name == "nt" else "bin")


def interpreter(prefix: Path) -> Path:
    """The interpreter of a virtual environment at `prefix`."""
    return scripts(prefix) / ("python.exe" if os.name == "nt" else "python")


def read_into(stream: IO[bytes], take: Callable[[bytes | None], None]) -> None:
    """Pass on what a pipe delivers as soon as it arrives; None at its end."""
    # read1 returns what has arrived, read would wait for a full buffer.
    reader = getattr(stream, "read1", stream.read)
    while chunk := reader(65536):
        take(chunk)
    take(None)


def gpu_devices() -> tuple[Path, ...]:
    """The device files of NVIDIA GPUs, on WSL too; empty when there is none."""
    wsl = Path("/dev/dxg")
    if wsl.exists():
        return (wsl,)
    found = tuple(sorted(Path("/dev").glob("nvidia*"))) if sys.platform == "linux" else ()
    return found if any(each.name[6:].isdigit() for each in found) else ()


def driver_folders() -> tuple[str, ...]:
    """Folders with NVIDIA's driver that only `LD_LIBRARY_PATH` names, as in images made from nvidia/cuda."""
    named = os.environ.get("LD_LIBRARY_PATH", "").split(":")
    return tuple(folder for folder in named if folder and Path(folder, "libcuda.so.1").exists())
