"""Installing: refused before anything is written, the same files as pypa/installer, nothing left behind on failure."""

from __future__ import annotations

import csv
import io
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import installer
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from installer.destinations import SchemeDictionaryDestination
from installer.sources import WheelFile

from kaggle_shim import imports, layout, overlay, wheels
from kaggle_shim.errors import InstallError, WheelError
from kaggle_shim.install import install
from tests.wheelhouse import digest, make_wheel, rewrite, unpack

# Small ones that together have everything: compiled code, `.data` scripts, data and headers, commands, exec bits.
REAL = (
    "markupsafe==3.0.3",
    "orjson==3.11.4",
    "jmespath==1.0.1",
    "ipython==8.37.0",
    "greenlet==3.2.4",
    "tqdm==4.67.1",
    "loguru==0.7.3",
)


@pytest.fixture(scope="session")
def real_wheels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("real-wheels")
    command = [
        sys.executable,
        "-m",
        "pip",
        "download",
        "-q",
        "--no-deps",
        "--only-binary",
        ":all:",
        "-d",
        str(folder),
        *REAL,
    ]
    subprocess.run(command, check=True)
    return folder


def install_from(folder: Path, layer: overlay.Overlay, **options: object) -> list[str]:
    return install(wheels.discover([folder]), layer, **options)  # type: ignore[arg-type]  # options of the test's own choice


def tree(folder: Path) -> dict[str, Path]:
    return {
        path.relative_to(folder).as_posix(): path
        for path in folder.rglob("*")
        if path.is_file() and not path.is_symlink()
    }


def fake_image(tmp_path: Path, layer: overlay.Overlay) -> overlay.Overlay:
    """The overlay as if its image were a folder of ours."""
    site = tmp_path / "image-site"
    site.mkdir(exist_ok=True)
    return overlay.Overlay(
        layer.prefix, layer.python, layer.site_packages, layer.bin, (site,), layer.image_bin, layer.python_tag
    )


def put(
    layer: overlay.Overlay, name: str, version: str, files: dict[str, str], requires: tuple[str, ...] = ()
) -> None:
    """Place a distribution into the faked image."""
    site = layer.image[0]
    info = f"{name.replace('-', '_')}-{version}.dist-info"
    metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n" + "".join(
        f"Requires-Dist: {line}\n" for line in requires
    )
    for path, text in {**files, f"{info}/METADATA": metadata}.items():
        (site / path).parent.mkdir(parents=True, exist_ok=True)
        (site / path).write_text(text, encoding="utf-8")
    record = [*files, f"{info}/METADATA", f"{info}/RECORD"]
    (site / info / "RECORD").write_text("".join(f"{path},,\n" for path in record), encoding="utf-8")


@pytest.fixture
def layer(tmp_path: Path) -> overlay.Overlay:
    return fake_image(tmp_path, overlay.create(tmp_path / "overlay"))


@pytest.mark.parametrize("shape", ["zip", "folder"])
@pytest.mark.parametrize("workers", [1, 2])
def test_the_same_files_as_pypa_installer(
    tmp_path: Path, real_wheels: Path, shape: str, workers: int
) -> None:
    """Compared: paths, contents, exec bits and RECORD; the text of a command is each installer's own."""
    ours, theirs = overlay.create(tmp_path / "one"), overlay.create(tmp_path / "two")
    source = real_wheels
    if shape == "folder":
        source = tmp_path / "unpacked"
        for path in real_wheels.glob("*.whl"):
            unpack(path, source / path.name)
    install_from(source, ours, workers=workers, verify=True)
    for path in sorted(real_wheels.glob("*.whl")):
        with WheelFile.open(path) as wheel:
            schemes = {
                "purelib": str(theirs.site_packages),
                "platlib": str(theirs.site_packages),
                "scripts": str(theirs.bin),
                "headers": str(
                    theirs.prefix / "include" / "site" / theirs.python_tag / wheel.distribution.lower()
                ),
                "data": str(theirs.prefix),
            }
            destination = SchemeDictionaryDestination(
                schemes, interpreter=str(theirs.python), script_kind="posix"
            )
            installer.install(wheel, destination, {"INSTALLER": f"{layout.INSTALLER}\n".encode()})
    mine, others = tree(ours.prefix), tree(theirs.prefix)
    assert sorted(mine) == sorted(others)
    commands = {name for name in mine if name.startswith("bin/") and b"sys.exit(" in mine[name].read_bytes()}
    assert len(commands) >= 3
    for name, path in mine.items():
        mode = path.stat().st_mode & 0o111, others[name].stat().st_mode & 0o111
        # A folder has lost its exec bits; what is made to be run gets one from its first bytes.
        assert mode[0] == mode[1] or shape == "folder", name
        if name == "pyvenv.cfg" or name in commands:
            continue
        text = path.read_bytes().replace(str(ours.prefix).encode(), b"PREFIX")
        other = others[name].read_bytes().replace(str(theirs.prefix).encode(), b"PREFIX")
        if name.endswith(".dist-info/RECORD"):
            assert record(text, commands) == record(other, commands), name
        else:
            assert text == other, name


def record(text: bytes, commands: set[str]) -> set[tuple[str, ...]]:
    """Rows of a RECORD; of files that hold the environment's own path only the name, the two paths differ."""
    rows = set()
    for name, *rest in csv.reader(io.StringIO(text.decode())):
        own = name.startswith("../../../bin/") or name.removeprefix("../../../") in commands
        rows.add((name,) if own else (name, *rest))
    return rows


def test_what_was_installed_from_real_wheels_works(tmp_path: Path, real_wheels: Path) -> None:
    layer = overlay.create(tmp_path / "overlay")
    install_from(real_wheels, layer)
    assert (
        imports.check_imports(layer, ["markupsafe", "orjson", "jmespath", "tqdm", "loguru", "greenlet"]) == ()
    )
    done = subprocess.run([str(layer.bin / "tqdm"), "--version"], check=True, capture_output=True, text=True)
    assert done.stdout.strip() == "4.67.1"
    assert not list(layer.prefix.rglob("*.pyc")) or all(
        "__pycache__" in str(path) for path in layer.prefix.rglob("*.pyc")
    )


def test_every_file_in_record_has_the_hash_that_record_says(tmp_path: Path, layer: overlay.Overlay) -> None:
    files = {
        "foo/__init__.py": "",
        "foo-1.0.data/scripts/foo-run": "#!python\nprint(1)\n",
        "foo-1.0.data/data/etc/foo.cfg": "x",
    }
    make_wheel(tmp_path / "w", "foo", files=files, entry_points="[console_scripts]\nfoo = foo:main\n")
    install_from(tmp_path / "w", layer)
    text = (layer.site_packages / "foo-1.0.dist-info" / "RECORD").read_text(encoding="utf-8")
    rows = {name: rest for name, *rest in csv.reader(text.splitlines())}
    assert rows.pop("foo-1.0.dist-info/RECORD") == ["", ""]
    listed = {(layer.site_packages / name).resolve() for name in rows}
    for name, (stated, size) in rows.items():
        content = (layer.site_packages / name).read_bytes()
        assert (digest(content), str(len(content))) == (stated, size)
    links = {path.resolve() for path in layer.bin.iterdir() if path.name.startswith("python")}
    assert listed == {p.resolve() for p in tree(layer.prefix).values()} - links - {
        layer.prefix / "pyvenv.cfg",
        layer.site_packages / overlay.IMAGE_PTH,
        layer.site_packages / "foo-1.0.dist-info" / "RECORD",
    }


def test_exec_bits_stay_and_are_given_back(tmp_path: Path, layer: overlay.Overlay) -> None:
    files: dict[str, str | bytes] = {
        "foo/__init__.py": "",
        "foo/tool": b"\x7fELF....",
        "foo/run.sh": "#!/bin/sh\n",
        "foo/plain": "x",
    }
    path = make_wheel(tmp_path / "w", "foo", files=files, executable=["foo/tool", "foo/run.sh"])
    unpack(path)
    install_from(tmp_path / "w", layer)
    modes = {
        name: bool((layer.site_packages / "foo" / name).stat().st_mode & 0o100)
        for name in ("tool", "run.sh", "plain")
    }
    assert modes == {"tool": True, "run.sh": True, "plain": False}


def test_every_script_can_be_run(tmp_path: Path, layer: overlay.Overlay) -> None:
    make_wheel(
        tmp_path / "w",
        "foo",
        files={
            "foo-1.0.data/scripts/foo-binary": b"\x7fELF...",
            "foo-1.0.data/scripts/foo-sh": "#!/bin/sh\n",
        },
    )
    install_from(tmp_path / "w", layer)
    assert all((layer.bin / name).stat().st_mode & 0o100 for name in ("foo-binary", "foo-sh"))


def nothing_written(layer: overlay.Overlay) -> bool:
    there = {path.name for path in layer.site_packages.iterdir()} if layer.prefix.is_dir() else set()
    return there <= {overlay.IMAGE_PTH}


@pytest.mark.parametrize("workers", [1, 2])
def test_a_damaged_file_is_named_and_nothing_stays(
    tmp_path: Path, layer: overlay.Overlay, workers: int
) -> None:
    make_wheel(tmp_path / "w", "bar")
    path = make_wheel(
        tmp_path / "w",
        "foo",
        files={"foo/__init__.py": "", "foo/core.py": "".join(f"x{n} = {n * n}\n" for n in range(500))},
    )
    data = bytearray(path.read_bytes())
    data[data.index(b"foo/core.py") + len("foo/core.py") + 300] ^= 0xFF
    path.write_bytes(data)
    with pytest.raises(
        InstallError,
        match=r"foo-1\.0-py3-none-any\.whl can't be installed, .*foo/core\.py: .*upload the wheel again",
    ):
        install_from(tmp_path / "w", layer, workers=workers)
    assert nothing_written(layer)


@pytest.mark.parametrize("size", [100, 20 << 20])
def test_a_changed_byte_that_unpacks_all_the_same_is_found_by_its_checksum(
    tmp_path: Path, layer: overlay.Overlay, size: int
) -> None:
    path = make_wheel(
        tmp_path / "w", "foo", files={"foo/__init__.py": "", "foo/data.bin": b"MARK" + b"0" * size}
    )
    with zipfile.ZipFile(path) as archive:
        content = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        for name, text in content.items():
            archive.writestr(name, text)
    path.write_bytes(path.read_bytes().replace(b"MARK", b"DARK"))
    with pytest.raises(InstallError, match=r"foo/data\.bin: its checksum is wrong"):
        install_from(tmp_path / "w", layer)
    assert nothing_written(layer)


def test_a_file_that_is_not_the_one_in_record_is_named(tmp_path: Path, layer: overlay.Overlay) -> None:
    path = make_wheel(tmp_path / "w", "foo")
    rewrite(path, {"foo/__init__.py": b"VERSION = 'other'\n"})
    with pytest.raises(InstallError, match=r"foo/__init__\.py: it doesn't match the hash in its RECORD"):
        install_from(tmp_path / "w", layer, verify=True)
    assert nothing_written(layer)


def test_a_changed_file_in_a_folder_is_always_named(tmp_path: Path, layer: overlay.Overlay) -> None:
    folder = unpack(make_wheel(tmp_path / "w", "foo"))
    (folder / "foo" / "__init__.py").write_text("VERSION = 'cut", encoding="utf-8")
    with pytest.raises(InstallError, match=r"foo/__init__\.py: it doesn't match the hash in its RECORD"):
        install_from(tmp_path / "w", layer)


def test_large_files_are_written_piece_by_piece(tmp_path: Path, layer: overlay.Overlay) -> None:
    content = os.urandom(5 << 20) + b"0" * (30 << 20)
    make_wheel(tmp_path / "w", "foo", files={"foo/__init__.py": "", "foo/big.bin": content})
    install_from(tmp_path / "w", layer, verify=True)
    assert (layer.site_packages / "foo" / "big.bin").read_bytes() == content


@pytest.mark.parametrize("name", ["numpy", "torch", "nvidia-cublas-cu12"])
def test_a_protected_package_is_refused_by_name(tmp_path: Path, layer: overlay.Overlay, name: str) -> None:
    put(layer, name, "1.0", {})
    make_wheel(tmp_path / "w", name, "2.0")
    make_wheel(tmp_path / "w", "bar")
    with pytest.raises(
        InstallError, match=rf"{name} 2\.0 would replace the image's {name} 1\.0, .*workspace\.allow"
    ):
        install_from(tmp_path / "w", layer)
    assert nothing_written(layer)
    install_from(tmp_path / "w", layer, protected_allowed=[name])
    assert len(list(layer.site_packages.glob("*.dist-info"))) == 2


@pytest.mark.parametrize("name", ["nvidia-ml-py", "torchmetrics"])
def test_ordinary_packages_replace_the_images(tmp_path: Path, layer: overlay.Overlay, name: str) -> None:
    put(layer, name, "1.0", {})
    make_wheel(tmp_path / "w", name, "2.0")
    install_from(tmp_path / "w", layer)


def test_a_protected_package_that_the_image_lacks_is_installed(
    tmp_path: Path, layer: overlay.Overlay
) -> None:
    make_wheel(tmp_path / "w", "torch", "2.0")
    install_from(tmp_path / "w", layer)


def test_a_wheel_whose_part_would_never_be_found_is_refused(tmp_path: Path, layer: overlay.Overlay) -> None:
    put(layer, "base", "1.0", {"base/__init__.py": ""})
    make_wheel(tmp_path / "w", "base-plugin", "1.0", {"base/plugin.py": ""})
    with pytest.raises(
        InstallError,
        match=r"base-plugin 1\.0 puts base/plugin\.py into base, which Python imports from the image only",
    ):
        install_from(tmp_path / "w", layer)
    install_from(tmp_path / "w", layer, protected_allowed=["base-plugin"])


def test_an_upgrade_and_another_build_of_the_same_package_are_no_split(
    tmp_path: Path, layer: overlay.Overlay
) -> None:
    put(layer, "plain", "1.0", {"plain/__init__.py": "", "plain/gone.py": ""})
    put(layer, "opencv-python", "4.0", {"cv2/__init__.py": "", "cv2/old.py": ""})
    put(layer, "tested", "1.0", {"tests/__init__.py": "", "tests/mine.py": ""})
    make_wheel(tmp_path / "w", "plain", "2.0", {"plain/__init__.py": ""})
    make_wheel(tmp_path / "w", "opencv-python-headless", "4.1", {"cv2/__init__.py": ""})
    make_wheel(tmp_path / "w", "other", "1.0", {"other/__init__.py": "", "tests/__init__.py": ""})
    install_from(tmp_path / "w", layer)


def test_namespaces_are_shared(tmp_path: Path, layer: overlay.Overlay) -> None:
    put(layer, "google-one", "1.0", {"google/one/__init__.py": ""})
    put(
        layer,
        "old-one",
        "1.0",
        {
            "old/__init__.py": "__path__ = __import__('pkgutil').extend_path(__path__, __name__)\n",
            "old/one.py": "",
        },
    )
    make_wheel(tmp_path / "w", "google-two", "1.0", {"google/two/__init__.py": ""})
    make_wheel(tmp_path / "w", "old-two", "1.0", {"old/two.py": ""})
    install_from(tmp_path / "w", layer)


def test_a_split_inside_a_namespace_is_found(tmp_path: Path, layer: overlay.Overlay) -> None:
    put(layer, "google-one", "1.0", {"google/one/__init__.py": ""})
    make_wheel(tmp_path / "w", "google-one-more", "1.0", {"google/one/more.py": ""})
    with pytest.raises(InstallError, match=r"google-one-more 1\.0 puts google/one/more\.py into google\.one"):
        install_from(tmp_path / "w", layer)


def test_conflicts_are_said_and_stop_nothing(tmp_path: Path, layer: overlay.Overlay) -> None:
    put(layer, "pyyaml", "5.0", {})
    put(layer, "hungry", "1.0", {}, requires=("omegaconf<2.3",))
    put(layer, "omegaconf", "2.2", {})
    put(layer, "opencv-python", "4.0", {})
    requires = [
        "PyYAML>=6",
        "opencv-python-headless",
        "nowhere",
        "windows-only; sys_platform == 'nope'",
        "extra-only; extra == 'all'",
    ]
    make_wheel(tmp_path / "w", "omegaconf", "2.3", requires=requires)
    done = install_from(tmp_path / "w", layer)
    assert done == [
        "omegaconf 2.3 requires PyYAML>=6, but 5.0 is installed.",
        "omegaconf 2.3 requires opencv-python-headless, which is neither among the wheels nor in the image.",
        "omegaconf 2.3 requires nowhere, which is neither among the wheels nor in the image.",
        "The image's hungry 1.0 requires omegaconf<2.3, but 2.3 is installed.",
    ]


def test_two_wheels_with_one_file_say_so(tmp_path: Path, layer: overlay.Overlay) -> None:
    make_wheel(tmp_path / "w", "aaa", files={"shared.py": "WHO = 'aaa'\n", "same.py": ""})
    make_wheel(tmp_path / "w", "bbb", files={"shared.py": "WHO = 'bbb'\n", "same.py": ""})
    (said,) = install_from(tmp_path / "w", layer)
    assert said.startswith("aaa and bbb both bring shared.py")
    assert (layer.site_packages / "shared.py").read_text(encoding="utf-8") == "WHO = 'bbb'\n"


@pytest.mark.parametrize(
    ("files", "sentence"),
    [
        ({"foo": "", "foo/inner.py": ""}, r"foo: the environment has a file of that name; remove that wheel"),
        ({f"foo/{'a' * 300}.py": ""}, "name too long"),
    ],
)
def test_files_that_no_folder_can_hold_are_named_and_nothing_stays(
    tmp_path: Path, layer: overlay.Overlay, files: dict[str, str], sentence: str
) -> None:
    make_wheel(tmp_path / "w", "foo", files=files)
    with pytest.raises(InstallError, match=sentence):
        install_from(tmp_path / "w", layer)
    assert nothing_written(layer)


@pytest.mark.parametrize("name", ["pyvenv.cfg", "bin/python"])
def test_the_environment_itself_is_not_overwritten(tmp_path: Path, layer: overlay.Overlay, name: str) -> None:
    make_wheel(tmp_path / "w", "foo", files={f"foo-1.0.data/data/{name}": "mine"})
    with pytest.raises(
        InstallError, match=rf"foo-1\.0.* can't be installed, {name}: the environment has a file of that name"
    ):
        install_from(tmp_path / "w", layer)


@pytest.mark.skipif(os.name == "nt", reason="Windows has no link to the interpreter")
def test_a_command_called_python_never_reaches_the_images_interpreter(
    tmp_path: Path, layer: overlay.Overlay
) -> None:
    real = layer.python.resolve()
    before = real.stat()
    make_wheel(tmp_path / "w", "foo", entry_points="[console_scripts]\npython = foo:main\n")
    with pytest.raises(InstallError, match="bin/python: the environment has a file of that name"):
        install_from(tmp_path / "w", layer)
    assert (real.stat().st_size, real.stat().st_mtime) == (before.st_size, before.st_mtime)


@pytest.mark.parametrize(
    "line", ["../evil = foo:main", "good = foo main", "good = foo:import os", "good = foo"]
)
def test_a_command_that_is_no_command_is_refused(tmp_path: Path, layer: overlay.Overlay, line: str) -> None:
    make_wheel(tmp_path / "w", "foo", entry_points=f"[console_scripts]\n{line}\n")
    with pytest.raises(InstallError, match=r"foo-1\.0.* has a command that can't be made"):
        install_from(tmp_path / "w", layer)


def test_a_scheme_that_nobody_knows_is_refused(tmp_path: Path, layer: overlay.Overlay) -> None:
    make_wheel(tmp_path / "w", "foo", files={"foo-1.0.data/system/x": ""})
    with pytest.raises(InstallError, match="which no environment has"):
        install_from(tmp_path / "w", layer)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.sampled_from(["..", ".", "", "a", "foo-1.0.data", "data", "scripts", "purelib", "C:", "\\", "/"]),
        min_size=1,
        max_size=6,
    ).map("/".join)
)
def test_no_wheel_writes_outside_its_overlay(tmp_path_factory: pytest.TempPathFactory, name: str) -> None:
    base = tmp_path_factory.mktemp("hostile")
    path = make_wheel(base / "w", "foo")
    with zipfile.ZipFile(path) as archive:
        if name in archive.namelist():
            return
    rewrite(path, {name: b"evil"})
    layer = overlay.create(base / "overlay")
    before = set(tree(base)) - set(tree(layer.prefix))
    try:
        install_from(base / "w", layer)
    except (InstallError, WheelError):
        assert nothing_written(layer)
    outside = {path for path in tree(base) if not path.startswith("overlay/")}
    assert outside == {path for path in before if not path.startswith("overlay/")}


def test_imports_are_judged_per_requirement(tmp_path: Path) -> None:
    layer = overlay.create(tmp_path / "overlay")
    make_wheel(
        tmp_path / "w", "good", files={"good/__init__.py": "print('noise')\n", "other/__init__.py": "1 / 0\n"}
    )
    make_wheel(tmp_path / "w", "bad", files={"bad/__init__.py": "import nothing_of_that_name\n"})
    make_wheel(tmp_path / "w", "crash", files={"crash/__init__.py": "import os\nos._exit(7)\n"})
    make_wheel(tmp_path / "w", "named-otherwise", files={"other_name.py": "", "tests/__init__.py": "1 / 0\n"})
    make_wheel(tmp_path / "w", "space-part", files={"space/part/__init__.py": "raise SystemExit(3)\n"})
    make_wheel(tmp_path / "w", "only-data", files={"only_data.json": "{}"})
    install_from(tmp_path / "w", layer)
    found = imports.check_imports(
        layer, ["good", "bad", "crash", "named-otherwise", "space-part", "only-data", "absent", "packaging"]
    )
    assert [str(failure) for failure in found] == [
        "bad is installed but `import bad` fails: ModuleNotFoundError: No module named 'nothing_of_that_name'.",
        "crash is installed but `import crash` fails: ended the interpreter with exit code 7.",
        "space-part is installed but `import space.part` fails: SystemExit: 3.",
        "absent is neither among the wheels nor in the image: collect the wheels in the image that runs this notebook.",
    ]
