"""Commands of the image (`torchrun`, `accelerate`) run with what the overlay adds."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from kaggle_shim import launchers, overlay, wheels
from kaggle_shim.install import install
from kaggle_shim.layout import shebang
from tests import overlays
from tests.wheelhouse import make_wheel

BODY = b"import foo, sys\nprint(foo.VERSION, sys.argv[1:])\n"

pytestmark = pytest.mark.skipif(
    os.name == "nt", reason="on Windows a command is a program with its interpreter inside"
)


@pytest.fixture
def image(tmp_path: Path) -> Path:
    """The interpreter of an image with a package `foo` 1.0."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(tmp_path / "image")], check=True)
    python = tmp_path / "image/bin/python"
    site = next(tmp_path.glob("image/lib/python*/site-packages"))
    (site / "foo").mkdir()
    (site / "foo" / "__init__.py").write_text("VERSION = '1.0'\n", encoding="utf-8")
    return python


def command(folder: Path, name: str, content: bytes) -> Path:
    path = folder / name
    path.write_bytes(content)
    path.chmod(0o755)
    return path


def laid(tmp_path: Path, image: Path, entry_points: str = "", say: str = "") -> overlay.Overlay:
    files = {"foo/__init__.py": f"VERSION = '2.0'\ndef main():\n    print({say!r})\n"}
    make_wheel(tmp_path / "w", "foo", "2.0", files, entry_points=entry_points)
    layer = overlays.create(tmp_path / "overlay", image)
    install(wheels.discover([tmp_path / "w"]), layer)
    return layer


def said(layer: overlay.Overlay, *words: str) -> str:
    path = os.pathsep.join([str(layer.image_bin), os.environ["PATH"]])
    environment = overlay.environment(layer, {**os.environ, "PATH": path})
    program = shutil.which(words[0], path=environment["PATH"])
    assert program is not None
    return subprocess.run(
        [program, *words[1:]], env=environment, check=True, capture_output=True, text=True
    ).stdout.strip()


def test_a_launcher_of_the_image_sees_the_wheels(tmp_path: Path, image: Path) -> None:
    command(image.parent, "torchrun", b"#!" + os.fsencode(image) + b"\n" + BODY)
    layer = laid(tmp_path, image)
    assert said(layer, "torchrun", "--n", "2") == "1.0 ['--n', '2']"
    assert launchers.copy_commands(layer) == ("torchrun",)
    assert said(layer, "torchrun", "--n", "2") == "2.0 ['--n', '2']"


def test_a_launcher_whose_interpreter_has_a_long_name_sees_them_too(tmp_path: Path, image: Path) -> None:
    long = tmp_path / ("i" * 130)
    long.symlink_to(image.parent.parent)
    head = shebang(long / "bin" / "python")
    assert head.startswith(b"#!/bin/sh")
    command(image.parent, "accelerate", head + BODY)
    layer = laid(tmp_path, image)
    launchers.copy_commands(layer)
    assert said(layer, "accelerate") == "2.0 []"


def test_a_command_that_a_wheel_brought_is_not_replaced(tmp_path: Path, image: Path) -> None:
    command(image.parent, "foo-say", b"#!" + os.fsencode(image) + b"\nprint('of the image')\n")
    layer = laid(tmp_path, image, "[console_scripts]\nfoo-say = foo:main\n", say="of the wheel")
    assert launchers.copy_commands(layer) == ()
    assert said(layer, "foo-say") == "of the wheel"


def test_what_is_not_of_the_images_python_is_left_alone(tmp_path: Path, image: Path) -> None:
    command(image.parent, "shell", b"#!/bin/sh\necho shell\n")
    command(image.parent, "elsewhere", b"#!/opt/other/bin/python3\n" + BODY)
    command(image.parent, "program", b"\x7fELF\x02\x01")
    command(image.parent, "large", b"#!" + os.fsencode(image) + b"\n" + b"#" * (1 << 17))
    assert launchers.copy_commands(laid(tmp_path, image)) == ()


def test_a_command_found_by_env_is_the_images(tmp_path: Path, image: Path) -> None:
    command(image.parent, "by-env", b"#!/usr/bin/env python3\n" + BODY)
    layer = laid(tmp_path, image)
    assert launchers.copy_commands(layer) == ("by-env",)
    assert said(layer, "by-env") == "2.0 []"
