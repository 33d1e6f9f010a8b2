"""`invoke output`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from kaggle_workflow import command_list, console, safe_paths
from kaggle_workflow.commands.logs import newest_version
from kaggle_workflow.errors import KaggleRefused
from kaggle_workflow.files import sweep, write_text
from kaggle_workflow.kaggle import fetching
from kaggle_workflow.kaggle.client import Kaggle
from kaggle_workflow.kaggle.logs import plain
from kaggle_workflow.kaggle.values import RemoteFile
from kaggle_workflow.push.session import aside
from kaggle_workflow.workspace import Workspace


@dataclass(frozen=True)
class Downloaded:
    """What was downloaded of a version: where its files and its log are, and how many files were fetched now."""

    name: str
    version: int
    state: str
    folder: Path
    log: Path
    files: tuple[fetching.Item, ...]
    fetched: int

    def to_json(self) -> dict[str, object]:
        """The download as JSON values."""
        files = [
            {"name": item.name, "path": str(item.target), "size": item.target.stat().st_size}
            for item in self.files
        ]
        places = {"folder": str(self.folder), "log": str(self.log), "files": files}
        return {"name": self.name, "version": self.version, "state": self.state, **places}


def download_output(workspace: Workspace, command: command_list.Output) -> None:
    """Download the output of a version, and print what was downloaded; raises KaggleRefused like `download`."""
    say = aside if command.json else console.say
    done = download(workspace, Kaggle(console.warn), command, say)
    if command.json:
        console.as_json(done.to_json())
    else:
        there = len(done.files) - done.fetched
        say(
            f"{done.name} version {done.version}: {console.count(done.fetched, 'file')} downloaded, {there} already in {done.folder}."
        )


def download(
    workspace: Workspace, kaggle: Kaggle, command: command_list.Output, say: Callable[[str], None]
) -> Downloaded:
    """Download the output of a version, and its log, into one folder.

    Raises:
        KaggleRefused: the run is not over, or a file name points outside the folder.
    """
    ref = workspace.notebook(command.notebook).metadata.id
    version = command.version or newest_version(kaggle, ref)
    state = kaggle.run(ref, version)
    if state.active:
        raise KaggleRefused(
            f"{ref.name} version {version} is {state.status.lower()}, and its output is available after the run: `invoke logs` follows it."
        )
    own = workspace.build / "output" / command.notebook / f"v{version}"
    # An absolute path replaces the root.
    folder = workspace.root / Path(command.to).expanduser() if command.to else own
    listed, log = kaggle.output(ref, version)
    sizes = {file.name: file.size for file in kaggle.output_sizes(ref, version)}
    files = [RemoteFile(file.name, sizes.get(file.name), file.url) for file in listed]
    wanted = fetching.items(
        folder,
        files,
        tuple(command.only),
        None,
        lambda file, target: kaggle.download_url(file.name, file.url, target),
    )
    log_file = safe_paths.inside(folder, f"{ref.slug}.log")
    fetching.check_size(wanted, folder, yes=command.yes, allow=(*command.allow, *workspace.settings.allow))
    sweep(folder)
    fetched = fetching.fetch_all(wanted, say)
    write_text(log_file, plain(log))
    return Downloaded(ref.name, version, state.status.lower(), folder, log_file, tuple(wanted), fetched)
