"""Where each file of a wheel goes in an environment, and what is generated beside it: the rules of the wheel format.

Source: the binary distribution format and "recording installed projects" of packaging.python.org.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kaggle_shim import archives, unpack
from kaggle_shim.errors import InstallError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from kaggle_shim.archives import Member
    from kaggle_shim.overlay import Overlay
    from kaggle_shim.wheels import Wheel

INSTALLER = "kaggle-shim"

_SHEBANG = re.compile(rb"#!pythonw?[^\n\r]*\r*\n?")
_DOTTED = re.compile(r"[^\W\d]\w*(?:\.[^\W\d]\w*)*")
# Linux cuts a first line off behind this many bytes, and splits it at spaces.
_LONGEST_SHEBANG = 127
_GENERATED = {"RECORD", "RECORD.jws", "RECORD.p7s", "INSTALLER", "REQUESTED", "direct_url.json"}


@dataclass(frozen=True)
class Layout:
    """What installing one wheel writes.

    Attributes:
        wheel: the wheel.
        copies: destination and member of every file that is copied.
        texts: destination, contents and exec bit of every generated file; the last one is RECORD.
    """

    wheel: Wheel
    copies: tuple[tuple[str, Member], ...]
    texts: tuple[tuple[str, bytes, bool], ...]


def plan_layout(wheel: Wheel, overlay: Overlay) -> Layout:
    """Say where every file of a wheel goes.

    Raises InstallError for a `.data` scheme or an entry point that is none, WheelError for damaged metadata.
    """
    place = _places(wheel, overlay)
    info = wheel.dist_info + "/"
    copies: list[tuple[str, Member]] = []
    texts: list[tuple[str, bytes, bool]] = []
    for member in wheel.members:
        if member.name.startswith(info) and member.name[len(info) :] in _GENERATED:
            continue
        destination, is_script = place(member.name)
        if is_script and (text := _rewritten(archives.read_member(member), overlay)) is not None:
            texts.append((destination, text, True))
        else:
            copies.append((destination, member._replace(executable=True) if is_script else member))
    texts.extend(_launchers(wheel, overlay))
    texts.append(
        (str(overlay.site_packages / wheel.dist_info / "INSTALLER"), f"{INSTALLER}\n".encode(), False)
    )
    return Layout(wheel, tuple(copies), (*texts, _record(wheel, overlay, copies, texts)))


def _places(wheel: Wheel, overlay: Overlay) -> Callable[[str], tuple[str, bool]]:
    """Return what gives a member's destination, and whether it is a script; strings all through, there are thousands."""
    data = wheel.dist_info.removesuffix(".dist-info") + ".data/"
    site_packages = f"{overlay.site_packages}{os.sep}"
    schemes = {
        "purelib": site_packages,
        "platlib": site_packages,
        "scripts": f"{overlay.bin}{os.sep}",
        "headers": f"{overlay.prefix / 'include' / 'site' / overlay.python_tag / wheel.project}{os.sep}",
        "data": f"{overlay.prefix}{os.sep}",
    }

    def place(name: str) -> tuple[str, bool]:
        if not name.startswith(data):
            return site_packages + name, False
        scheme, _, rest = name[len(data) :].partition("/")
        if scheme not in schemes or not rest:
            raise InstallError(
                f"{wheel.filename} has {name} for {scheme!r}, which no environment has: build it again."
            )
        return schemes[scheme] + rest, scheme == "scripts"

    return place


def shebang(python: Path) -> bytes:
    """The first lines that make a script run under `python`, also where its path has spaces or is long."""
    plain = b"#!" + os.fsencode(python) + b"\n"
    if len(plain) <= _LONGEST_SHEBANG and b" " not in plain:
        return plain
    # Shell and Python read these lines differently: the shell starts the interpreter, Python sees a string.
    return b"#!/bin/sh\n'''exec' \"" + os.fsencode(python) + b'" "$0" "$@"\n\' \'\'\'\n'


def _rewritten(content: bytes, overlay: Overlay) -> bytes | None:
    match = _SHEBANG.match(content)
    return None if match is None else shebang(overlay.python) + content[match.end() :]


def _launchers(wheel: Wheel, overlay: Overlay) -> list[tuple[str, bytes, bool]]:
    import configparser

    text = wheel.read("entry_points.txt")
    if text is None:
        return []
    parser = configparser.ConfigParser(delimiters=("=",), interpolation=None, strict=False)
    parser.optionxform = str  # type: ignore[assignment,method-assign]  # names of commands keep their case
    try:
        parser.read_string(text)
    except configparser.Error as error:
        raise InstallError(
            f"{wheel.filename} has an unreadable entry_points.txt ({' '.join(str(error).split())}): build it again."
        ) from error
    found = []
    for section in ("console_scripts", "gui_scripts"):
        for name, value in parser.items(section) if parser.has_section(section) else ():
            module, _, attribute = (part.strip() for part in value.partition("[")[0].partition(":"))
            safe = archives.is_safe(name) and "/" not in name
            if not (safe and _DOTTED.fullmatch(module) and _DOTTED.fullmatch(attribute)):
                raise InstallError(
                    f"{wheel.filename} has a command that can't be made, {name} = {value}: build it again."
                )
            found.extend(_launcher(name, module, attribute, overlay))
    return found


def _launcher(name: str, module: str, attribute: str, overlay: Overlay) -> list[tuple[str, bytes, bool]]:
    first = attribute.partition(".")[0]
    body = f'import sys\n\nfrom {module} import {first}\n\nif __name__ == "__main__":\n    sys.exit({attribute}())\n'.encode()
    path = overlay.bin / name
    if os.name == "nt":
        command = f'@"{overlay.python}" "%~dp0{name}-script.py" %*\r\n'.encode()
        return [(f"{path}-script.py", body, False), (f"{path}.cmd", command, False)]
    return [(str(path), shebang(overlay.python) + body, True)]


def _record(
    wheel: Wheel, overlay: Overlay, copies: list[tuple[str, Member]], texts: list[tuple[str, bytes, bool]]
) -> tuple[str, bytes, bool]:
    """RECORD of what is installed: the wheel's own hashes for what is copied, new ones for what is made here."""
    import csv
    import hashlib
    import io

    path = str(overlay.site_packages / wheel.dist_info / "RECORD")
    rows = [(path, "", "")]
    for destination, member in copies:
        rows.append((destination, wheel.record.get(member.name, ("", 0))[0], str(member.size)))
    for destination, content, _ in texts:
        digest = unpack.hash_text("sha256", hashlib.sha256(content).digest())
        rows.append((destination, digest, str(len(content))))
    base = f"{overlay.site_packages}{os.sep}"
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows((_relative(name, base), *rest) for name, *rest in rows)
    return path, text.getvalue().encode(), False


def _relative(destination: str, base: str) -> str:
    inside = destination.startswith(base)
    return (destination[len(base) :] if inside else os.path.relpath(destination, base)).replace(os.sep, "/")
