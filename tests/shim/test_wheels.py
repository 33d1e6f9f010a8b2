"""What a wheel is, told from its inside, in every shape in which Kaggle leaves it."""

from __future__ import annotations

import ntpath
import platform
import posixpath
import shutil
import sys
import tarfile
import zipfile
from typing import TYPE_CHECKING

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from packaging import tags as packaging_tags
from packaging.utils import parse_wheel_filename

from kaggle_shim import archives, tags, wheels
from kaggle_shim.errors import WheelError
from tests.wheelhouse import make_wheel, rewrite, unpack

if TYPE_CHECKING:
    from pathlib import Path

PYTHON = f"cp3{sys.version_info[1]}"
OTHER = f"cp3{sys.version_info[1] - 1}"
HERE = next(packaging_tags.sys_tags()).platform
CUDA = "2.1.0+cu126"


def names(found: tuple[wheels.Wheel, ...]) -> list[str]:
    return [str(wheel) for wheel in found]


def test_a_wheel_is_read_from_its_metadata(tmp_path: Path) -> None:
    path = make_wheel(
        tmp_path,
        "Foo.Bar",
        "1.2",
        requires=["numpy<3", 'x; extra == "y"'],
        tags=["py2-none-any", "py3-none-any"],
    )
    wheel = wheels.read_wheel(path)
    assert (wheel.project, wheel.version) == ("foo-bar", "1.2")
    assert wheel.filename == "foo_bar-1.2-py2.py3-none-any.whl"
    assert wheel.requires_dist == ("numpy<3", 'x; extra == "y"')


def test_a_name_that_lost_its_plus_is_rebuilt(tmp_path: Path) -> None:
    make_wheel(tmp_path, "torch-thing", CUDA, filename="torch_thing-2.1.0cu126-py3-none-any.whl")
    (wheel,) = wheels.discover([tmp_path])
    assert wheel.version == CUDA
    assert wheel.filename == f"torch_thing-{CUDA}-py3-none-any.whl"


def test_a_wheel_that_became_a_folder_is_found(tmp_path: Path) -> None:
    unpack(make_wheel(tmp_path, "foo"))
    make_wheel(tmp_path, "bar")
    assert names(wheels.discover([tmp_path])) == ["bar 1.0", "foo 1.0"]


def test_the_folder_of_a_wheel_may_be_named_itself(tmp_path: Path) -> None:
    assert names(wheels.discover([unpack(make_wheel(tmp_path, "foo"))])) == ["foo 1.0"]


def test_names_inside_a_folder_that_lost_characters_are_given_back(tmp_path: Path) -> None:
    folder = unpack(
        make_wheel(
            tmp_path, "foo", CUDA, {"foo/a+b.py": "x = 1\n", "foo/c=d.py": "x = 2\n", "foo/__init__.py": ""}
        )
    )
    (folder / f"foo-{CUDA}.dist-info").rename(folder / "foo-2.1.0cu126.dist-info")
    (folder / "foo" / "a+b.py").rename(folder / "foo" / "ab.py")
    (folder / "foo" / "c=d.py").rename(folder / "foo" / "cd.py")
    wheel = wheels.read_wheel(folder)
    assert wheel.dist_info == f"foo-{CUDA}.dist-info"
    found = {member.name: member.file for member in wheel.members}
    assert found["foo/a+b.py"].endswith("ab.py")
    assert found["foo/c=d.py"].endswith("cd.py")
    assert f"foo-{CUDA}.dist-info/RECORD" in found


def test_a_file_that_got_lost_from_a_folder_is_named(tmp_path: Path) -> None:
    folder = unpack(make_wheel(tmp_path, "foo", files={"foo/__init__.py": "", "foo/core.py": "x = 1\n"}))
    (folder / "foo" / "core.py").unlink()
    with pytest.raises(WheelError, match=r"foo-1\.0.* lost foo/core\.py in the upload"):
        wheels.read_wheel(folder)


@pytest.mark.parametrize("kind", ["zip", "tar", "tar.gz"])
def test_wheels_that_stayed_in_an_archive_are_taken_out(tmp_path: Path, kind: str) -> None:
    sources = [make_wheel(tmp_path / "made", name) for name in ("foo", "bar")]
    mounted = tmp_path / "mounted"
    mounted.mkdir()
    archive = mounted / f"wheels.{kind}"
    if kind == "zip":
        with zipfile.ZipFile(archive, "w") as packed:
            for source in sources:
                packed.write(source, f"inner/{source.name}")
    else:
        with tarfile.open(archive, "w:gz" if kind == "tar.gz" else "w") as tar:
            for source in sources:
                tar.add(source, f"inner/{source.name}")
    (tmp_path / "scratch").mkdir()
    found = wheels.discover([mounted], scratch=tmp_path / "scratch")
    assert names(found) == ["bar 1.0", "foo 1.0"]
    assert all(wheel.path.is_relative_to(tmp_path / "scratch") for wheel in found)


def test_a_wheel_called_zip_is_a_wheel(tmp_path: Path) -> None:
    make_wheel(tmp_path, "foo", filename="foo.zip")
    assert names(wheels.discover([tmp_path])) == ["foo 1.0"]


def test_wheels_are_found_at_any_depth_and_under_any_case(tmp_path: Path) -> None:
    make_wheel(tmp_path / "wheels", "foo", filename="FOO-1.0-PY3-NONE-ANY.WHL")
    make_wheel(tmp_path / "a" / "b" / "c" / "d", "deep")
    assert names(wheels.discover([tmp_path])) == ["deep 1.0", "foo 1.0"]


def test_a_source_with_more_folders_than_a_mount_can_bear_says_that_the_rest_is_not_searched(
    tmp_path: Path,
) -> None:
    for number in range(600):
        (tmp_path / f"{number:03}").mkdir()
    make_wheel(tmp_path / "599", "last")
    make_wheel(tmp_path, "first")
    said: list[str] = []
    assert names(wheels.discover([tmp_path], say=said.append)) == ["first 1.0"]
    assert "more than 500 folders" in said[0]


def test_what_holds_no_wheel_is_handed_back(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "bar-1.0.tar.gz", "w:gz") as tar:
        tar.add(make_wheel(tmp_path / "x", "y"), "bar-1.0/PKG-INFO")
    make_wheel(tmp_path / "bar-2.0/tests", "not-mine")
    (tmp_path / "bar-2.0/PKG-INFO").write_text("Name: bar\nVersion: 2.0\n")
    make_wheel(tmp_path, "foo")
    sources: list[Path] = []
    assert names(wheels.discover([tmp_path], sources=sources)) == ["foo 1.0", "y 1.0"]
    assert sources == [tmp_path / "bar-1.0.tar.gz", tmp_path / "bar-2.0"]


def test_a_truncated_wheel_is_named(tmp_path: Path) -> None:
    path = make_wheel(tmp_path, "foo", files={"foo/__init__.py": "x = 1\n" * 1000})
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(
        WheelError, match=r"foo-1\.0-py3-none-any\.whl is truncated or is no zip .*upload it again"
    ):
        wheels.discover([tmp_path])


def test_damage_in_the_metadata_is_named(tmp_path: Path) -> None:
    path = make_wheel(tmp_path, "foo")
    data = bytearray(path.read_bytes())
    at = data.index(b"foo-1.0.dist-info/METADATA") + len(b"foo-1.0.dist-info/METADATA") + 5
    data[at] ^= 0xFF
    path.write_bytes(data)
    with pytest.raises(WheelError, match=r"foo-1\.0.*damaged at foo-1\.0\.dist-info/METADATA"):
        wheels.read_wheel(path)


@pytest.mark.parametrize(
    "tag",
    [
        f"{OTHER}-{OTHER}-{HERE}",
        f"{PYTHON}-{PYTHON}-nowhere_1_0",
        "cp399-abi3-any",
        f"{PYTHON}-{PYTHON}-manylinux_9_99_x86_64",
        "py2-none-any",
    ],
)
def test_a_wheel_for_another_python_or_platform_is_refused(tmp_path: Path, tag: str) -> None:
    make_wheel(tmp_path, "foo", tags=[tag])
    with pytest.raises(
        WheelError,
        match=rf"foo-1\.0-{tag}\.whl can't be used: it is for {tag}, this is Python {platform.python_version()} on ",
    ):
        wheels.discover([tmp_path])


def test_of_two_pythons_the_one_that_fits_is_taken(tmp_path: Path) -> None:
    for python in (OTHER, PYTHON):
        make_wheel(tmp_path, "foo", tags=[f"{python}-{python}-{HERE}"])
    (wheel,) = wheels.discover([tmp_path])
    assert wheel.tags == (f"{PYTHON}-{PYTHON}-{HERE}",)


@pytest.mark.parametrize("tag", ["py3-none-any", "py2.py3-none-any", f"cp32-abi3-{HERE}"])
def test_tags_that_many_pythons_share_fit(tmp_path: Path, tag: str) -> None:
    make_wheel(tmp_path, "foo", tags=[tag])
    assert names(wheels.discover([tmp_path])) == ["foo 1.0"]


def test_the_own_tag_is_the_first_that_packaging_names() -> None:
    python, system = tags.own_tag()
    assert python == PYTHON
    assert system in {tag.platform for tag in packaging_tags.sys_tags()} or sys.platform == "darwin"


@pytest.mark.parametrize(
    ("versions", "chosen"),
    [(("1.10", "1.9"), "1.10"), (("2.0rc1", "1.9"), "1.9"), (("2.0rc1", "2.0b1"), "2.0rc1")],
)
def test_of_several_versions_the_one_that_pip_would_take_is_used_and_that_is_said(
    tmp_path: Path, versions: tuple[str, ...], chosen: str
) -> None:
    for version in versions:
        make_wheel(tmp_path, "foo", version)
    said: list[str] = []
    assert names(wheels.discover([tmp_path], say=said.append)) == [f"foo {chosen}"]
    assert len(said) == 1
    assert all(f"foo-{version}-py3" in said[0] for version in versions)
    assert f"using foo-{chosen}-py3-none-any.whl" in said[0]


def test_a_newer_version_for_another_python_is_passed_by(tmp_path: Path) -> None:
    make_wheel(tmp_path, "foo", "1.0")
    newer = make_wheel(tmp_path, "foo", "2.0")
    metadata = b"Metadata-Version: 2.1\nName: foo\nVersion: 2.0\nRequires-Python: >=3.99\n"
    rewrite(newer, {"foo-2.0.dist-info/METADATA": metadata})
    assert names(wheels.discover([tmp_path])) == ["foo 1.0"]


def test_the_same_wheel_twice_is_one(tmp_path: Path) -> None:
    first = make_wheel(tmp_path / "a", "foo")
    shutil.copytree(tmp_path / "a", tmp_path / "b")
    unpack(tmp_path / "b" / first.name)
    assert names(wheels.discover([tmp_path / "a", tmp_path / "b"])) == ["foo 1.0"]


@pytest.mark.parametrize("line", ["Name: ../../foo", "Name: foo\nVersion: 1/../..", "Name: \nVersion: 1"])
def test_a_name_that_no_file_can_have_is_refused(tmp_path: Path, line: str) -> None:
    wheel = make_wheel(tmp_path, "foo")
    rewrite(wheel, {"foo-1.0.dist-info/METADATA": f"{line}\nVersion: 1.0\n\n".encode()})
    with pytest.raises(WheelError, match="doesn't say its name, version and tags"):
        wheels.read_wheel(wheel)


def test_a_record_that_is_no_table_or_has_odd_sizes_is_no_traceback(tmp_path: Path) -> None:
    wheel = make_wheel(tmp_path, "foo")
    rewrite(wheel, {"foo-1.0.dist-info/RECORD": "foo/__init__.py,sha256=a,²\n".encode()})
    assert wheels.read_wheel(wheel).record == {}
    rewrite(wheel, {"foo-1.0.dist-info/RECORD": b"x" * 200_000})
    with pytest.raises(WheelError, match="has a RECORD that can't be read"):
        wheels.read_wheel(wheel)


def test_two_metadata_folders_are_no_wheel(tmp_path: Path) -> None:
    path = make_wheel(tmp_path, "foo")
    rewrite(path, {"bar-1.dist-info/METADATA": b"Name: bar\n"})
    with pytest.raises(WheelError, match=r"has 2 of them \(bar-1\.dist-info, foo-1\.0\.dist-info\)"):
        wheels.read_wheel(path)


def test_a_zip_without_metadata_is_no_wheel(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "foo.whl", "w") as archive:
        archive.writestr("foo.py", "")
    with pytest.raises(WheelError, match=r"foo\.whl should have one \.dist-info folder and has none"):
        wheels.discover([tmp_path])


@pytest.mark.parametrize(
    "hostile",
    [
        "../evil.py",
        "/evil.py",
        "foo/../../evil.py",
        "C:/evil.py",
        "foo\\..\\evil.py",
        "foo//evil.py",
        "./evil.py",
    ],
)
def test_a_file_outside_its_folder_is_refused(tmp_path: Path, hostile: str) -> None:
    path = make_wheel(tmp_path, "foo")
    rewrite(path, {hostile: b"x = 1\n"})
    with pytest.raises(WheelError, match=r"foo-1\.0.*would land outside its folder"):
        wheels.read_wheel(path)


@given(st.text(st.characters(exclude_categories=["Cs"]) | st.sampled_from("./\\:\0C"), max_size=12))
@example("0:")
def test_no_name_that_passes_lands_outside(name: str) -> None:
    if archives.is_safe(name):
        assert posixpath.normpath(posixpath.join("/root", name)) == "/root/" + name
        assert ntpath.commonpath([ntpath.normpath(ntpath.join("D:\\root", name)), "D:\\root"]) == "D:\\root"


@given(
    st.from_regex(r"[A-Za-z0-9]([A-Za-z0-9._-]{0,10}[A-Za-z0-9])?", fullmatch=True),
    st.from_regex(
        r"[0-9]{1,3}(\.[0-9]{1,3}){0,2}((a|b|rc)[0-9])?(\.post[0-9])?(\+[a-z0-9]{1,4}(\.[a-z0-9]{1,4})?)?",
        fullmatch=True,
    ),
    st.sampled_from(["", "1", "2abc"]),
    st.lists(
        st.sampled_from(
            ["py3-none-any", "py2.py3-none-any", "cp312-cp312-manylinux_2_17_x86_64.manylinux2014_x86_64"]
        ),
        min_size=1,
        max_size=1,
    ),
)
def test_a_rebuilt_name_says_what_the_metadata_says(
    project: str, version: str, build: str, lines: list[str]
) -> None:
    found_name, found_version, found_build, found_tags = parse_wheel_filename(
        wheels.rebuild_filename(project, version, build, lines)
    )
    assert found_name == wheels.normalise(project)
    assert str(found_version) == str(packaging_version(version))
    assert bool(found_build) == bool(build)
    assert found_tags == {tag for line in lines for tag in packaging_tags.parse_tag(line)}


def packaging_version(text: str) -> object:
    from packaging.version import Version

    return Version(text)
