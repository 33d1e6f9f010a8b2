"""A notification when a submission ends: off by default, on this desktop or to a webhook, and never a reason to fail."""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from kaggle_workflow import settings
from kaggle_workflow.errors import WorkflowError
from kaggle_workflow.ledger import hooks
from kaggle_workflow.ledger.fold import Submission, fold
from tests.ledger import samples


@dataclass
class Webhook:
    """A server that keeps what it is sent."""

    address: str
    code: int = 204
    bodies: list[dict[str, str]] = field(default_factory=list)


@pytest.fixture
def webhook() -> Iterator[Webhook]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            told.bodies.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(told.code)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Nothing."""

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        told = Webhook(f"http://127.0.0.1:{server.server_port}/secret-path")
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield told
        server.shutdown()
        thread.join()


def ended(**score: object) -> Submission:
    (one,) = fold([samples.pushed(1), samples.submitted(1), samples.score(1, **score)])
    return one


def test_a_webhook_gets_the_score_or_the_failure_in_one_line(webhook: Webhook) -> None:
    warned: list[str] = []
    hooks.call(ended(public_score=0.75), webhook.address, warned.append)
    hooks.call(
        ended(status="error", error="Notebook Timeout", public_score=None), webhook.address, warned.append
    )
    assert [body["text"] for body in webhook.bodies] == [
        "exp001: submission 51000001 scored 0.75",
        "exp001: submission 51000001 failed (Notebook Timeout)",
    ]
    assert all(body["content"] == body["text"] for body in webhook.bodies)
    assert warned == []


def test_without_the_setting_nothing_is_sent(webhook: Webhook) -> None:
    hooks.call(ended(), None, pytest.fail)
    assert webhook.bodies == []


def test_a_webhook_that_fails_is_a_warning_without_its_address(webhook: Webhook) -> None:
    webhook.code = 404
    warned: list[str] = []
    hooks.call(ended(), webhook.address, warned.append)
    hooks.call(ended(), "http://127.0.0.1:1/secret-path", warned.append)
    assert [line.partition(". Check")[0] for line in warned] == [
        "The notification was not sent: 127.0.0.1 answered 404",
        "The notification was not sent: 127.0.0.1 could not be reached (ConnectionError)",
    ]
    assert "secret-path" not in "".join(warned)


def test_the_desktop_shows_it_by_the_command_of_the_platform(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "platform", "linux")
    program = tmp_path / "notify-send"
    program.write_text(f"#!/bin/sh\nprintf '%s\\n' \"$@\" > {tmp_path}/told\n", encoding="utf-8")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    hooks.call(ended(public_score=0.5), "desktop", pytest.fail)
    assert (tmp_path / "told").read_text(encoding="utf-8").endswith("scored 0.5\n")
    program.unlink()
    monkeypatch.setenv("PATH", str(tmp_path))
    warned: list[str] = []
    hooks.call(ended(), "desktop", warned.append)
    assert warned[0].startswith("The notification was not sent: notify-send did not run (FileNotFoundError)")


def test_the_setting_takes_desktop_or_an_address(tmp_path: Path) -> None:
    assert settings.load(tmp_path, {}).notify is None
    assert settings.load(tmp_path, {"INVOKE_WORKSPACE_NOTIFY": "desktop"}).notify == "desktop"
    with pytest.raises(WorkflowError, match=r"neither `desktop` nor an address") as caught:
        settings.load(tmp_path, {"INVOKE_WORKSPACE_NOTIFY": "hooks.example/secret-path"})
    assert "secret-path" not in str(caught.value)
