"""What several rooms of tests share: expensive things, made once per session."""

import compileall
import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from kaggle_workflow.rehearsal import image
from tests import json_outputs, workspaces

ROOT = Path(__file__).resolve().parents[1]

# A script that starts the tests in the background has them, and all that they start, ignore Ctrl-C: some wait for what it does.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# Where there is a proxy, the servers that tests start are reached without it. The clients reach theirs as `localhost`, by a proxy.
if any(name.lower() in ("http_proxy", "https_proxy", "all_proxy") for name in os.environ):
    for name in ("no_proxy", "NO_PROXY"):
        os.environ[name] = ",".join(filter(None, (os.environ.get(name), "127.0.0.1")))

# What a user's own configuration of git would do to the repositories that tests make.
_GIT = {"commit.gpgSign": "false", "tag.gpgSign": "false"}
os.environ["GIT_CONFIG_COUNT"] = str(len(_GIT))
for number, (name, value) in enumerate(_GIT.items()):
    os.environ[f"GIT_CONFIG_KEY_{number}"], os.environ[f"GIT_CONFIG_VALUE_{number}"] = name, value


@pytest.fixture(scope="session", autouse=True)
def _compiled() -> None:
    """Compile our modules once: the commands that tests start keep none (no test leaves compiled files in a workspace)."""
    for folder in ("workflow", "shim"):
        compileall.compile_dir(ROOT / folder, quiet=2)


@pytest.fixture(scope="session")
def shared_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One folder for all of this session's worker processes."""
    base = tmp_path_factory.getbasetemp()
    workspaces.shared = base.parent if os.environ.get("PYTEST_XDIST_WORKER") else base
    return workspaces.shared


@pytest.fixture(scope="session")
def cache_home(shared_folder: Path) -> Path:
    """What a test gives as XDG_CACHE_HOME: kept between sessions too when `KAGGLE_TEST_CACHE` names a folder."""
    kept = os.environ.get("KAGGLE_TEST_CACHE")
    return Path(kept).resolve() if kept else shared_folder / "cache"


@pytest.fixture(scope="session")
def image_cache(cache_home: Path) -> Path:
    """Where images are kept."""
    return cache_home / "kaggle-workspace" / "images"


@pytest.fixture(scope="session")
def image_python(image_cache: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The interpreter of the local Kaggle's image: numpy, pandas, pyarrow, scikit-learn."""
    image_txt = tmp_path_factory.mktemp("image") / "image.txt"
    image_txt.write_text("numpy\npandas\npyarrow\nscikit-learn\n", encoding="utf-8")
    return image.ensure(image_txt, python=None, cache=image_cache, on_line=print).python


@pytest.fixture(scope="session")
def template(shared_folder: Path) -> Path:
    """A tagged clone of this working tree; not to be changed."""
    return workspaces.once(shared_folder / "template", workspaces.clone_template)


@pytest.fixture(scope="session", autouse=True)
def json_outputs_are_as_documented() -> Iterator[None]:
    """Every `invoke … --json` that any test runs to a good end is held against the documented fields."""
    real = subprocess.run

    def run(*words: Any, **options: Any) -> subprocess.CompletedProcess[Any]:
        done = real(*words, **options)
        line = [str(word) for word in done.args] if isinstance(done.args, list | tuple) else []
        if "invoke" in line and "--json" in line and done.returncode == 0 and done.stdout:
            json_outputs.check(line[line.index("invoke") + 1 :], done.stdout)
        return done

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(subprocess, "run", run)
        yield
