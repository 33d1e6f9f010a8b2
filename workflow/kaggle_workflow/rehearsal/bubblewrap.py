"""Command line of the sandbox, which shows a notebook only what it needs of this machine."""

import os
import posixpath
from collections.abc import Iterator
from pathlib import Path

from kaggle_workflow import platforms
from kaggle_workflow.rehearsal import index_settings
from kaggle_workflow.rehearsal.inputs import Shown
from kaggle_workflow.rehearsal.isolation import Isolation

HOME = Path("/root")
WORKING = Path("/kaggle/working")
TOOLS = Path("/run/rehearsal")

# Programs and libraries. Nothing in which people keep data: not /home, /mnt, /srv, /var, and of /opt only what drives GPUs.
_SYSTEM = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/nix/store", "/gnu/store")
_SYSTEM_MORE = ("/home/linuxbrew/.linuxbrew", "/opt/cuda", "/opt/nvidia", "/run/opengl-driver")
# What the loader and common libraries read; nothing that names this machine or its people.
_ETC = (
    "alternatives", "fonts", "ld.so.cache", "ld.so.conf", "ld.so.conf.d", "magic", "mime.types", "nvidia",
    "OpenCL", "os-release", "protocols", "services", "terminfo", "vulkan",
)  # fmt: skip
_ETC_INTERNET = ("ca-certificates", "gai.conf", "host.conf", "pki", "resolv.conf", "ssl")


def command(
    isolation: Isolation, python: Path, shown: Shown, settings: index_settings.IndexSettings | None
) -> list[str]:
    """Build the command line up to the program that is to run inside.

    Args:
        isolation: as detected; its `bwrap` is there.
        python: the image's interpreter, which will be the program.
        shown: the inputs and folders; `lay_etc` has been called for its scratch folder.
        settings: the machine's package-index settings when the notebook may use the network, else None.
    """
    line = [
        str(isolation.bwrap),
        "--unshare-all",
        "--die-with-parent",
        "--new-session",
        "--hostname",
        "kaggle",
    ]
    if settings is not None:
        line.append("--share-net")
    line += [*_system(), "--proc", "/proc", "--dev", "/dev", *_gpu(isolation)]
    line += ["--bind", str(shown.scratch / "tmp"), "/tmp"]  # noqa: S108 - the sandbox's own
    for empty in ("/var/tmp", str(HOME), "/kaggle/lib/kagglegym"):  # noqa: S108 - the sandbox's own
        line += ["--dir", empty]
    line += _image(python, overlay=isolation.overlay)
    for folder in platforms.driver_folders() if isolation.gpu else ():
        line += _read_only(Path(folder))
    line += _etc(shown.scratch / "etc", internet=settings is not None)
    for here, inside in settings.files if settings else ():
        line += ["--ro-bind", str(here), str(inside)]
    line += [
        "--bind",
        str(shown.scratch / "kaggle-tmp"),
        "/kaggle/tmp",
        "--bind",
        str(shown.working),
        str(WORKING),
    ]
    line += [
        "--ro-bind",
        str(shown.scratch / "tools"),
        str(TOOLS / "tools"),
        "--bind",
        str(shown.scratch / "result"),
        str(TOOLS / "result"),
    ]
    # Below a file system of its own, so that the folders between the mounts can be made read-only too.
    line += ["--tmpfs", "/kaggle/input"]
    for place in shown.places:
        at = posixpath.normpath(f"/kaggle/input/{place.target}")
        line += ["--dir", at] if place.source is None else ["--ro-bind", str(place.source), at]
    return [*line, "--remount-ro", "/kaggle/input", "--chdir", str(WORKING)]


def lay_etc(etc: Path, *, internet: bool, hosts: tuple[str, ...] = ()) -> None:
    """Write the files that describe users and hosts: the sandbox has its own, without this machine's names.

    Without internet there is no name service either; `localhost`, the host's own name and `hosts` still resolve, to this machine.
    """
    etc.mkdir()
    user, group = os.getuid(), os.getgid()
    me = "" if user == 0 else f"kaggle:x:{user}:{group}::{HOME}:/bin/bash\n"
    (etc / "passwd").write_text(f"root:x:0:0:root:{HOME}:/bin/bash\n{me}", encoding="utf-8", newline="\n")
    mine = "" if group == 0 else f"kaggle:x:{group}:\n"
    (etc / "group").write_text(f"root:x:0:\n{mine}", encoding="utf-8", newline="\n")
    known = (
        Path("/etc/hosts").read_text(encoding="utf-8", errors="replace")
        if internet and Path("/etc/hosts").exists()
        else ""
    )
    here = " ".join(("localhost", "kaggle", *hosts))
    lines = f"127.0.0.1 {here}\n::1 localhost\n{known}"
    (etc / "hosts").write_text(lines, encoding="utf-8", newline="\n")
    lookup = "files dns" if internet else "files"
    (etc / "nsswitch.conf").write_text(
        f"passwd: files\ngroup: files\nhosts: {lookup}\n", encoding="utf-8", newline="\n"
    )


def _system() -> Iterator[str]:
    for path in _SYSTEM:
        if Path(path).is_symlink():
            yield from ("--symlink", str(Path(path).readlink()), path)
        elif Path(path).exists():
            yield from ("--ro-bind", path, path)
    for path in _SYSTEM_MORE:
        if Path(path).exists():
            yield from ("--ro-bind", path, path)
    # Numbers of processors and memory nodes: libraries choose their number of threads by them.
    for path in ("/sys/devices/system/cpu", "/sys/devices/system/node"):
        if Path(path).exists():
            yield from ("--ro-bind", path, path)


def _etc(own: Path, *, internet: bool) -> Iterator[str]:
    for name in (*_ETC, *(_ETC_INTERNET if internet else ())):
        path = Path("/etc", name)
        if path.exists():
            yield from ("--ro-bind", str(path), str(path))
    for path in sorted(own.iterdir()):
        yield from ("--ro-bind", str(path), f"/etc/{path.name}")


def _gpu(isolation: Isolation) -> Iterator[str]:
    if isolation.gpu:
        yield from ("--ro-bind", "/sys", "/sys")
        for device in platforms.gpu_devices():
            yield from ("--dev-bind", str(device), str(device))


def _image(python: Path, *, overlay: bool) -> Iterator[str]:
    """The image's environment and the Pythons below it, wherever they lie, each under its own path.

    On Kaggle the image is writable: with an overlay a notebook can install into it, and the changes are dropped afterwards.
    """
    environment, *bases = prefixes(python)
    for prefix in bases:
        yield from _read_only(prefix)
    if overlay and not Path.home().is_relative_to(environment):
        yield from ("--overlay-src", str(environment), "--tmp-overlay", str(environment))
    else:
        yield from _read_only(environment)


def _read_only(prefix: Path) -> Iterator[str]:
    if any(prefix.is_relative_to(system) for system in (*_SYSTEM, *_SYSTEM_MORE)):
        return
    # A Python installed straight into the home folder: its parts, not the home.
    parts = (
        [prefix]
        if not Path.home().is_relative_to(prefix)
        else [prefix / "bin", prefix / "lib", prefix / "include"]
    )
    for part in parts:
        if part.exists():
            yield from ("--ro-bind", str(part), str(part))


def prefixes(python: Path) -> list[Path]:
    """The folders an interpreter needs: its environment first, then each Python that it leads to.

    `python` of a virtual environment is a link, often to a link in a folder that is a link (uv, pyenv, Homebrew); each name on the
    way has to exist for the interpreter to start.
    """
    found = [_prefix(python), _prefix(python.parent.resolve() / python.name)]
    todo = [python]
    config = found[0] / "pyvenv.cfg"
    if config.is_file():
        for line in config.read_text(encoding="utf-8").splitlines():
            name, _, value = line.partition("=")
            if name.strip() == "home":
                todo.append(Path(value.strip()) / python.name)
                found.append(Path(value.strip()).parent)
    while todo:
        here = todo.pop()
        if here.is_symlink():
            todo.append(Path(os.path.normpath(here.parent / here.readlink())))
            found.append(_prefix(todo[-1]))
        found.append(_prefix(here.resolve()))
    return list(dict.fromkeys(found))


def _prefix(python: Path) -> Path:
    return python.parent.parent if python.parent.name == "bin" else python.parent
