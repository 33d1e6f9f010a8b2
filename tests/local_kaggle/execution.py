"""One run from beginning to end: what it is given, how it is executed, what a scripted fault makes of it."""

from __future__ import annotations

import fnmatch
import json
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.local_kaggle.mounts import mounts_of
from tests.local_kaggle.runner import GatewayOrder, InputMount, RunOrder, RunOutcome, as_notebook
from tests.local_kaggle.sources import uses_gpu
from tests.local_kaggle.store import write_atomic

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.local_kaggle.behaviour import ImageName
    from tests.local_kaggle.faults import Fault
    from tests.local_kaggle.live_log import LiveLog
    from tests.local_kaggle.records import Binding, Notebook, NotebookVersion
    from tests.local_kaggle.runner import Runner
    from tests.local_kaggle.world import World

CANCELLED = RunOutcome(1, 0.0)
"""How a run ends that somebody stopped."""

_GPUS = ("Tesla T4", "Tesla T4")

# What a run reads in KAGGLE_DOCKER_IMAGE, and what pins a version to that image.
_IMAGES: dict[ImageName, str] = {
    "usual": f"gcr.io/kaggle-images/python@sha256:{'a' * 64}",
    "newer": f"gcr.io/kaggle-images/python@sha256:{'b' * 64}",
}

_TIMEOUT = "Your notebook was stopped because it exceeded the max allowed execution duration."


class RunStopped(Exception):
    """Raised inside a run that was cancelled, or whose server closes."""


@dataclass(frozen=True)
class Execution:
    """One run of a version; `rerun` is the competition of a hidden rerun, or empty."""

    notebook: Notebook
    version: NotebookVersion
    folder: Path
    limit: float
    log: LiveLog
    fault: Fault | None
    rerun: str = ""

    @property
    def output(self) -> Path:
        """Where the run leaves its files."""
        return self.folder / "output"

    @property
    def gateway(self) -> Path:
        """Where the gateway of an evaluation API leaves its files; absent when none took part."""
        return self.folder / "gateway"

    def run(
        self,
        world: World,
        runner: Runner,
        stopped: Callable[[], bool],
        wait_until_stopped: Callable[[], None],
    ) -> tuple[RunOutcome, str]:
        """Runs the version, or plays the fault.

        Args:
            world: This Kaggle.
            runner: What executes notebooks.
            stopped: Whether somebody wants the run to end.
            wait_until_stopped: Returns when somebody does.

        Returns:
            How it ended, and the failure message that Kaggle would show.
        """
        if self.fault is not None and self.fault.kind == "run":
            return self._play(self.fault, wait_until_stopped)
        for left in (self.output, self.gateway):  # of a run that a restart interrupted
            shutil.rmtree(left, ignore_errors=True)

        def on_line(line: str) -> None:
            self.log.add(line)
            if stopped():
                raise RunStopped

        try:
            outcome = runner(self._order(world), on_line)
        except RunStopped:
            return CANCELLED, ""
        except Exception as error:  # noqa: BLE001  # a run that can't be set up has failed, with its reason in the log
            self.log.add(f"The run could not be started: {error}")
            outcome = RunOutcome(1, 0.0)
        if outcome.exit_code == 0:
            outcome = self._ended_well(outcome)
        if world.behaviour.output_files is not None:
            for path in sorted(one for one in self.output.rglob("*") if one.is_file())[
                world.behaviour.output_files :
            ]:
                path.unlink()
        return outcome, _TIMEOUT if outcome.timed_out else ""

    def _ended_well(self, outcome: RunOutcome) -> RunOutcome:
        """What becomes of a run whose notebook did: the gateway has its say, a utility script becomes a module."""
        if self.gateway.exists() and not _succeeded(self.gateway):
            return RunOutcome(1, outcome.seconds)
        if self.version.kernel_type == "script" and "utility script" in self.version.keywords:
            module = self.notebook.slug.replace("-", "_")
            shutil.copyfile(self.folder / "source", self.output / f"{module}.py")
        return outcome

    def _order(self, world: World) -> RunOrder:
        saved = world.store.notebook_folder(self.notebook, self.version.number) / "source"
        prepared = self.folder / "notebook.ipynb"
        source = as_notebook(
            saved.read_text(encoding="utf-8"), self.version.kernel_type, self.version.language
        )
        write_atomic(prepared, source)
        mounts = mounts_of(world, self._mounted(world), rerun=self.rerun)
        gateway = self._gateway(mounts) if self.rerun else None
        if gateway is not None:
            # A gateway has a container of its own, where the competition lies at the place that it was written for.
            mounts = (*mounts, *_also_at(mounts, gateway.imports, self.rerun))
        plays_gpus = uses_gpu(self.version) and world.behaviour.gpu_devices == "played"
        return RunOrder(
            notebook=prepared,
            mounts=mounts,
            working=self.output,
            executed=self.folder / "executed.ipynb",
            internet=self.version.enable_internet,
            environment=_environment(world, self.version, self.rerun),
            limit=self.limit,
            newer=_image(world, self.version) == "newer",
            accelerated=uses_gpu(self.version) or self.version.enable_tpu,
            gpus=_GPUS if plays_gpus else (),
            gateway=gateway,
        )

    def _gateway(self, mounts: tuple[InputMount, ...]) -> GatewayOrder | None:
        """The gateway that the competition's evaluation package brings, None where there is none."""
        for mount in mounts:
            for program in sorted((mount.source / "kaggle_evaluation").glob("*_gateway.py")):
                inside = f"{mount.target}/kaggle_evaluation/{program.name}"
                return GatewayOrder(inside, mount.target, self.gateway)
        return None

    def _mounted(self, world: World) -> list[Binding]:
        """The sources that this run sees: one that is attached for the first time may be mounted from the next version on."""
        before = {
            (binding.kind, binding.owner, binding.slug)
            for version in self.notebook.versions
            if version.number < self.version.number
            for binding in version.bindings
        }
        return [
            binding
            for binding in self.version.bindings
            if (binding.kind, binding.owner, binding.slug) in before
            or not any(fnmatch.fnmatch(binding.slug, pattern) for pattern in world.behaviour.late_mounts)
        ]

    def _play(self, fault: Fault, wait_until_stopped: Callable[[], None]) -> tuple[RunOutcome, str]:
        if fault.outcome == "never":
            wait_until_stopped()
        if fault.outcome in ("never", "cancel"):
            return CANCELLED, ""
        self.log.add(fault.message)
        return RunOutcome(1, 0.0, timed_out=fault.outcome == "timeout"), fault.message


def _also_at(mounts: tuple[InputMount, ...], target: str, place: str) -> list[InputMount]:
    if target == place:
        return []
    below = [one for one in mounts if one.target == target or one.target.startswith(f"{target}/")]
    return [InputMount(one.source, place + one.target.removeprefix(target)) for one in below]


def _succeeded(gateway: Path) -> bool:
    """Whether a gateway came to its end, and found nothing wrong."""
    ended = json.loads((gateway / "ended.json").read_text(encoding="utf-8"))
    result = gateway / "result.json"
    said = json.loads(result.read_text(encoding="utf-8")) if result.exists() else {}
    return ended["finished"] and ended["exit_code"] == 0 and said.get("Succeeded") is not False


def _image(world: World, version: NotebookVersion) -> ImageName:
    """The image that a run gets: the one that its version is pinned to, else the one that is in force."""
    pinned = next((name for name, digest in _IMAGES.items() if digest == version.docker_image), None)
    return pinned or world.behaviour.image


def _environment(world: World, version: NotebookVersion, rerun: str) -> dict[str, str]:
    environment = {
        "KAGGLE_KERNEL_RUN_TYPE": "Batch",
        "KAGGLE_DOCKER_IMAGE": _IMAGES[_image(world, version)],
    }
    if rerun:
        environment["KAGGLE_IS_COMPETITION_RERUN"] = "1"
    if world.behaviour.evaluation_package_on_path:
        packages = [
            f"/kaggle/input/{mount.target}"
            for mount in mounts_of(world, version.bindings)
            if (mount.source / "kaggle_evaluation").is_dir()
        ]
        environment["PYTHONPATH"] = ":".join([*packages, "/kaggle/lib/kagglegym", "/kaggle/lib"])
    return environment
