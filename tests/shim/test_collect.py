"""Collecting: exactly what the image lacks, its protected packages untouched, proved before it is published.

The image is a virtual environment with the pip that Kaggle's has (24.1) and a few packages of ours under well-known names.
"""

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
from kaggle_shim import pip, resolve
from kaggle_shim.errors import ManifestError
from kaggle_shim.image import Distribution
from kaggle_shim.manifest import DEPS_MANIFEST, DepsManifest, FileEntry, hash_file
from tests.wheelhouse import make_sdist, make_wheel

SHIM = Path(kaggle_shim.__file__).parents[1]
DRIVER = """
import json, sys
from pathlib import Path
from kaggle_shim.collecting import collect
from kaggle_shim.errors import ShimError
options = json.loads(sys.argv[1])
try:
    collect(Path(options["requirements"]), Path(options["output"]), local_wheels=Path(options["own"]), allow_protected=options["allow"],
            workspace="ws-1", fingerprint="ab12")
except ShimError as error:
    print("ERROR", error)
"""


class Image:
    """An interpreter to collect in, the index it is shown, and what it says."""

    def __init__(self, python: Path, links: Path, output: Path) -> None:
        self.python = python
        self.links = links
        self.output = output
        self.own = output.parent / "own"
        self.log = ""

    def collect(self, *lines: str, allow: tuple[str, ...] = (), index: bool = False) -> DepsManifest | str:
        """Collect with our wheels for an index; answers the manifest, or the error's sentence."""
        where = [] if index else ["--no-index", f"--find-links {self.links}"]
        requirements = self.output.parent / "requirements.txt"
        requirements.write_text("\n".join([*where, *lines]) + "\n", encoding="utf-8")
        options = {
            "requirements": str(requirements),
            "output": str(self.output),
            "own": str(self.own),
            "allow": allow,
        }
        env = {**os.environ, "PYTHONPATH": str(SHIM)}
        done = subprocess.run(
            [str(self.python), "-c", DRIVER, json.dumps(options)],
            env=env,
            check=True,
            capture_output=True,
            text=True,
        )
        self.log = done.stdout
        last = self.log.splitlines()[-1]
        return (
            last.removeprefix("ERROR ")
            if last.startswith("ERROR")
            else DepsManifest.load(self.output / DEPS_MANIFEST)
        )

    def wheels(self) -> list[str]:
        return sorted(path.name.partition("-py3")[0] for path in self.output.glob("*.whl"))


@pytest.fixture(scope="session")
def image_and_index(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    base = tmp_path_factory.mktemp("image")
    links, inside = base / "links", base / "inside"
    subprocess.run([sys.executable, "-m", "venv", str(base / "image")], check=True)
    python = next(base.glob("image/[bS]*/python*"))
    make_wheel(inside, "numpy", "2.3.5")
    make_wheel(inside, "kept", "1.0", requires=["extra-thing; extra == 'more'"])
    make_wheel(inside, "broken", "1.0", requires=["missing-thing"])
    command = [str(python), "-m", "pip", "install", "-q", "--disable-pip-version-check"]
    subprocess.run([*command, "--no-deps", "--no-index", *map(str, inside.glob("*.whl"))], check=True)
    subprocess.run([*command, "pip==24.1"], check=True, capture_output=True)
    for version in ("1.26.0", "2.3.5"):
        make_wheel(links, "numpy", version)
    make_wheel(links, "foo", "1.0", requires=["bar>=1", "kept", "numpy"])
    make_wheel(links, "bar", "1.5")
    make_wheel(links, "extra-thing", "1.0")
    make_wheel(links, "missing-thing", "1.0")
    make_wheel(links, "uses-broken", "1.0", requires=["broken"])
    make_wheel(links, "wants-old", "1.0", requires=["numpy<2"])
    make_wheel(links, "pulls-old", "1.0", requires=["wants-old"])
    make_wheel(
        links, "gpu-only", "1.0", {"gpu_only/__init__.py": "raise OSError('libcuda.so.1 is not there')\n"}
    )
    return python, links


@pytest.fixture
def image(image_and_index: tuple[Path, Path], tmp_path: Path) -> Image:
    return Image(*image_and_index, tmp_path / "output")


def manifest_of(answer: DepsManifest | str) -> DepsManifest:
    assert isinstance(answer, DepsManifest), answer
    return answer


def test_only_what_the_image_lacks_is_collected(image: Image) -> None:
    manifest = manifest_of(image.collect("foo  # the one I want", "numpy"))
    assert image.wheels() == ["bar-1.5", "foo-1.0"]
    assert manifest.requested == ("foo", "numpy")
    assert manifest.satisfied == (("kept", "1.0"), ("numpy", "2.3.5"))
    assert (manifest.workspace, manifest.fingerprint, manifest.collector) == (
        "ws-1",
        "ab12",
        kaggle_shim.__version__,
    )
    assert manifest.python == f"cp{sys.version_info[0]}{sys.version_info[1]}"
    assert [(w.path, w.size, w.sha256) for w in manifest.wheels] == [
        (path.name, path.stat().st_size, hash_file(path)) for path in sorted(image.output.glob("*.whl"))
    ]


def test_what_pip_would_repair_is_a_note(image: Image) -> None:
    manifest = manifest_of(image.collect("uses-broken"))
    assert image.wheels() == ["uses_broken-1.0"]
    assert any("missing-thing 1.0 to repair packages of the image" in note for note in manifest.notes)


def test_an_extra_of_a_package_in_the_image_is_collected(image: Image) -> None:
    manifest = manifest_of(image.collect("kept[more]"))
    assert image.wheels() == ["extra_thing-1.0"]
    assert manifest.satisfied == (("kept", "1.0"),)


@pytest.mark.parametrize(
    ("requirement", "who"),
    [
        ("numpy<2", "deps/requirements.txt"),
        ("wants-old", "wants-old 1.0"),
        ("pulls-old", "wants-old 1.0 (asked for by pulls-old)"),
    ],
)
def test_no_solution_names_both_sides(image: Image, requirement: str, who: str) -> None:
    said = image.collect("foo", requirement)
    assert isinstance(said, str)
    assert said.startswith(f"{who} requires numpy<2, but the image's numpy is 2.3.5, which is protected")
    assert "workspace.allow" in said
    assert requirement in said
    assert not list(image.output.iterdir())


def test_a_protected_package_that_is_allowed_is_replaced(image: Image) -> None:
    manifest_of(image.collect("wants-old", allow=("numpy",)))
    assert image.wheels() == ["numpy-1.26.0", "wants_old-1.0"]


def test_contradicting_requirements_are_named(image: Image) -> None:
    make_wheel(image.links, "needs-old-bar", "1.0", requires=["bar<1"])
    said = image.collect("foo", "needs-old-bar")
    assert isinstance(said, str)
    assert said.startswith("The requirements contradict each other (")
    assert "needs-old-bar 1.0 requires bar<1" in said


def test_a_name_that_no_index_has_is_named(image: Image) -> None:
    assert str(image.collect("fooo")).startswith("The index has no fooo for this Python: check its spelling")
    assert str(image.collect("bar==9")).startswith(
        "The index has no bar==9 for this Python, its newest is 1.5"
    )


def test_the_users_own_wheels_are_taken_under_their_right_names(image: Image) -> None:
    make_wheel(image.own, "mine", "1.0+cu126", requires=["bar"], filename="mine-1.0cu126-py3-none-any.whl")
    manifest = manifest_of(image.collect("foo"))
    assert image.wheels() == ["bar-1.5", "foo-1.0", "mine-1.0+cu126"]
    assert manifest.requested == ("foo", "mine")


def test_nothing_asked_for_is_quick_and_leaves_a_manifest(image: Image) -> None:
    manifest = manifest_of(image.collect("# nothing", "", index=True))
    assert "Resolving" not in image.log
    assert (manifest.wheels, manifest.requested) == ((), ())


def test_wheels_that_are_not_wanted_any_more_go_and_other_files_stay(image: Image) -> None:
    manifest_of(image.collect("foo"))
    make_wheel(image.output, "by-hand")
    manifest_of(image.collect("bar"))
    assert image.wheels() == ["bar-1.5", "by_hand-1.0"]


def test_a_package_that_does_not_import_is_refused_unless_allowed(image: Image) -> None:
    said = str(image.collect("gpu-only"))
    assert said.startswith(
        "gpu-only is installed but `import gpu_only` fails: OSError: libcuda.so.1 is not there."
    )
    assert not list(image.output.iterdir())
    manifest = manifest_of(image.collect("gpu-only", allow=("gpu-only",)))
    assert any("libcuda" in note for note in manifest.notes)


def test_an_sdist_from_the_index_is_built(image: Image) -> None:
    manifest_of(image.collect("antlr4-python3-runtime==4.9.3", index=True))
    assert image.wheels() == ["antlr4_python3_runtime-4.9.3"]


def test_an_sdist_of_ones_own_is_built(image: Image) -> None:
    make_sdist(image.own, "zzfoo")
    make_wheel(image.own / "sub", "mine", filename="MINE-1.0-PY3-NONE-ANY.WHL")
    manifest = manifest_of(image.collect("foo"))
    assert image.wheels() == ["bar-1.5", "foo-1.0", "mine-1.0", "zzfoo-1.0"]
    assert manifest.requested == ("foo", "mine", "zzfoo")


def test_an_sdist_that_kaggle_unpacked_is_built_without_writing_to_its_mount(image: Image) -> None:
    path = make_sdist(image.own, "zzfoo")
    shutil.unpack_archive(path, image.own / "zzfoo-1.0")
    path.unlink()
    before = sorted(image.own.rglob("*"))
    manifest_of(image.collect())
    assert image.wheels() == ["zzfoo-1.0"]
    assert sorted(image.own.rglob("*")) == before


def test_a_requirement_by_address_is_collected(image: Image) -> None:
    path = make_wheel(image.output.parent / "elsewhere", "direct", "3.0")
    manifest_of(image.collect(f"direct @ {path.as_uri()}"))
    assert image.wheels() == ["direct-3.0"]


def test_an_image_without_pip_is_named(tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(tmp_path / "image")], check=True)
    image = Image(next(tmp_path.glob("image/[bS]*/python*")), tmp_path, tmp_path / "output")
    assert " has no pip: add it with " in str(image.collect("foo"))


def test_options_of_a_requirements_file_are_found(tmp_path: Path) -> None:
    (tmp_path / "wheels").mkdir()
    (tmp_path / "more.txt").write_text(
        "--extra-index-url https://example.invalid/simple\nb\n", encoding="utf-8"
    )
    text = "# comment\n-r more.txt\n--find-links=wheels\n-c limits.txt\n--pre  # why\na==1 --hash=sha256:00 \\\n  --hash=sha256:11\n-e .\n"
    (tmp_path / "requirements.txt").write_text(text, encoding="utf-8")
    assert pip.options_of(tmp_path / "requirements.txt") == [
        "--extra-index-url https://example.invalid/simple",
        f"--find-links {(tmp_path / 'wheels').resolve()}",
        "--pre",
    ]


def test_newer_pips_say_more_and_are_understood() -> None:
    lines = [
        "ERROR: Cannot install numba==0.59.0 because these package versions have conflicting dependencies.",
        "",
        "The conflict is caused by:",
        "    numba 0.59.0 depends on numpy<1.27 and >=1.22",
        "    The user requested (constraint) numpy==2.3.5",
        "",
        "Additionally, some packages in these conflicts have no matching distributions available for your environment:",
        "    numpy",
    ]
    image = {"numpy": Distribution("numpy", "2.3.5", Path("x"))}
    said = resolve.no_solution(lines, image, ["numpy"])
    assert said is not None
    assert said.startswith("numba 0.59.0 requires numpy<1.27 and >=1.22, but the image's numpy is 2.3.5")


def test_a_build_that_fails_is_named() -> None:
    lines = [
        "  error: command 'gcc' failed",
        "  ERROR: Failed building wheel for pyfoo",
        "ERROR: Failed to build one or more wheels",
    ]
    assert resolve.other_failure(lines).startswith("pyfoo could not be built")


def test_a_manifest_survives_its_file(tmp_path: Path) -> None:
    manifest = DepsManifest(
        "ws",
        "ab",
        "cp312",
        "linux_x86_64",
        {"git_commit": "1"},
        "0.1",
        ("foo",),
        (("numpy", "2"),),
        (FileEntry("foo.whl", 3, "00"),),
        ("n",),
    )
    path = tmp_path / DEPS_MANIFEST
    path.write_text(manifest.dumps(), encoding="utf-8")
    assert DepsManifest.load(path) == manifest
    assert DepsManifest.load(path).dumps() == manifest.dumps()


@pytest.mark.parametrize(
    "change",
    [
        {"wheels": [{"path": "../x", "size": 1, "sha256": ""}]},
        {"python": None, "wheels": 3},
        {"satisfied": [1]},
    ],
)
def test_a_manifest_that_is_none_is_named(tmp_path: Path, change: dict[str, Any]) -> None:
    manifest = DepsManifest("ws", "ab", "cp312", "linux_x86_64", {}, "0.1", (), (), ())
    path = tmp_path / DEPS_MANIFEST
    path.write_text(json.dumps({**json.loads(manifest.dumps()), **change}), encoding="utf-8")
    with pytest.raises(ManifestError, match=r"deps-manifest\.json .*push deps again"):
        DepsManifest.load(path)


def test_an_index_that_does_not_answer_is_no_contradiction_and_no_missing_package() -> None:
    lines = [
        "WARNING: Retrying (Retry(total=0)) after connection broken by 'NewConnectionError('Failed to establish a new connection')': /simple/x/",
        "ERROR: Could not find a version that satisfies the requirement loguru==0.7.3 (from versions: none)",
        "ERROR: No matching distribution found for loguru==0.7.3",
    ]
    assert resolve.no_solution(lines, {}, ()) is None
    assert resolve.other_failure(lines).startswith(
        "pip could not reach the package index for loguru==0.7.3: check --index-url"
    )


def test_a_version_that_does_not_exist_is_no_contradiction() -> None:
    lines = [
        "ERROR: Could not find a version that satisfies the requirement loguru==99.0 (from versions: 0.7.2, 0.7.3)",
        "ERROR: No matching distribution found for loguru==99.0",
    ]
    assert resolve.no_solution(lines, {}, ()) is None
    assert resolve.other_failure(lines).startswith(
        "The index has no loguru==99.0 for this Python, its newest is 0.7.3"
    )
