"""Archives in an upload, which Kaggle unpacks, and files that only stand for the real ones."""

from __future__ import annotations

import bz2
import gzip
import io
import subprocess
import tarfile
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from kaggle_shim.refs import DatasetRef
from kaggle_workflow.errors import KaggleRefused, Refused, WorkflowError
from kaggle_workflow.push import dataset as push_dataset
from kaggle_workflow.push.dataset_payload import stage_folder
from kaggle_workflow.push.session import Outcome
from kaggle_workflow.stage import stand_ins
from tests.local_kaggle import faults
from tests.push.conftest import Scene

LFS = b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 132735241\n"


def zipped(files: Mapping[str, bytes]) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return made.getvalue()


def tarred(files: Mapping[str, bytes], mode: str) -> bytes:
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode=mode) as archive:  # type: ignore[call-overload]  # any mode string is meant
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return made.getvalue()


ARCHIVES = {
    "images.zip": zipped({"images/a.txt": b"one", "images/b.txt": b"two and more"}),
    "masks.tar": tarred({"a.txt": b"three", "deep/b.txt": b"four"}, "w"),
    "fold0.tar.gz": tarred({"x.txt": b"five", "inner.zip": zipped({"y.txt": b"sixth"})}, "w:gz"),
    "table.csv.gz": gzip.compress(b"a,b\n1,2\n"),
    "sub/more.zip": zipped({"z.txt": b"seventh", "__MACOSX/._z.txt": b"resource"}),
    "odd.json.bz2": bz2.compress(b"{}"),
    "v1+2.zip": zipped({"w.txt": b"eighth"}),
    "model.pth.tar": b"PK\x03\x04 as torch writes it",
    "plain.txt": b"plain",
}


def fill(folder: Path, files: Mapping[str, bytes]) -> Path:
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    return folder


def send(scene: Scene, **options: object) -> Outcome:
    push = scene.push(**options)
    folder = scene.root / "features"
    return push_dataset.upload_dataset(
        push, lambda: stage_folder(push, folder, DatasetRef("tester", "cmi-features"))
    )


@pytest.mark.parametrize(
    "behaviour",
    [
        {},
        {"strip_archive_folder": True},
        {"unpack_archives": False},
        {"leave_packed": ("inner.zip", "masks.tar", "v1+2.zip")},
    ],
    ids=["unpacked", "top-folder-dropped", "left-packed", "some-left-packed"],
)
def test_a_folder_of_archives_is_one_version_and_is_not_sent_again(
    scene: Scene, behaviour: dict[str, object]
) -> None:
    scene.kaggle.behave(**behaviour)
    fill(scene.root / "features", ARCHIVES)
    assert (send(scene).did, scene.versions("features")) == ("sent", 1)
    assert any("fold0.tar.gz" in line and "Kaggle unpacks it" in line for line in scene.warned)
    assert [line for line in scene.warned if "model.pth.tar" in line and "Kaggle unpacks it" in line] == []
    (scene.root / "build" / "known" / "tester--cmi-features.json").unlink()  # another machine
    assert (send(scene).did, scene.versions("features")) == ("unchanged", 1)


def test_archives_in_a_model_are_one_version_too(scene: Scene) -> None:
    fill(scene.root / "data" / "working" / "models" / "exp001", ARCHIVES)
    assert (scene.model().did, scene.model().did, scene.model().version) == ("sent", "unchanged", 1)
    assert any("Kaggle unpacks it" in line for line in scene.said)


def test_an_archive_that_arrived_cut_short_is_named_and_sent_anew(scene: Scene) -> None:
    fill(scene.root / "features", {"big.zip": zipped({"a.bin": b"a" * 9000}), "b.txt": b"b"})
    scene.kaggle.fault(faults.truncate_upload(5000, times=3))
    with pytest.raises(KaggleRefused, match=r"big\.zip has \d+ of"):
        send(scene)
    assert (send(scene).version, send(scene).did) == (2, "unchanged")


@pytest.fixture
def opaque(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> Scene:
    """A Kaggle that drops a member of an archive, whatever is sent."""
    from tests.local_kaggle import unpack

    whole = unpack._zip_members
    monkeypatch.setattr(unpack, "_zip_members", lambda stream: (m for m in whole(stream) if m[0] != "b.txt"))
    return scene


def test_what_kaggle_loses_of_an_archive_is_named_and_never_sent_twice(opaque: Scene) -> None:
    fill(opaque.root / "features", {"a.zip": zipped({"a.txt": b"a", "b.txt": b"bb"})})
    with pytest.raises(KaggleRefused, match=r"lacks a/b\.txt.*--allow archive-contents"):
        send(opaque)
    with pytest.raises(Refused, match="archive-contents"):
        send(opaque)
    assert opaque.versions("features") == 1
    assert send(opaque, allow=frozenset(["archive-contents"])).did in ("unchanged", "found")
    fill(
        opaque.root / "data" / "working" / "models" / "exp001",
        {"a.zip": zipped({"a.txt": b"a", "b.txt": b"bb"})},
    )
    with pytest.raises(KaggleRefused, match="archive-contents"):
        opaque.model()
    with pytest.raises(Refused, match="archive-contents"):
        opaque.model()
    assert opaque.model(allow=frozenset(["archive-contents"])).version == 1


def test_an_archive_among_the_codes_is_refused_before_the_first_byte(scene: Scene) -> None:
    fill(scene.root / "codes", {"vocabulary.zip": zipped({"a.txt": b"a"})})
    with pytest.raises(Refused, match=r"codes/vocabulary\.zip.*--allow archive"):
        scene.codes()
    assert scene.sends() == 0
    assert scene.codes(allow=frozenset(["archive"])).did == "sent"
    assert scene.codes().did == "unchanged"


@pytest.mark.parametrize("room", ["codes", "features", "data/working/models/exp001"])
def test_a_pointer_is_named_before_anything_is_sent(scene: Scene, room: str) -> None:
    fill(scene.root / room, {"fold0.pt": LFS})

    def push(**options: Any) -> Outcome:
        if room == "codes":
            return scene.codes(**options)
        return send(scene, **options) if room == "features" else scene.model(**options)

    with pytest.raises(Refused, match=r"fold0\.pt: it is a Git LFS pointer.*git lfs pull.*--allow stand-in"):
        push()
    assert scene.sends() == 0
    assert push(allow=frozenset(["stand-in"])).did == "sent"
    assert push().did == "unchanged"


def test_check_names_a_pointer_among_the_codes_and_among_the_attached_weights(scene: Scene) -> None:
    fill(scene.root / "codes", {"fold0.pt": LFS})
    fill(scene.root / "data" / "working" / "models" / "exp001", {"fold1.pt": b""})
    scene.metadata(model_sources=["tester/cmi-models/pytorch/exp001/1"])
    said = scene.invoke("check").stdout
    assert "codes/fold0.pt" in said
    assert "Git LFS pointer" in said
    assert "data/working/models/exp001/fold1.pt" in said
    assert "it is empty" in said


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("fold0.pt", LFS, "git lfs pull"),
        ("train.csv", LFS, "git lfs pull"),
        ("fold0.pt.dvc", b"outs:\n- md5: a304afb96060aad90176268345e10355\n  path: fold0.pt\n", "dvc pull"),
        ("fold0.pt", b"/annex/objects/SHA256E-s1--a.pt\n", "git annex get"),
        ("fold0.pth", b"", "is empty"),
        ("fold0.pth", b"\n<!DOCTYPE html><html><title>Log in</title>" + b"x" * 9000, "HTML page"),
        ("model.safetensors", b"\x10\0\0\0\0\0\0\0{}", None),
        ("__init__.py", b"", None),
        ("page.html", b"<!doctype html>", None),
    ],
)
def test_what_stands_for_a_file_is_told_from_the_file(
    tmp_path: Path, name: str, content: bytes, told: str | None
) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    found = stand_ins.problem(path, len(content))
    assert found is None if told is None else told in (found or "")


def test_a_link_of_git_annex_without_its_content_is_never_left_out_in_silence(scene: Scene) -> None:
    for folder in ("codes", "data/working/models/exp001"):
        fill(scene.root / folder, {"config.json": b"{}"})
        (scene.root / folder / "fold0.pt").symlink_to("../.git/annex/objects/Mj/7k/SHA256E-s9--a.pt")
    with pytest.raises(WorkflowError, match=r"git annex get fold0\.pt"):
        scene.codes()
    with pytest.raises(WorkflowError, match=r"git annex get fold0\.pt"):
        scene.model()
    assert scene.sends() == 0


def test_push_dataset_of_four_kinds_of_archives_from_the_command_line(scene: Scene) -> None:
    fill(
        scene.root / "features",
        {
            name: ARCHIVES[name]
            for name in ("images.zip", "masks.tar", "fold0.tar.gz", "table.csv.gz", "plain.txt")
        },
    )

    def run() -> subprocess.CompletedProcess[str]:
        return scene.invoke("push-dataset", "--path", "features")

    first, second = run(), run()
    assert (first.returncode, second.returncode, scene.versions("features")) == (0, 0, 1), (
        first.stderr + second.stderr
    )
    assert "nothing was sent" in second.stdout
