"""The command line of a rehearsal in a container: the same mounts and the same network as in the local sandbox."""

from __future__ import annotations

import contextlib
import posixpath
import subprocess
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from kaggle_workflow.rehearsal.engines import DOCKER, PODMAN, Container
from kaggle_workflow.rehearsal.index_settings import IndexSettings
from kaggle_workflow.rehearsal.inputs import Place, Shown

HOME = PurePosixPath("/root")
WORKING = PurePosixPath("/kaggle/working")
INPUT = PurePosixPath("/kaggle/input")
TOOLS = PurePosixPath("/run/rehearsal")

# An engine hands them on by itself; a run without network has no use for a proxy's address and its password.
PROXIES = (
    "HTTP_PROXY", "HTTPS_PROXY", "FTP_PROXY", "NO_PROXY", "ALL_PROXY",
    "http_proxy", "https_proxy", "ftp_proxy", "no_proxy", "all_proxy",
)  # fmt: skip
# What the engine itself answers when it could not start a container.
ENGINE_FAILED = 125
_NO_GPU = ("could not select device driver", "nvidia.com/gpu", "nvidia-container", "libnvidia")
_REMOVAL_LIMIT = 60.0


@dataclass(frozen=True)
class Start:
    """How a container is started.

    Attributes:
        name: what it is called, so that it can be ended.
        environment: variables inside, by value; none of them is a secret.
        settings: the machine's package-index settings when the notebook may use the network, else None.
        hosts: names that lead to the container itself.
    """

    name: str
    environment: Mapping[str, str]
    settings: IndexSettings | None
    hosts: tuple[str, ...] = field(default=())


def command(container: Container, start: Start, shown: Shown, program: list[str]) -> list[str]:
    """Build the engine's command line.

    Args:
        container: the image and its engine.
        start: name, variables, network.
        shown: what is mounted.
        program: the program inside and its arguments.
    """
    line = [str(container.engine.program), "run", "--rm", "--name", start.name, "--pull", "never"]
    # The settings of this machine (a proxy or an index on it) mean the same inside only in its own network.
    line += ["--network", "none" if start.settings is None else "host"]
    line += ["--read-only", "--security-opt", "no-new-privileges", "--security-opt", "label=disable"]
    # An engine gives 64 MB, which a loader with several workers fills at once.
    line += ["--shm-size", "8g", *container.gpu]
    if start.settings is None:
        # With the host's network the host's names hold.
        line += [
            "--hostname",
            "kaggle",
            *(word for host in start.hosts for word in ("--add-host", f"{host}:127.0.0.1")),
        ]
    if container.engine.kind == PODMAN:
        line += ["--http-proxy=false"]
    if container.user is not None:
        line += ["--user", container.user, "--env", "USER=kaggle"]
    for folder in ("/tmp", "/var/tmp", str(HOME)):  # noqa: S108 - the container's own
        line += ["--tmpfs", f"{folder}:rw,exec,mode=1777"]
    line += _mount(shown.scratch / "kaggle-tmp", PurePosixPath("/kaggle/tmp"), writable=True)
    line += _mount(shown.working, WORKING, writable=True)
    line += _mount(shown.scratch / "tools", TOOLS / "tools")
    line += _mount(shown.scratch / "result", TOOLS / "result", writable=True)
    for place in shown.places:
        line += (
            _mount(
                place.source or shown.scratch / "home",
                PurePosixPath(posixpath.normpath(INPUT / place.target)),
            )
            if _is_shown(place, shown.places)
            else []
        )
    line += ["--workdir", str(WORKING)]
    for name, value in start.environment.items():
        line += ["--env", f"{name}={value}"]
    # By name alone: the values may hold a password, and everybody on a machine can read a command line.
    for name in (
        start.settings.environment if start.settings else PROXIES if container.engine.kind == DOCKER else ()
    ):
        line += ["--env", name]
    for here, inside in start.settings.files if start.settings else ():
        line += _mount(here, _inside(inside))
    return [*line, "--entrypoint", program[0], container.image, *program[1:]]


def own_environment(machine: Mapping[str, str], *, internet: bool) -> dict[str, str]:
    """The variables of the engine's own process: this machine's, without the proxies when the notebook has no network."""
    return {name: value for name, value in machine.items() if internet or name not in PROXIES}


def new_name() -> str:
    """A name that no other container has."""
    return f"kaggle-rehearsal-{uuid.uuid4().hex[:12]}"


@contextlib.contextmanager
def ended(container: Container, name: str) -> Iterator[None]:
    """The container is gone after the block, however the block ends: ending the engine's command does not end it."""
    try:
        yield
    finally:
        with contextlib.suppress(OSError, subprocess.TimeoutExpired):
            subprocess.run(
                [container.engine.program, "rm", "--force", name],
                capture_output=True,
                stdin=subprocess.DEVNULL,
                timeout=_REMOVAL_LIMIT,
                check=False,
            )


def lacks_gpu(complaint: str) -> bool:
    """Whether the engine could not start a container because of the GPU."""
    return any(words in complaint for words in _NO_GPU)


def complaint(lines: list[str]) -> str:
    """What an engine said about a container that it could not start."""
    said = [line for line in lines if line.startswith(("docker: ", "Error: "))]
    return (said or lines or ["no reason given"])[-1].partition(": ")[2].strip().rstrip(
        "."
    ) or "no reason given"


def _is_shown(place: Place, places: list[Place]) -> bool:
    """Folders that only lead to other mounts are made by the engine, in the read-only root."""
    return place.source is not None or not any(
        other is not place and other.target.is_relative_to(place.target) for other in places
    )


def _mount(source: Path, target: PurePosixPath, *, writable: bool = False) -> list[str]:
    parts = ["type=bind", f"source={source}", f"target={target}", *([] if writable else ["readonly"])]
    # The value is a line of CSV, so that a path may have a comma in it.
    quoted = ['"' + part.replace('"', '""') + '"' if "," in part or '"' in part else part for part in parts]
    return ["--mount", ",".join(quoted)]


def _inside(path: Path) -> PurePosixPath:
    """Where a settings file belongs in Linux, wherever macOS and Windows keep it."""
    place = PurePosixPath(path.as_posix())
    known = {"pip.ini": "pip/pip.conf", "pip.conf": "pip/pip.conf", "uv.toml": "uv/uv.toml"}
    if place.is_relative_to(HOME) and place.name in known:
        return HOME / ".config" / known[place.name]
    return place
