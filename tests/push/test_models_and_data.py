"""Models and datasets go up, competition files and attached sources come down."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from kaggle_shim.manifest import DATASET_MANIFEST, MODEL_MANIFEST
from kaggle_shim.refs import DatasetRef
from kaggle_workflow import command_list, workspace
from kaggle_workflow.commands import data, output
from kaggle_workflow.errors import KaggleRefused, Refused, WorkflowError
from kaggle_workflow.push import dataset as push_dataset
from kaggle_workflow.push.dataset_payload import stage_folder
from kaggle_workflow.push.session import Outcome
from tests.local_kaggle import faults
from tests.push.conftest import COMPETITION, Scene

HANDLE = "tester/cmi-models/pytorch/exp001"


def weights(scene: Scene, content: str = "w1") -> Path:
    folder = scene.root / "data" / "working" / "models" / "exp001"
    (folder / "fold0").mkdir(parents=True, exist_ok=True)
    (folder / "fold0" / "model.bin").write_text(content, encoding="utf-8")
    (folder / "config.json").write_text("{}", encoding="utf-8")
    (folder / "half.tmp").write_text("no", encoding="utf-8")
    return folder


def model(scene: Scene, **options: Any) -> Outcome:
    return scene.model(ignore=("*.log",), **options)


def attached(scene: Scene) -> list[str]:
    found: list[str] = json.loads((scene.root / "sub" / "kernel-metadata.json").read_text(encoding="utf-8"))[
        "model_sources"
    ]
    return found


def test_a_model_goes_up_with_its_manifest_and_is_attached(scene: Scene) -> None:
    weights(scene)
    outcome = model(scene)
    assert (outcome.did, outcome.name, outcome.version) == ("sent", HANDLE, 1)
    assert attached(scene) == [f"{HANDLE}/1"]
    world = scene.kaggle.world
    found = scene.kaggle.model("tester/cmi-models")
    folder = world.store.model_folder(found, found.variations[0].id, 1)
    assert sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file()) == [
        "config.json",
        "fold0/model.bin",
        MODEL_MANIFEST,
    ]


def test_the_same_weights_are_not_sent_again_and_new_ones_bump_the_version(scene: Scene) -> None:
    weights(scene)
    model(scene)
    scene.metadata(model_sources=["other/base/pytorch/large/3", f"{HANDLE}/1"])
    assert model(scene).did == "unchanged"
    weights(scene, "w2")
    assert (model(scene).version, attached(scene)) == (2, ["other/base/pytorch/large/3", f"{HANDLE}/2"])


def test_a_model_of_another_workspace_is_not_touched_unasked(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    weights(scene)
    model(scene)
    weights(scene, "w2")
    monkeypatch.setenv("INVOKE_WORKSPACE_ID", "0123456789abcdef")
    with pytest.raises(Refused, match="take-over"):
        model(scene)
    assert model(scene, allow=frozenset(["take-over"])).version == 2


def test_a_model_that_arrived_truncated_is_named(scene: Scene) -> None:
    weights(scene, "w" * 5000)
    scene.kaggle.fault(faults.truncate_upload(10, times=3))
    with pytest.raises(KaggleRefused, match=r"differs from what was sent \(.*bytes"):
        model(scene)
    assert model(scene).version == 2


def test_a_model_whose_answer_was_lost_is_found(scene: Scene) -> None:
    weights(scene)
    scene.kaggle.fault(faults.drop_after("CreateModelInstance"))
    assert model(scene).version == 1


def test_the_notebook_proves_the_models_it_attaches(scene: Scene) -> None:
    weights(scene)
    fingerprint = model(scene).fingerprint
    scene.all()
    notebook = scene.kaggle.notebook("tester/cmi-sub")
    text = (scene.kaggle.world.store.notebook_folder(notebook, 1) / "source").read_text(encoding="utf-8")
    assert fingerprint in text


def test_weights_go_up_from_training_code_without_invoke(scene: Scene) -> None:
    folder = weights(scene)
    child = subprocess.run(
        [
            sys.executable,
            "-c",
            f"from kaggle_workflow.model_upload import upload; print(upload({str(folder)!r}, {HANDLE!r}).ref)",
        ],
        cwd=scene.root,
        env=scene.kaggle.environment(),
        capture_output=True,
        text=True,
        check=True,
    )
    assert child.stdout.splitlines()[-1] == f"{HANDLE}/1"


def test_any_folder_goes_up_as_a_dataset(scene: Scene) -> None:
    folder = scene.root / "features"
    (folder / "fold0").mkdir(parents=True)
    (folder / "fold0" / "a.csv").write_text("1", encoding="utf-8")
    (folder / "b.csv").write_text("2", encoding="utf-8")

    def send(**options: object) -> Outcome:
        push = scene.push(**options)
        return push_dataset.upload_dataset(
            push, lambda: stage_folder(push, folder, DatasetRef("tester", "cmi-features"))
        )

    assert (send().version, send().did) == (1, "unchanged")
    assert set(scene.kaggle.dataset_files("tester/cmi-features")) == {
        "fold0/a.csv",
        "b.csv",
        DATASET_MANIFEST,
    }
    (folder / "b.csv").write_text("3", encoding="utf-8")
    assert send(message="new").version == 2


def fetch(scene: Scene, **options: Any) -> None:
    data.download(workspace.load(scene.root), command_list.Data(**options))


def emptied(scene: Scene) -> Path:
    folder = scene.root / "data" / "competitions" / COMPETITION
    for path in folder.iterdir():
        path.unlink()
    return folder


def test_data_brings_the_competition_to_where_rehearsal_mounts_it(
    scene: Scene, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = emptied(scene)
    fetch(scene, list_=True)
    assert not list(folder.iterdir())
    fetch(scene, only=["*.csv"])
    assert [path.name for path in folder.iterdir()] == ["sample_submission.csv"]
    fetch(scene)
    assert "1 file downloaded, 1 already there" in capsys.readouterr().out


def test_a_single_file_that_comes_zipped_is_unpacked(scene: Scene) -> None:
    folder = emptied(scene)
    scene.kaggle.behave(single_file_zipped=True)
    fetch(scene)
    assert sorted(path.name for path in folder.iterdir()) == ["sample_submission.csv", "test_series.parquet"]
    assert (folder / "sample_submission.csv").read_text(encoding="utf-8").startswith("row_id")


def test_a_download_goes_on_after_a_break(scene: Scene) -> None:
    folder = emptied(scene)
    big = bytes(range(256)) * 20_000
    public = scene.kaggle.world.store.competition_folder(COMPETITION) / "public"
    (public / "big.bin").write_bytes(big)
    fetch(scene, only=["big.bin"])
    (folder / "big.bin").unlink()
    scene.kaggle.forget_requests()
    response_tag = _tag_of(scene, "big.bin")
    (folder / "..big.bin.arrived.part").write_bytes(big[:4_000_000])
    (folder / "..big.bin.arrived.part-tag").write_text(response_tag, encoding="utf-8")
    fetch(scene, only=["big.bin"])
    assert (folder / "big.bin").read_bytes() == big
    assert scene.kaggle.requests(method="GET")[-1].response_bytes < 2_000_000


def _tag_of(scene: Scene, name: str) -> str:
    import requests

    public = scene.kaggle.world.store.competition_folder(COMPETITION) / "public"
    path = scene.kaggle.world.downloads.path_of(public / name)
    with requests.get(scene.kaggle.url + path, stream=True, timeout=10) as response:
        return response.headers["ETag"]


def test_more_than_five_gigabytes_are_asked_about(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    from kaggle_workflow.kaggle import fetching

    emptied(scene)
    monkeypatch.setattr(fetching, "LARGE", 100)
    with pytest.raises(Refused, match="large-download"):
        fetch(scene)
    fetch(scene, allow=["large-download"], only=["*.csv"])
    fetch(scene, yes=True)


def test_attached_sources_come_to_where_rehearsal_mounts_them(scene: Scene) -> None:
    scene.kaggle.add_dataset("friend/base-features", {"a/x.csv": "1", "y.csv": "2"}, private=False)
    weights(scene)
    model(scene)
    scene.metadata(dataset_sources=["tester/cmi-codes", "friend/base-features"])
    fetch(scene, attached=True)
    assert (scene.root / "data/datasets/friend/base-features/a/x.csv").is_file()
    assert (scene.root / f"data/models/{HANDLE}/1/fold0/model.bin").is_file()
    scene.codes()
    scene.deps()
    fetch(scene, attached="tester/cmi-deps")
    assert (scene.root / "data/notebooks/tester/cmi-deps/deps-manifest.json").is_file()


def test_an_attached_utility_script_brings_the_module_that_rehearsal_imports(scene: Scene) -> None:
    save_script(scene, "my-utils", "ANSWER = 42\n")
    (scene.kaggle.notebook_output("tester/my-utils") / "my_utils.py").unlink()
    scene.metadata(kernel_sources=["tester/my-utils"])
    fetch(scene, attached=True)
    found = scene.root / "data/notebooks/tester/my-utils/my_utils.py"
    assert found.read_text(encoding="utf-8") == "ANSWER = 42\n"


def save_script(scene: Scene, slug: str, text: str) -> None:
    """Save a utility script with the official client and wait for its run."""
    folder = scene.root / "build" / slug
    folder.mkdir(parents=True)
    (folder / "script.py").write_text(text, encoding="utf-8")
    metadata = {
        "id": f"tester/{slug}", "title": slug, "code_file": "script.py", "language": "python", "kernel_type": "script",
        "keywords": ["utility script"], "enable_internet": False,
    }  # fmt: skip
    (folder / "kernel-metadata.json").write_text(json.dumps(metadata), encoding="utf-8")
    subprocess.run(
        [sys.executable, "-m", "kaggle.cli", "kernels", "push", "-p", str(folder)],
        check=True,
        capture_output=True,
    )
    scene.kaggle.wait_for_runs(20)


def test_output_comes_down_with_its_log(scene: Scene, capsys: pytest.CaptureFixture[str]) -> None:
    scene.all()
    capsys.readouterr()
    output.download_output(workspace.load(scene.root), command_list.Output(json=True))
    told = json.loads(capsys.readouterr().out)
    assert {file["name"] for file in told["files"]} == {"submission.csv", "run-report.json"}
    assert (
        (scene.root / "build/output/sub/v1/cmi-sub.log")
        .read_text(encoding="utf-8")
        .startswith("kaggle_shim report")
    )


@pytest.mark.parametrize(
    "name", ["../evil", "/evil", "a/../../evil", "a\\..\\evil", "C:evil", "a//b", "con", "x\u0000"]
)
def test_no_name_writes_outside_its_folder(scene: Scene, name: str) -> None:
    scene.all()
    files = [{"fileName": name, "url": f"{scene.kaggle.url}/_local/state"}]
    scene.kaggle.fault(faults.change("ListKernelSessionOutput", {"files": files}, times=None))
    before = set(scene.root.parent.rglob("*evil*"))
    with pytest.raises(WorkflowError, match="can't be written inside"):
        output.download_output(
            workspace.load(scene.root), command_list.Output(version=1, to="out", yes=True, json=True)
        )
    assert set(scene.root.parent.rglob("*evil*")) == before
    assert not list((scene.root / "out").rglob("*")) or not (scene.root / "out").exists()


def test_a_link_in_the_folder_is_not_followed(scene: Scene, tmp_path: Path) -> None:
    scene.all()
    (scene.root / "out").mkdir()
    (tmp_path / "elsewhere").write_text("mine", encoding="utf-8")
    (scene.root / "out" / "submission.csv").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(WorkflowError, match="leads out of"):
        output.download_output(
            workspace.load(scene.root), command_list.Output(version=1, to="out", yes=True, json=True)
        )
    assert (tmp_path / "elsewhere").read_text(encoding="utf-8") == "mine"


def test_what_this_workspace_made_is_known_again_when_kaggle_packs_single_files(scene: Scene) -> None:
    weights(scene)
    model(scene)
    scene.all()
    scene.kaggle.behave(single_file_zipped=True)
    shutil.rmtree(scene.root / "build")
    scene.edit()
    assert [outcome.did for outcome in scene.all()] == ["sent", "unchanged", "sent"]
    assert model(scene).did == "unchanged"


def test_empty_files_arrive_empty(scene: Scene) -> None:
    (scene.root / "codes" / "__init__.py").write_text("", encoding="utf-8")
    (weights(scene) / "nothing.txt").write_text("", encoding="utf-8")
    assert (scene.codes().did, model(scene).did) == ("sent", "sent")
    assert scene.kaggle.dataset_files("tester/cmi-codes")["__init__.py"] == b""
    found = scene.kaggle.model("tester/cmi-models")
    folder = scene.kaggle.world.store.model_folder(found, found.variations[0].id, 1)
    assert (folder / "nothing.txt").read_bytes() == b""


def test_weights_without_a_name_are_those_of_the_experiment_that_the_notebook_runs(scene: Scene) -> None:
    settings = scene.root / "invoke.yaml"
    settings.write_text(
        settings.read_text(encoding="utf-8") + "  notebooks:\n    sub:\n      entry: bash exp010/run.sh\n",
        encoding="utf-8",
    )
    weights = scene.root / "data" / "working" / "models" / "exp010"
    weights.mkdir(parents=True)
    (weights / "a.bin").write_bytes(b"1")
    assert scene.model().version == 1
    assert [text.rsplit("/", 2)[1] for text in attached(scene) if "cmi" in text] == ["exp010"]
