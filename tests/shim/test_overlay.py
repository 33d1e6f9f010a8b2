"""An environment over the image's: what is installed in it wins, and the image is as it was."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import kaggle_shim
from kaggle_shim import overlay, wheels
from kaggle_shim.errors import InstallError
from kaggle_shim.install import install
from tests import overlays, programs
from tests.wheelhouse import make_wheel

SHIM = Path(kaggle_shim.__file__).parents[1]


def pythons() -> list[str]:
    """The one that runs, the one below it, and what other supported ones this machine happens to have."""
    found = [sys.executable, sys._base_executable]  # type: ignore[attr-defined]  # as venv itself asks
    found += sorted(str(path) for path in Path.home().glob(".pyenv/versions/3.1[0-9].*/bin/python"))
    found += [shutil.which("python3", path="/usr/bin") or ""]
    real: dict[str, str] = {}
    for path in programs.supported(found):
        real.setdefault(path if path == sys.executable else os.path.realpath(path), path)
    return list(real.values())


INTERPRETERS = pythons()


def run(layer: overlay.Overlay, *arguments: str, **environment: str) -> str:
    env = overlay.environment(layer, {**os.environ, **environment})
    return subprocess.run(
        [str(layer.python), *arguments], env=env, check=True, capture_output=True, text=True, cwd=layer.prefix
    ).stdout.strip()


def ask(python: str | Path, code: str, **environment: str) -> Any:
    env = {**os.environ, **environment}
    done = subprocess.run(
        [str(python), "-c", "import json, sys\n" + code], env=env, check=True, capture_output=True, text=True
    )
    return json.loads(done.stdout)


@pytest.fixture
def image(tmp_path: Path) -> Path:
    """An image that is a virtual environment with a package `foo` 1.0, a package `kept`, and a sitecustomize of its own."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(tmp_path / "image")], check=True)
    python = next(tmp_path.glob("image/[bS]*/python*"))
    site = Path(ask(python, "import sysconfig; print(json.dumps(sysconfig.get_path('purelib')))"))
    for name, text in {"foo": "VERSION = '1.0'", "kept": "HERE = True"}.items():
        (site / name).mkdir()
        (site / name / "__init__.py").write_text(text, encoding="utf-8")
    (site / "sitecustomize.py").write_text("import sys\nsys.customised_by_image = True\n", encoding="utf-8")
    return python


def laid(tmp_path: Path, base: str | Path, *paths: Path) -> overlay.Overlay:
    layer = overlays.create(tmp_path / "overlay", base)
    install(wheels.discover({path.parent for path in paths}), layer)
    return layer


def test_the_overlay_wins_and_the_image_stays(tmp_path: Path, image: Path) -> None:
    layer = laid(tmp_path, image, make_wheel(tmp_path / "w", "foo", "2.0"))
    # Debian's Python has a sitecustomize of its own, which hides every other, the image's too.
    seen = Path(ask(image, "import sitecustomize as seen; print(json.dumps(seen.__file__))"))
    customised = seen.is_relative_to(tmp_path / "image")
    code = "import foo, kept, sys; print(foo.VERSION, kept.HERE, hasattr(sys, 'customised_by_image'), sys.prefix)"
    assert run(layer, "-c", code) == f"2.0 True {customised} {layer.prefix}"


@pytest.mark.parametrize("flags", [["-I"], ["-E"], ["-s"]])
def test_children_that_ignore_the_environment_see_both(tmp_path: Path, image: Path, flags: list[str]) -> None:
    layer = laid(tmp_path, image, make_wheel(tmp_path / "w", "foo", "2.0"))
    assert run(layer, *flags, "-c", "import foo, kept; print(foo.VERSION)") == "2.0"


@pytest.mark.parametrize("base", INTERPRETERS)
def test_every_interpreter_keeps_its_own_folders_behind_the_overlay(tmp_path: Path, base: str) -> None:
    make_wheel(tmp_path / "w", "foo", "2.0")
    layer = laid(tmp_path, base, tmp_path / "w" / "x")
    code = "print(json.dumps([p for p in sys.path if p.rstrip('/\\\\').endswith('-packages')]))"
    own, *rest = ask(layer.python, code)
    assert own == str(layer.site_packages)
    assert rest == ask(base, code)
    assert [str(path) for path in layer.image] == rest
    assert run(layer, "-c", "import foo; print(foo.VERSION)") == "2.0"


@pytest.mark.skipif(os.name == "nt", reason="Windows keeps the user's site elsewhere")
def test_the_users_site_and_usercustomize_of_a_system_python_still_work(tmp_path: Path) -> None:
    base = sys._base_executable  # type: ignore[attr-defined]  # a system Python, not our own environment
    folder = Path(
        ask(
            base,
            "import site; print(json.dumps(site.getusersitepackages()))",
            PYTHONUSERBASE=str(tmp_path / "user"),
        )
    )
    folder.mkdir(parents=True)
    (folder / "usercustomize.py").write_text("import sys\nsys.customised_by_user = True\n", encoding="utf-8")
    layer = overlays.create(tmp_path / "overlay", base)
    assert (
        run(layer, "-c", "import sys; print(sys.customised_by_user)", PYTHONUSERBASE=str(tmp_path / "user"))
        == "True"
    )


def test_pythonpath_of_the_image_is_kept(tmp_path: Path, image: Path) -> None:
    (tmp_path / "lib").mkdir()
    (tmp_path / "lib" / "from_path.py").write_text("", encoding="utf-8")
    layer = laid(tmp_path, image, make_wheel(tmp_path / "w", "foo", "2.0"))
    assert (
        run(layer, "-c", "import from_path, foo; print(foo.VERSION)", PYTHONPATH=str(tmp_path / "lib"))
        == "2.0"
    )


def test_what_packages_bring_works_in_spawned_children(tmp_path: Path, image: Path) -> None:
    files = {
        "foo/__init__.py": "import sys, os\ndef double(x):\n    return 2 * x, getattr(sys, 'by_pth', None)\n",
        "foo/data/words.txt": "hello",
        "foo_start.pth": "import sys; sys.by_pth = True\n",
        "foo-2.0.data/data/share/foo/extra.txt": "extra",
        "space/part/__init__.py": "HERE = True\n",
    }
    script = tmp_path / "entry.py"
    script.write_text(
        "import multiprocessing, sys, pathlib, importlib.metadata as m, importlib.resources as r\n"
        "import foo, space.part\n"
        "if __name__ == '__main__':\n"
        "    with multiprocessing.get_context('spawn').Pool(1) as pool:\n"
        "        print(pool.map(foo.double, [21]))\n"
        "    print(r.files('foo').joinpath('data/words.txt').read_text(), pathlib.Path(sys.prefix, 'share/foo/extra.txt').read_text())\n"
        "    print([e.value for e in m.entry_points(group='plug')], m.version('foo'))\n",
        encoding="utf-8",
    )
    layer = laid(
        tmp_path,
        image,
        make_wheel(tmp_path / "w", "foo", "2.0", files, entry_points="[plug]\nmine = foo:double\n"),
    )
    assert run(layer, str(script)).splitlines() == ["[(42, True)]", "hello extra", "['foo:double'] 2.0"]


def test_commands_are_first_on_the_path(tmp_path: Path, image: Path) -> None:
    files = {
        "foo/__init__.py": "def main():\n    import kept, sys\n    print('foo says', *sys.argv[1:])\n    return 3\n"
    }
    layer = laid(
        tmp_path,
        image,
        make_wheel(
            tmp_path / "w", "foo", "2.0", files, entry_points="[console_scripts]\nfoo-say = foo:main\n"
        ),
    )
    env = overlay.environment(layer, os.environ)
    command = shutil.which("foo-say", path=env["PATH"])
    assert command is not None
    done = subprocess.run([command, "hi"], env=env, check=False, capture_output=True, text=True)
    assert (done.stdout.strip(), done.returncode) == ("foo says hi", 3)
    assert shutil.which("python", path=env["PATH"]) == str(layer.python)
    assert env["VIRTUAL_ENV"] == str(layer.prefix)


def test_an_overlay_whose_path_has_a_space_runs_its_commands(tmp_path: Path, image: Path) -> None:
    files = {
        "foo/__init__.py": "def main():\n    print('here')\n",
        "foo-2.0.data/scripts/foo-old": "#!python\nimport foo\nfoo.main()\n",
    }
    make_wheel(tmp_path / "w", "foo", "2.0", files, entry_points="[console_scripts]\nfoo-say = foo:main\n")
    layer = overlays.create(tmp_path / ("a b" + "c" * 130), image)
    install(wheels.discover([tmp_path / "w"]), layer)
    for name in ("foo-say", "foo-old"):
        command = shutil.which(name, path=str(layer.bin))
        assert command is not None
        assert subprocess.run([command], check=True, capture_output=True, text=True).stdout.strip() == "here"


def test_later_cells_import_what_the_kernel_has_not_imported(tmp_path: Path, image: Path) -> None:
    make_wheel(tmp_path / "w", "foo", "2.0")
    make_wheel(tmp_path / "w", "kept", "2.0")
    layer = laid(tmp_path, image, tmp_path / "w" / "x")
    site = str(layer.site_packages)
    code = f"""
import kept
from kaggle_shim import overlay
from pathlib import Path
layer = overlay.Overlay(Path({str(layer.prefix)!r}), Path({str(layer.python)!r}), Path({site!r}), Path({str(layer.bin)!r}),
    tuple(Path(p) for p in {[str(p) for p in layer.image]!r}), Path({str(layer.image_bin)!r}), {layer.python_tag!r})
stale = overlay.activate_here(layer)
import foo, os, shutil
print(json.dumps([stale, foo.VERSION, kept.__file__.startswith({site!r}), shutil.which("python")]))
"""
    assert ask(image, code, PYTHONPATH=str(SHIM)) == [["kept"], "2.0", False, str(layer.python)]


def test_a_folder_in_use_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine", encoding="utf-8")
    with pytest.raises(InstallError, match="is not empty: an overlay needs an empty folder"):
        overlay.create(tmp_path)


def test_an_overlay_is_made_in_milliseconds(tmp_path: Path) -> None:
    layer = overlay.create(tmp_path / "overlay")
    assert not list(layer.site_packages.rglob("pip*"))
    assert len(list(layer.prefix.rglob("*"))) < 15
