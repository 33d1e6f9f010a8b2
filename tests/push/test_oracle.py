"""What our uploader sends is what the official clients send, and what we use of kagglesdk's insides is there."""

from __future__ import annotations

import importlib
import inspect
import json
import os
import subprocess
import sys
from typing import Any

import pytest

from kaggle_workflow.model_upload import upload
from tests.local_kaggle import LocalKaggle
from tests.push.conftest import Scene

# What names one upload, never the same twice; and what kagglehub writes out though it is the default.
_LEFT_OUT = ("token", "lastModifiedEpochSeconds", "contentLength", "sigstore")


# Dotted names, with the parameters that we pass.
USED: dict[str, tuple[str, ...]] = {
    "kagglesdk.kaggle_http_client.KaggleHttpClient._init_session": ("self",),
    "kagglesdk.kaggle_http_client.KaggleHttpClient._prepare_request": (
        "self",
        "service_name",
        "request_name",
        "request",
    ),
    "requests.adapters.HTTPAdapter.send": ("self", "request", "stream", "timeout"),
    "requests.sessions.Session.merge_environment_settings": (
        "self",
        "url",
        "proxies",
        "stream",
        "verify",
        "cert",
    ),
    "invoke.program.Program.list_flat": ("self",),
    "invoke.vendor.yaml.safe_load": ("stream",),
}


def part(dotted: str) -> Any:
    """A part of another package, by its dotted name."""
    parts = dotted.split(".")
    for size in range(len(parts), 0, -1):
        try:
            found: Any = importlib.import_module(".".join(parts[:size]))
        except ModuleNotFoundError:
            continue
        for part in parts[size:]:
            found = getattr(found, part)
        return found
    raise ImportError(dotted)


@pytest.mark.parametrize(("dotted", "parameters"), USED.items())
def test_no_private_part_that_we_use_has_changed(dotted: str, parameters: tuple[str, ...]) -> None:
    assert set(parameters) <= set(inspect.signature(part(dotted)).parameters)


def calls(kaggle: LocalKaggle, *methods: str) -> list[Any]:
    """The bodies of those calls, without what differs from upload to upload."""
    return [(one.method, _steady(one.body)) for one in kaggle.requests() if one.method in methods]


def _steady(value: Any) -> Any:
    if isinstance(value, dict):
        # An absent field and an empty one mean the same to Kaggle.
        return {k: _steady(v) for k, v in value.items() if k not in _LEFT_OUT and v not in (None, [], "")}
    # Folders come in the order of the disk.
    return sorted(map(_steady, value), key=json.dumps) if isinstance(value, list) else value


def official(scene: Scene, *words: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", *words],
        env={**os.environ, **scene.kaggle.environment()},
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("new", [True, False])
def test_a_dataset_as_the_official_client_sends_it(scene: Scene, new: bool) -> None:
    (scene.root / "codes" / "package").mkdir()
    (scene.root / "codes" / "package" / "module.py").write_text("X = 1\n", encoding="utf-8")
    if not new:
        scene.codes()
        scene.edit()
    method = "CreateDataset" if new else "CreateDatasetVersion"
    scene.codes()
    ours = calls(scene.kaggle, method)[-1]
    there = scene.kaggle.dataset_files("tester/cmi-codes")
    build = scene.root / "build" / "codes"
    about = json.loads((build / "dataset-metadata.json").read_text(encoding="utf-8"))
    if new:
        about |= {"id": "tester/cmi-other", "title": "cmi-other"}
        (build / "dataset-metadata.json").write_text(json.dumps(about), encoding="utf-8")
        official(scene, "kaggle", "datasets", "create", "-p", str(build), "-r", "zip", "-q")
    else:
        official(
            scene,
            "kaggle",
            "datasets",
            "version",
            "-p",
            str(build),
            "-r",
            "zip",
            "-q",
            "-m",
            ours[1]["body"]["versionNotes"],
        )
    theirs = calls(scene.kaggle, method)[-1]
    if new:
        theirs[1].update(slug="cmi-codes", title="cmi-codes")
    assert _sorted_files(ours) == _sorted_files(theirs)
    assert scene.kaggle.dataset_files(about["id"]) == there


def _sorted_files(call: Any) -> Any:
    return json.dumps(call, sort_keys=True)


def test_a_notebook_as_the_official_client_sends_it(scene: Scene) -> None:
    scene.all()
    ours = calls(scene.kaggle, "SaveKernel")[-1]
    official(scene, "kaggle", "kernels", "push", "-p", str(scene.root / "build" / "sub"))
    theirs = calls(scene.kaggle, "SaveKernel")[-1]
    assert ours == theirs


@pytest.mark.parametrize("files", [3, 60])
def test_a_model_as_the_official_client_sends_it(scene: Scene, files: int) -> None:
    folder = scene.root / "weights"
    for number in range(files):
        path = folder / f"fold{number % 3}" / f"{number}.bin"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(bytes([number]) * 10)
    methods = ("CreateModel", "CreateModelInstance")
    upload(folder, "tester/ours/pytorch/exp", licence="Apache 2.0", notes="first")
    ours = calls(scene.kaggle, *methods)
    code = f"import kagglehub; kagglehub.model_upload('tester/theirs/pytorch/exp', {str(folder)!r}, 'Apache 2.0', 'first')"
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, **scene.kaggle.environment()},
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert done.returncode == 0, done.stderr
    theirs = calls(scene.kaggle, *methods)[len(ours) :]
    assert json.dumps(theirs).replace("theirs", "ours") == json.dumps(ours)
