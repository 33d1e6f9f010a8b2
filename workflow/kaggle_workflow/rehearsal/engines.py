"""Find docker or podman, and an image of theirs to rehearse in."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from kaggle_workflow import platforms
from kaggle_workflow.errors import WorkflowError
from kaggle_workflow.rehearsal.image import DESCRIBE, Image, from_description

DOCKER = "docker"
PODMAN = "podman"
# Where NVIDIA's toolkit writes what podman needs to know of a GPU.
_CDI = tuple(
    Path(folder, f"nvidia.{ending}") for folder in ("/etc/cdi", "/var/run/cdi") for ending in ("yaml", "json")
)
_ANSWER_LIMIT = 120.0


@dataclass(frozen=True)
class Engine:
    """A container engine that answers.

    Attributes:
        program: its command.
        kind: `docker` or `podman`; a podman that is called docker is a podman.
        rootless: whether root inside a container is the user outside of it.
    """

    program: Path
    kind: str
    rootless: bool


@dataclass(frozen=True)
class Container:
    """An image of a container engine, which rehearsals run in.

    Attributes:
        engine: the engine that has it.
        image: its name, as the user wrote it.
        id: the engine's name for exactly this content.
        gpu: the words that pass the GPU in; empty where there is none, or none can be passed.
        user: the user inside as `uid:gid`, None for the image's own (root in Kaggle's).
        note: a sentence on the GPU that can't be passed, or empty.
    """

    engine: Engine
    image: str
    id: str
    gpu: tuple[str, ...]
    user: str | None
    note: str

    def describe(self) -> Image:
        """Ask the image's Python what it has.

        Raises:
            WorkflowError: there is no python3 in it, or nothing that executes notebooks.
        """
        words = [
            "run",
            "--rm",
            "--pull",
            "never",
            "--network",
            "none",
            "--read-only",
            "--entrypoint",
            "python3",
        ]
        done = _ask(self.engine.program, [*words, self.image, "-I", "-c", DESCRIBE])
        if done.returncode != 0:
            raise WorkflowError(
                f"python3 doesn't start in the image {self.image} ({_last(done)}): choose an image with Python, such as Kaggle's."
            )
        found = from_description(
            done.stdout,
            f"the image {self.image}",
            "add them in a Dockerfile: RUN python3 -m pip install {missing}",
        )
        return Image(found.python, found.version, self.id.removeprefix("sha256:")[:16], found.packages)


def find(wanted: str) -> Engine:
    """The engine to use.

    Args:
        wanted: `docker`, `podman` or the path of one; empty for the first that answers, docker before podman.

    Raises:
        WorkflowError: none is installed, or none answers.
    """
    silent = []
    for name in [wanted] if wanted else [DOCKER, PODMAN]:
        program = shutil.which(name)
        if program is None:
            continue
        answer = _identify(Path(program))
        if isinstance(answer, Engine):
            return answer
        silent.append(f"{name} doesn't answer ({answer})")
    if silent:
        raise WorkflowError(
            f"{' and '.join(silent)}: start it, or leave out --image to rehearse in the local sandbox."
        )
    missing = f"{wanted} is not on the path" if wanted else "Neither docker nor podman is on the path"
    raise WorkflowError(f"{missing}: install one, or leave out --image to rehearse in the local sandbox.")


def container(engine: Engine, image: str) -> Container:
    """An image that the engine has on this machine; nothing is ever downloaded.

    Raises:
        WorkflowError: the engine does not have it.
    """
    done = _ask(engine.program, ["image", "inspect", "--format", "{{.Id}}", image])
    if done.returncode != 0:
        raise WorkflowError(
            f"{engine.kind} has no image {image} on this machine: run `{engine.kind} pull {image}` first (Kaggle's is about 20 GB), "
            f"or name one that `{engine.kind} images` lists."
        )
    gpu, note = _gpu(engine)
    user = None
    if sys.platform == "linux" and engine.kind == DOCKER and not engine.rootless:
        # Else what the notebook leaves would belong to root; elsewhere the engine's own machine sees to that.
        ids = platforms.user_and_group()
        user = f"{ids[0]}:{ids[1]}" if ids and ids[0] != 0 else None
    return Container(engine, image, done.stdout.strip(), gpu, user, note)


def _identify(program: Path) -> Engine | str:
    """The engine behind a command, or its error message."""
    version = _ask(program, ["--version"])
    kind = PODMAN if "podman" in version.stdout.lower() else DOCKER
    form = "{{json .Host.Security.Rootless}}" if kind == PODMAN else "{{json .SecurityOptions}}"
    done = _ask(program, ["info", "--format", form])
    if done.returncode != 0:
        return _last(done)
    try:
        answer = json.loads(done.stdout)
    except ValueError:
        return _last(done)
    rootless = answer is True or (isinstance(answer, list) and any("rootless" in str(one) for one in answer))
    return Engine(program, kind, rootless)


def _gpu(engine: Engine) -> tuple[tuple[str, ...], str]:
    """The words that pass a GPU in, and a sentence when there is one that can't be passed."""
    if not platforms.gpu_devices() and not (sys.platform == "win32" and shutil.which("nvidia-smi")):
        return (), ""
    if engine.kind == DOCKER:
        return ("--gpus", "all"), ""
    if any(path.exists() for path in _CDI):
        return ("--device", "nvidia.com/gpu=all"), ""
    return (), (
        "podman can't find this machine's GPU, so this run has none. To fix that, run "
        "`sudo nvidia-ctk cdi generate --output=/etc/cdi/nvidia.yaml`."
    )


def _ask(program: Path, words: Sequence[str]) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(
            [program, *words],
            capture_output=True,
            stdin=subprocess.DEVNULL,
            encoding="utf-8",
            errors="replace",
            timeout=_ANSWER_LIMIT,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return subprocess.CompletedProcess([str(program), *words], 1, "", str(error))


def _last(done: subprocess.CompletedProcess[str]) -> str:
    said = [line for line in (done.stderr or done.stdout).splitlines() if line.strip()]
    told = [line for line in said if re.search(r"error|cannot|could not|not found", line, re.IGNORECASE)]
    return (told or said or [f"exit code {done.returncode}"])[-1].strip().rstrip(".?")
