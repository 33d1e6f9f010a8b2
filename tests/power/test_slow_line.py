"""A hotel's network: late, narrow, torn, dead for a while, or a page to log in at where Kaggle should be."""

from __future__ import annotations

import random
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from kaggle_shim.refs import DatasetRef, NotebookRef
from kaggle_workflow import progress
from kaggle_workflow.errors import WorkflowError
from kaggle_workflow.kaggle import connection, http, uploading
from kaggle_workflow.push.session import Outcome
from tests.local_kaggle import faults
from tests.power import storms
from tests.push.conftest import Scene
from tests.slow_line import SlowLine, Weather, narrow
from tests.submit.conftest import Desk

BIG = 2_000_000
PATIENCE = 0.5


@contextmanager
def line(scene: Scene, patch: pytest.MonkeyPatch, weather: Weather) -> Iterator[SlowLine]:
    """Everything of this process goes over the line, and no more of it waits in this machine than a slow line lets."""
    with SlowLine(scene.kaggle.port, weather) as slow, patch.context() as inside:
        narrow(inside)
        inside.setenv("http_proxy", slow.url)
        yield slow


def impatient(patch: pytest.MonkeyPatch) -> None:
    """Time limits of half a second in place of two minutes, and pauses that are none."""
    patch.setattr(http, "CONNECT_SECONDS", PATIENCE)
    patch.setattr(http, "READ_SECONDS", PATIENCE)
    restless(patch)


def restless(patch: pytest.MonkeyPatch) -> None:
    """Pauses that are none."""
    patch.setattr(uploading, "PAUSES", (0.0,) * len(uploading.PAUSES))
    patch.setattr(connection, "_PAUSES", (0.0,) * len(connection._PAUSES))


def big(scene: Scene, seed: int = 0) -> bytes:
    """A file of two megabytes in the codes."""
    content = random.Random(seed).randbytes(BIG)  # noqa: S311 - reproducible, not secret
    (scene.root / "codes" / "big.bin").write_bytes(content)
    return content


def lengthen(scene: Scene) -> None:
    """Give the notebook three hundred kilobytes more."""
    path = scene.root / "sub" / "sub.ipynb"
    path.write_text(
        path.read_text(encoding="utf-8").replace(
            '"cells": [',
            f'"cells": [{{"cell_type": "raw", "id": "long", "metadata": {{}}, "source": ["{"long " * 60_000}"]}},',
            1,
        ),
        encoding="utf-8",
    )


def test_from_a_saved_file_to_a_score_over_a_slow_line(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.edit()
    with line(desk, monkeypatch, Weather(delay=0.02, jitter=0.02, rate=400_000)) as slow:
        desk.ship()
    assert storms.state(desk, ship=True) == ""
    assert sum(slow.passed.values()) > 0


def test_a_large_notebook_takes_longer_than_a_connection_may(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http, "CONNECT_SECONDS", 1.0)
    lengthen(scene)
    with line(scene, monkeypatch, Weather(rate=120_000)):
        scene.all(limit=60.0)
    assert scene.versions("sub") == 1


def test_an_answer_that_comes_by_halves_is_asked_for_again(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    restless(monkeypatch)
    scene.all()
    lengthen(scene)
    scene.sub()
    with line(scene, monkeypatch, Weather(torn_after=100_000, tears=6)) as slow:
        there = scene.push().kaggle.notebook(NotebookRef("tester", "cmi-sub"))
    assert there is not None
    assert there.text.count("long ") == 60_000
    assert slow.torn == 6


def test_a_torn_upload_goes_on_where_it_broke(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    content = big(scene)
    with line(scene, monkeypatch, Weather(torn_after=700_000)) as slow:
        scene.codes(yes=True)
    assert scene.kaggle.dataset_files("tester/cmi-codes")["big.bin"] == content
    assert slow.torn > 1
    assert slow.passed["up"] < 2 * BIG


def test_an_upload_without_a_terminal_says_how_far_it_is(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    big(scene)
    monkeypatch.setattr(progress, "UPLOAD_SECONDS", 0.1)
    with line(scene, monkeypatch, Weather(rate=4_000_000)):
        scene.codes(yes=True)
    assert re.search(r"^  \d.* of 2.0 MB sent, about 0s to go\.$", capfd.readouterr().err, re.MULTILINE)


def weights(scene: Scene) -> dict[str, bytes]:
    """A model of four megabytes in nine files of different sizes, one of them empty, some in folders."""
    chance = random.Random(1)  # noqa: S311 - reproducible, not secret
    sizes = {"a.bin": 1_700_000, "b.bin": 900_000, "fold0/c.bin": 600_000, "fold0/d.bin": 400_000}
    sizes |= {"fold1/e.bin": 250_000, "fold1/f.bin": 100_000, "g.bin": 49_999, "h.json": 1, "empty.txt": 0}
    contents = {name: chance.randbytes(size) for name, size in sizes.items()}
    for name, content in contents.items():
        path = scene.root / "weights" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return contents


def push_weights(scene: Scene) -> Outcome:
    return scene.model(path="weights", yes=True, limit=20.0)


@pytest.mark.parametrize("status", [308, 503, 404])
def test_weights_of_which_no_byte_arrives_end_with_a_sentence(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, status: int
) -> None:
    weights(scene)
    restless(monkeypatch)
    # The first answer to an upload is for it, the others say how far it is.
    scene.kaggle.fault(faults.drop_before("PUT"), faults.status("PUT", status, times=None))
    with pytest.raises(WorkflowError, match=r"The upload of the model .* failed"):
        push_weights(scene)
    assert "cmi-models" not in {ref.partition("/")[2] for ref in scene.kaggle.world.store.models} or not (
        scene.kaggle.model("tester/cmi-models").variations
    )
    scene.kaggle.world.faults.clear()
    assert push_weights(scene).did == "sent"


def test_torn_weights_go_on_where_they_broke(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    contents = weights(scene)
    # Long enough for storage to see that a connection broke.
    monkeypatch.setattr(uploading, "PAUSES", (0.1,) * len(uploading.PAUSES))
    with line(scene, monkeypatch, Weather(torn_after=400_000)) as slow:
        push_weights(scene)
    found = scene.kaggle.model("tester/cmi-models")
    there = scene.kaggle.world.store.model_folder(found, found.variations[0].id, 1)
    assert {name: (there / name).read_bytes() for name in contents} == contents
    assert slow.torn > 5
    assert slow.passed["up"] < 6 * BIG


def test_a_torn_download_goes_on_where_it_broke(
    scene: Scene, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = random.Random(2).randbytes(BIG)  # noqa: S311 - reproducible, not secret
    scene.kaggle.add_dataset("tester/large", {"large.bin": content})
    target = tmp_path / "large.bin"
    restless(monkeypatch)
    with line(scene, monkeypatch, Weather(torn_after=300_000)) as slow:
        scene.push().kaggle.download_dataset_file(DatasetRef("tester", "large"), 1, target.name, target)
    assert target.read_bytes() == content
    assert slow.torn > 3
    assert slow.passed["down"] < 2 * BIG


@pytest.mark.parametrize("seed", range(5))
def test_over_any_line_it_is_done_or_says_why_not(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    dice = random.Random(seed)  # noqa: S311 - reproducible, not secret
    weather = Weather(
        delay=dice.choice((0.0, 0.01, 0.03)),
        jitter=dice.choice((0.0, 0.03)),
        rate=dice.choice((0.0, 300_000, 1_000_000)),
        torn_after=dice.choice((0, 20_000, 100_000)),
        dead_after=dice.choice((0, 60_000, 200_000)),
        dead_seconds=dice.choice((0.5 * PATIENCE, 2 * PATIENCE)),
        seed=seed,
    )
    ship = seed % 2 == 1
    desk.edit(f"\nprint({seed})\n")
    with monkeypatch.context() as patch, line(desk, monkeypatch, weather):
        impatient(patch)
        told, wrong = storms._attempt(desk, storms._ship if ship else storms._push, 5.0, ship=ship)
    assert wrong == "", (weather, told)
    told, wrong = storms._attempt(desk, storms._ship if ship else storms._push, None, ship=ship)
    assert (told, wrong) == ("done", ""), weather


PORTALS = {
    "a page": (200, {"Content-Type": "text/html"}),
    "a redirect to a page": (302, {"Location": "http://localhost/login"}),
    "another method after a redirect": (303, {"Location": "http://localhost/login"}),
    "its own status (RFC 6585)": (511, {"Content-Type": "text/html"}),
    "a forbidden page": (403, {"Content-Type": "text/html"}),
}


@pytest.mark.parametrize("kind", PORTALS)
def test_a_page_to_log_in_at_is_not_taken_for_kaggle(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    desk.edit()
    with portal(*PORTALS[kind]) as address, monkeypatch.context() as patch:
        restless(patch)
        patch.setenv("http_proxy", address)
        for command in (desk.all, desk.ship, desk.submit, desk.watch):
            with pytest.raises(WorkflowError, match="login page") as caught:
                command()
            assert caught.value.exit_code
    desk.ship()
    assert storms.state(desk, ship=True) == ""


@contextmanager
def portal(status: int, headers: dict[str, str]) -> Iterator[str]:
    """A network that answers everything itself until one has logged in."""

    class Page(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = b"<html><title>Welcome to the hotel</title>Your room number, please.</html>"
            redirected = self.path.endswith("/login")
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            self.send_response(200 if redirected else status)
            for name, value in ({"Content-Type": "text/html"} if redirected else headers).items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_POST = do_PUT = do_GET  # noqa: N815 - the names that http.server calls

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name that http.server gives
            del format, args

    server = ThreadingHTTPServer(("127.0.0.1", 0), Page)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
