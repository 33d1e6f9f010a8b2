"""Find Kaggle credentials, in the order of the official client; they are never printed."""

from __future__ import annotations

import json
import os
import sys
from dataclasses import dataclass, field
from pathlib import Path

from kaggle_workflow.errors import WorkflowError
from kaggle_workflow.kaggle.errors import CREDENTIALS_ADVICE


@dataclass(frozen=True)
class Credentials:
    """An access token, or the older pair of user name and key; `source` is where they were found."""

    source: str
    token: str | None = field(default=None, repr=False)
    username: str | None = None
    key: str | None = field(default=None, repr=False)


def find() -> Credentials:
    """The credentials that the clients would use.

    Raises:
        WorkflowError: there are none, or their file can't be read.
    """
    from kagglesdk.kaggle_env import get_access_token_from_env

    token, source = get_access_token_from_env()
    if token:
        return Credentials(f"{source}", token=token)
    user, key = os.environ.get("KAGGLE_USERNAME"), os.environ.get("KAGGLE_KEY")
    if user and key:
        return Credentials("KAGGLE_USERNAME and KAGGLE_KEY", username=user, key=key)
    file = _key_file()
    if file is not None:
        return _from_key_file(file)
    oauth = _oauth()
    if oauth is not None:
        return oauth
    raise WorkflowError(f"No Kaggle credentials on this machine: {CREDENTIALS_ADVICE}.")


def places() -> tuple[str, ...]:
    """Every place on this machine with Kaggle credentials, the one that is used first."""
    from kagglesdk.kaggle_env import get_access_token_from_env

    token, source = get_access_token_from_env()
    files = [Path.home() / ".kaggle" / name for name in ("access_token", "access_token.txt")]
    found = [f"{source}"] if token else []
    found += [str(file) for file in files if token and os.environ.get("KAGGLE_API_TOKEN") and file.is_file()]
    pair = [name for name in ("KAGGLE_USERNAME", "KAGGLE_KEY") if os.environ.get(name)]
    found += [" and ".join(pair)] if pair else []
    file = _key_file()
    return tuple(dict.fromkeys((*found, *([str(file)] if file is not None else []))))


def _key_file() -> Path | None:
    """`kaggle.json`, where kaggle 2.2.4 looks for it."""
    folders = [Path(os.environ["KAGGLE_CONFIG_DIR"])] if os.environ.get("KAGGLE_CONFIG_DIR") else []
    folders.append(Path.home() / ".kaggle")
    if sys.platform.startswith("linux"):
        folders.append(Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config") / "kaggle")
    return next((folder / "kaggle.json" for folder in folders if (folder / "kaggle.json").is_file()), None)


def _from_key_file(file: Path) -> Credentials:
    try:
        value = json.loads(file.read_text(encoding="utf-8"))
        return Credentials(str(file), username=str(value["username"]), key=str(value["key"]))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise WorkflowError(
            f"{file} can't be read as Kaggle credentials ({type(error).__name__}): {CREDENTIALS_ADVICE}."
        ) from error


def _oauth() -> Credentials | None:
    """The login of `kaggle auth login`; kagglesdk renews it when it expired."""
    from kagglesdk import KaggleClient, KaggleCredentials

    from kaggle_workflow.kaggle.errors import translated

    with translated("renewing the login of `kaggle auth login`"):
        found = KaggleCredentials.load(client=KaggleClient())
        token = found.get_access_token() if found is not None else None
    return Credentials("kaggle auth login", token=token, username=found.get_username()) if token else None
