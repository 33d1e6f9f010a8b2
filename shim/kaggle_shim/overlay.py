"""An environment over the image's: its packages win, everything else of the image stays available.

Made of a few files, because `venv` and ensurepip take seconds. A `--target` folder on PYTHONPATH breaks `.pth` files,
children started with `-I`, and console scripts.
"""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from kaggle_shim.errors import InstallError

if TYPE_CHECKING:
    from collections.abc import Mapping

# Late in the alphabet: `.pth` files are read in that order, and those of the overlay's own packages come first.
IMAGE_PTH = "zzz_kaggle_image.pth"


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


def create(prefix: Path) -> Overlay:
    """Make an empty overlay over the environment of this interpreter.

    A system Python is included by `include-system-site-packages`, so that user site, Debian's dist-packages, sitecustomize and
    usercustomize keep working. An image that is itself a virtual environment, as in rehearsal, needs a `.pth` file.

    Args:
        prefix: a folder that is empty or absent; on local disk, never on a mount.

    Raises:
        InstallError: the folder is in use, or can't be written.
    """
    import site
    import sysconfig

    prefix = Path(os.path.abspath(prefix))  # noqa: PTH100 - resolve() would follow links of the user's own
    if prefix.exists() and any(prefix.iterdir()):
        raise InstallError(
            f"{prefix} is not empty: an overlay needs an empty folder, remove it or choose another."
        )
    scheme = "nt" if os.name == "nt" else "posix_prefix"
    site_packages = Path(
        sysconfig.get_path("purelib", scheme, {"base": str(prefix), "platbase": str(prefix)})
    )
    bin_folder = prefix / ("Scripts" if os.name == "nt" else "bin")
    executable = Path(getattr(sys, "_base_executable", None) or sys.executable)
    is_venv = sys.prefix != sys.base_prefix
    lines = {
        "home": executable.parent,
        "include-system-site-packages": str(not is_venv or sys.base_prefix in site.PREFIXES).lower(),
        "version": ".".join(map(str, sys.version_info[:3])),
    }
    try:
        site_packages.mkdir(parents=True)
        bin_folder.mkdir(exist_ok=True)
        _link_interpreter(executable, bin_folder)
        text = "".join(f"{key} = {value}\n" for key, value in lines.items())
        (prefix / "pyvenv.cfg").write_text(text, encoding="utf-8", newline="\n")
        if own := [path for path in site.getsitepackages([sys.prefix]) if is_venv and Path(path).is_dir()]:
            text = "".join(f"import site; site.addsitedir({path!r})\n" for path in own)
            (site_packages / IMAGE_PTH).write_text(text, encoding="utf-8", newline="\n")
    except OSError as error:
        raise InstallError(
            f"No environment can be created in {prefix} ({error}): choose a folder on local disk, such as /tmp."
        ) from error
    folders = site.getsitepackages() + ([site.getusersitepackages()] if site.ENABLE_USER_SITE else [])
    searched = [path for path in sys.path if path in folders]
    return Overlay(
        prefix=prefix,
        python=bin_folder / ("python.exe" if os.name == "nt" else "python"),
        site_packages=site_packages,
        bin=bin_folder,
        image=tuple(Path(path) for path in searched or folders if Path(path).is_dir()),
        image_bin=Path(sysconfig.get_path("scripts")),
        python_tag="python{}.{}".format(*sys.version_info),
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


def _link_interpreter(executable: Path, folder: Path) -> None:
    if os.name == "nt":
        # Windows needs a launcher instead of a link; only `venv` knows where it is.
        import venv

        builder = venv.EnvBuilder(symlinks=False, with_pip=False)
        builder.setup_python(builder.ensure_directories(str(folder.parent)))
        return
    for name in ("python", "python3", "python{}.{}".format(*sys.version_info)):
        (folder / name).symlink_to(executable)


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
