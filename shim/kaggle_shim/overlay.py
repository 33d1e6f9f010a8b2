"""An environment over the image's: its packages win, everything else of the image stays available.

Made of a few files, because `venv` and ensurepip take seconds. A `--target` folder on PYTHONPATH breaks `.pth` files,
children started with `-I`, and console scripts.
"""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kaggle_shim.errors import InstallError

if TYPE_CHECKING:
    from collections.abc import Mapping

# Late in the alphabet: `.pth` files are read in that order, and those of the overlay's own packages come first.
IMAGE_PTH = "zzz_kaggle_image.pth"

# Run by the image's interpreter, in this process or in another: only it knows how it was built and patched.
_DESCRIBE = """
import os, site, sys, sysconfig
scheme = "nt" if os.name == "nt" else "posix_prefix"
own = site.getsitepackages([sys.prefix]) if sys.prefix != sys.base_prefix else []
folders = site.getsitepackages() + ([site.getusersitepackages()] if site.ENABLE_USER_SITE else [])
answer = {
    "executable": getattr(sys, "_base_executable", None) or sys.executable,
    "version": ".".join(map(str, sys.version_info[:3])),
    "site_packages": sysconfig.get_path("purelib", scheme, {"base": "", "platbase": ""}).lstrip("/\\\\"),
    "scripts": sysconfig.get_path("scripts"),
    "venv": [path for path in own if os.path.isdir(path)],
    "system": sys.prefix == sys.base_prefix or sys.base_prefix in site.PREFIXES,
    "image": [path for path in sys.path if path in folders] or [path for path in folders if os.path.isdir(path)],
}
"""


@dataclass(frozen=True)
class Overlay:
    """An environment over the image's.

    Attributes:
        prefix: its folder.
        python: its interpreter.
        site_packages: where wheels go.
        bin: where commands go.
        image: the image's own site folders, in the order they are searched, after `site_packages`.
        image_bin: where the image keeps the commands of its packages.
        python_tag: `python3.12`, as folders of headers are called.
    """

    prefix: Path
    python: Path
    site_packages: Path
    bin: Path
    image: tuple[Path, ...]
    image_bin: Path
    python_tag: str


def create(prefix: Path, base: Path | str = sys.executable) -> Overlay:
    """Make an empty overlay.

    A system Python is included by `include-system-site-packages`, so that user site, Debian's dist-packages, sitecustomize and
    usercustomize keep working. An image that is itself a virtual environment, as in rehearsal, needs a `.pth` file.

    Args:
        prefix: a folder that is empty or absent; on local disk, never on a mount.
        base: the image's interpreter.

    Raises:
        InstallError: the folder is in use, or the interpreter fails.
    """
    prefix = Path(os.path.abspath(prefix))  # noqa: PTH100 - resolve() would follow links of the user's own
    if prefix.exists() and any(prefix.iterdir()):
        raise InstallError(
            f"{prefix} is not empty: an overlay needs an empty folder, remove it or choose another."
        )
    facts = _describe(str(base))
    site_packages = prefix / facts["site_packages"]
    bin_folder = prefix / ("Scripts" if os.name == "nt" else "bin")
    executable = Path(facts["executable"])
    try:
        site_packages.mkdir(parents=True)
        bin_folder.mkdir(exist_ok=True)
        _link_interpreter(executable, bin_folder, facts["version"])
        lines = {
            "home": executable.parent,
            "include-system-site-packages": "true" if facts["system"] else "false",
            "version": facts["version"],
        }
        text = "".join(f"{key} = {value}\n" for key, value in lines.items())
        (prefix / "pyvenv.cfg").write_text(text, encoding="utf-8", newline="\n")
        _write_pth(site_packages, tuple(facts["venv"]))
    except OSError as error:
        raise InstallError(
            f"No environment can be created in {prefix} ({error}): choose a folder on local disk, such as /tmp."
        ) from error
    return Overlay(
        prefix=prefix,
        python=bin_folder / ("python.exe" if os.name == "nt" else "python"),
        site_packages=site_packages,
        bin=bin_folder,
        image=tuple(Path(path) for path in facts["image"]),
        image_bin=Path(facts["scripts"]),
        python_tag="python" + ".".join(facts["version"].split(".")[:2]),
    )


def environment(overlay: Overlay, base: Mapping[str, str]) -> dict[str, str]:
    """A copy of `base` in which the overlay's commands come first. PYTHONPATH stays: the image sets it."""
    changed = {key: value for key, value in base.items() if key not in {"PYTHONHOME", "__PYVENV_LAUNCHER__"}}
    changed["VIRTUAL_ENV"] = str(overlay.prefix)
    changed["PATH"] = os.pathsep.join([str(overlay.bin), *filter(None, [base.get("PATH", os.defpath)])])
    return changed


def activate_here(overlay: Overlay) -> tuple[str, ...]:
    """Make the overlay's packages importable here, and its commands the first on PATH, for later cells of a notebook.

    Returns the top-level modules that were already imported from elsewhere and stay so until the kernel restarts.
    """
    import importlib
    import site

    own = str(overlay.site_packages)
    image = {str(path) for path in overlay.image}
    before = list(sys.path)
    if own not in before:
        site.addsitedir(own)
        added = [path for path in sys.path if path not in before]
        at = next((i for i, path in enumerate(before) if path in image), len(before))
        sys.path[:] = [*before[:at], *added, *before[at:]]
    importlib.invalidate_caches()
    os.environ.update(environment(overlay, os.environ))
    return tuple(sorted(name for name in _top_level(overlay.site_packages) if _is_from_elsewhere(name, own)))


def _describe(base: str) -> dict[str, Any]:
    if base == sys.executable:
        found: dict[str, Any] = {}
        exec(_DESCRIBE, found)  # noqa: S102 - our own text, the same for this interpreter and for another
        described: dict[str, Any] = found["answer"]
        return described
    import json
    import subprocess

    script = _DESCRIBE + "import json\nprint(json.dumps(answer))"
    try:
        done = subprocess.run([base, "-c", script], capture_output=True, check=True, encoding="utf-8")
        answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    except (OSError, subprocess.CalledProcessError, ValueError, IndexError) as error:
        raise InstallError(
            f"{base} can't be run as a Python interpreter ({error}): name the image's own."
        ) from error
    return answer


def _link_interpreter(executable: Path, folder: Path, version: str) -> None:
    if os.name == "nt":
        # Windows needs a launcher instead of a link; only `venv` knows where it is.
        import venv

        builder = venv.EnvBuilder(symlinks=False, with_pip=False)
        builder.setup_python(builder.ensure_directories(str(folder.parent)))
        return
    import shutil

    major, minor = version.split(".")[:2]
    for name in ("python", "python3", f"python{major}.{minor}"):
        try:
            (folder / name).symlink_to(executable)
        except OSError:
            shutil.copy2(executable, folder / name)


def _write_pth(site_packages: Path, folders: tuple[str, ...]) -> None:
    if folders:
        text = "".join(f"import site; site.addsitedir({str(folder)!r})\n" for folder in folders)
        (site_packages / IMAGE_PTH).write_text(text, encoding="utf-8", newline="\n")


def _top_level(site_packages: Path) -> set[str]:
    names = {
        path.name.partition(".")[0]
        for path in site_packages.iterdir()
        if not path.name.endswith((".dist-info", ".pth"))
    }
    return {name for name in names if name.isidentifier()}


def _is_from_elsewhere(name: str, own: str) -> bool:
    module = sys.modules.get(name)
    places = [getattr(module, "__file__", None), *getattr(module, "__path__", ())]
    return module is not None and any(place and not str(place).startswith(own + os.sep) for place in places)
