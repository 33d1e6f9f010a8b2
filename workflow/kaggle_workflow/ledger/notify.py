"""The notification that `workspace.notify` asks for when a submission ends: on the desktop, or to a webhook."""

from __future__ import annotations

import subprocess
import sys
from urllib.parse import urlsplit

from kaggle_workflow.ledger.fold import Submission

DESKTOP = "desktop"
_TITLE = "Kaggle"
_SECONDS = 10.0
# Texts are passed as arguments or on standard input, never inside a script.
_APPLE = "on run argv\ndisplay notification (item 1 of argv) with title (item 2 of argv)\nend run"
_WINDOWS = (
    "Add-Type -AssemblyName System.Windows.Forms, System.Drawing; $n = New-Object System.Windows.Forms.NotifyIcon; "
    "$n.Icon = [System.Drawing.SystemIcons]::Information; $n.Visible = $true; "
    f"$n.ShowBalloonTip(5000, '{_TITLE}', [Console]::In.ReadToEnd(), 'Info'); Start-Sleep 5; $n.Dispose()"
)


class NotifyError(Exception):
    """A notification could not be shown or sent; the text never contains the webhook's address, which is a secret."""


def sentence(submission: Submission) -> str:
    """The notification about a submission that ended."""
    name = submission.experiment or submission.notebook or "submission"
    if not submission.complete:
        return f"{name}: submission {submission.ref} failed ({submission.error or 'no reason given'})"
    return f"{name}: submission {submission.ref} scored {submission.public_score}"


def send(target: str, text: str) -> None:
    """Show a text on this desktop, or POST it to a webhook as JSON.

    Args:
        target: `desktop`, or the address of a webhook. Slack and Mattermost read the field `text`, Discord reads `content`.
        text: one line.

    Raises:
        NotifyError: it could not be shown, or the webhook did not answer with success.
    """
    if target == DESKTOP:
        _show(text)
    else:
        _post(target, text)


def _show(text: str) -> None:
    command, told = _command(text)
    try:
        done = subprocess.run(
            command, input=told, check=False, capture_output=True, encoding="utf-8", timeout=2 * _SECONDS
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise NotifyError(f"{command[0]} did not run ({type(error).__name__})") from error
    if done.returncode != 0:
        raise NotifyError(f"{command[0]} exited with {done.returncode}")


def _command(text: str) -> tuple[list[str], str]:
    """The platform's command for a notification, and its standard input."""
    if sys.platform == "darwin":
        return ["osascript", "-e", _APPLE, text, _TITLE], ""
    if sys.platform == "win32":
        return ["powershell", "-NoProfile", "-Command", _WINDOWS], text
    return ["notify-send", "--app-name=kaggle", "--", _TITLE, text], ""


def _post(address: str, text: str) -> None:
    import requests

    host = urlsplit(address).hostname
    try:
        answer = requests.post(address, json={"text": text, "content": text}, timeout=_SECONDS)
    except requests.RequestException as error:
        raise NotifyError(f"{host} could not be reached ({type(error).__name__})") from error
    if not answer.ok:
        raise NotifyError(f"{host} answered {answer.status_code}")
