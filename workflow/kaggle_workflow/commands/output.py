"""`invoke output`."""

from __future__ import annotations

from pathlib import Path

from kaggle_workflow import console, safe_paths
from kaggle_workflow.commands.logs import newest
from kaggle_workflow.errors import KaggleRefused
from kaggle_workflow.files import sweep, write_text
from kaggle_workflow.kaggle import fetching
from kaggle_workflow.kaggle.client import Kaggle
from kaggle_workflow.kaggle.logs import plain
from kaggle_workflow.kaggle.values import RemoteFile
from kaggle_workflow.push.session import aside
from kaggle_workflow.workspace import Workspace


def main(
    workspace: Workspace,
    *,
    notebook: str,
    version: int,
    only: list[str],
    to: str,
    yes: bool,
    allow: list[str],
    json: bool,
) -> None:
    """Fetch what a version left, and its log, into one folder.

    Raises:
        KaggleRefused: the run goes on, or a name would lie outside the folder.
    """
    kaggle = Kaggle(console.warn)
    say = aside if json else console.say
    ref = workspace.notebook(notebook).metadata.id
    number = version or newest(kaggle, ref)
    run = kaggle.run(ref, number)
    if run.active:
        raise KaggleRefused(
            f"{ref.name} version {number} is {run.status.lower()}: its output can be had when the run is over (invoke logs shows it meanwhile)."
        )
    folder = Path(to).expanduser() if to else workspace.build / "output" / notebook / f"v{number}"
    folder = folder if folder.is_absolute() else workspace.root / folder
    listed, log = kaggle.output(ref, number)
    sizes = {file.name: file.size for file in kaggle.output_sizes(ref, number)}
    files = [RemoteFile(file.name, sizes.get(file.name), file.url) for file in listed]
    wanted = fetching.items(
        folder,
        files,
        tuple(only),
        None,
        lambda file, target: kaggle.download_url(file.name, file.url, target),
    )
    log_file = safe_paths.inside(folder, f"{ref.slug}.log")
    fetching.check_size(wanted, folder, yes=yes, allow=(*allow, *workspace.settings.allow))
    sweep(folder)
    fetched = fetching.fetch_all(wanted, say)
    write_text(log_file, plain(log))
    if json:
        value = [
            {"name": item.name, "path": str(item.target), "size": item.target.stat().st_size}
            for item in wanted
        ]
        console.as_json(
            {
                "name": ref.name,
                "version": number,
                "state": run.status.lower(),
                "folder": str(folder),
                "log": str(log_file),
                "files": value,
            }
        )
    else:
        say(
            f"{ref.name} version {number}: {fetched} files fetched, {len(wanted) - fetched} were there, in {folder}."
        )
