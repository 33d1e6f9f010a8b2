"""Which wheels an interpreter can use: the compatibility tags of CPython on Linux, macOS and Windows.

Not every image has `packaging` (an environment made by uv has neither it nor pip). Tests compare the answers with
`packaging.tags`.
"""

from __future__ import annotations

import os
import re
import sys
from dataclasses import dataclass

# The names that came before "manylinux_2_N", with the glibc they stand for (PEP 600).
_LEGACY_GLIBC = {"manylinux1": (2, 5), "manylinux2010": (2, 12), "manylinux2014": (2, 17)}
_LINUX = re.compile(r"(manylinux|musllinux)_(\d+)_(\d+)_(\w+)")
_MACOS = re.compile(r"macosx_(\d+)_(\d+)_(\w+)")
_PYTHON = re.compile(r"(cp|py)(\d)(\d*)")
_FAT = {"x86_64": {"universal2", "intel", "fat64", "fat32", "universal"}, "arm64": {"universal2"}}
# The oldest musl that a supported Python is built on; only musl's loader knows the actual version.
_MUSL = (1, 2)


@dataclass(frozen=True)
class Target:
    """What wheels need to know of an interpreter.

    Attributes:
        python: major and minor version.
        implementation: `cp` for CPython, else the name Python gives itself.
        free_threaded: whether it was built without the global lock.
        platform: `linux_x86_64`, `macosx_arm64`, `win_amd64`, ….
        system: what the platform's tags are compared with: `glibc`, `musl`, `macos` or `windows`.
        level: version of the C library or of macOS; empty on Windows.
    """

    python: tuple[int, int]
    implementation: str
    free_threaded: bool
    platform: str
    system: str
    level: tuple[int, ...]

    @property
    def machine(self) -> str:
        """The processor's name in tags, such as `x86_64`."""
        return self.platform.split("_", 1)[1] if "_" in self.platform else self.platform

    @property
    def tag(self) -> str:
        """The interpreter's own tag, such as `cp312`."""
        return f"{self.implementation}{self.python[0]}{self.python[1]}{'t' if self.free_threaded else ''}"

    def __str__(self) -> str:
        """For messages: `Python 3.12 on linux_x86_64 (glibc 2.35)`."""
        level = ".".join(map(str, self.level))
        return f"Python {self.python[0]}.{self.python[1]} on {self.platform}" + (
            f" ({self.system} {level})" if level else ""
        )


def current() -> Target:
    """The running interpreter."""
    import sysconfig

    name = sys.implementation.name
    level: tuple[int, ...] = ()
    platform = re.sub(r"[^\w]", "_", sysconfig.get_platform())
    if sys.platform == "darwin":
        import platform as machine

        release, _, processor = machine.mac_ver()
        system, level = "macos", tuple(int(part) for part in release.split(".")[:2])
        platform = f"macosx_{processor}"
    elif os.name == "nt":
        system = "windows"
    else:
        system, level = _libc()
    return Target(
        python=sys.version_info[:2],
        implementation="cp" if name == "cpython" else name,
        free_threaded="free-threading" in sys.version,
        platform=platform,
        system=system,
        level=level,
    )


def why_not(tags: tuple[str, ...], target: Target) -> str | None:
    """What a wheel is for when none of its tags (`cp312-cp312-manylinux_2_28_x86_64`) fits, None when one does."""
    reasons = []
    for tag in tags:
        for single in expand(tag):
            reason = _mismatch(single, target)
            if reason is None:
                return None
            reasons.append(reason)
    return reasons[0] if reasons else "it names no tag at all"


def expand(tag: str) -> tuple[tuple[str, str, str], ...]:
    """The single tags of a compressed one: `py2.py3-none-any` are two. A tag without three parts gives nothing."""
    parts = tag.strip().lower().split("-")
    if len(parts) != 3:  # noqa: PLR2004 - python, abi, platform
        return ()
    pythons, abis, platforms = (part.split(".") for part in parts)
    return tuple((python, abi, platform) for python in pythons for abi in abis for platform in platforms)


def _mismatch(tag: tuple[str, str, str], target: Target) -> str | None:
    python, abi, platform = tag
    if not _python_fits(python, abi, target):
        return f"it is for {python}-{abi}"
    if platform == "any":
        return None if abi == "none" else f"it is for {python}-{abi}-any"
    return None if _platform_fits(platform, target) else f"it is for {platform}"


def _python_fits(python: str, abi: str, target: Target) -> bool:
    match = _PYTHON.fullmatch(python)
    if match is None or int(match[2]) != target.python[0]:
        return False
    minor = int(match[3]) if match[3] else None
    exact = minor == target.python[1]
    if match[1] == "py":
        return abi == "none" and (minor is None or minor <= target.python[1])
    if target.implementation != "cp":
        return False
    if abi == "none":
        return exact
    if abi == "abi3":
        return not target.free_threaded and minor is not None and 2 <= minor <= target.python[1]  # noqa: PLR2004 - PEP 384
    return exact and abi == target.tag


def _platform_fits(platform: str, target: Target) -> bool:
    if platform == target.platform:
        return True
    for legacy, level in _LEGACY_GLIBC.items():
        if platform == f"{legacy}_{target.machine}":
            return target.system == "glibc" and level <= target.level
    if (match := _LINUX.fullmatch(platform)) is not None:
        wanted = {"manylinux": "glibc", "musllinux": "musl"}[match[1]]
        level = (int(match[2]), int(match[3]))
        same = wanted == target.system and match[4] == target.machine
        return same and level[0] == target.level[0] and level <= target.level
    if target.system == "macos" and (match := _MACOS.fullmatch(platform)) is not None:
        fits = match[3] == target.machine or match[3] in _FAT.get(target.machine, set())
        return fits and (int(match[1]), int(match[2])) <= target.level
    return False


def _libc() -> tuple[str, tuple[int, ...]]:
    try:
        answer = os.confstr("CS_GNU_LIBC_VERSION") or ""
    except (AttributeError, OSError, ValueError):
        answer = ""
    match = re.fullmatch(r"glibc (\d+)\.(\d+).*", answer)
    return ("glibc", (int(match[1]), int(match[2]))) if match else ("musl", _MUSL)
