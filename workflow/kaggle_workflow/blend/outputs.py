"""What the members' runs left on Kaggle: their submissions, which are averaged here first, and their out-of-fold predictions."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from kaggle_shim import averaging, local
from kaggle_shim.errors import BlendError
from kaggle_workflow.blend.members import Member
from kaggle_workflow.kaggle import fetching
from kaggle_workflow.kaggle.errors import Denied, NotThere
from kaggle_workflow.kaggle.values import RemoteFile
from kaggle_workflow.push.session import Push

OOF = "oof.csv"


def download(push: Push, member: Member) -> dict[str, Path]:
    """Download a member's submission and its `oof.csv`, to where `invoke output` would.

    Returns:
        Those that exist, by name. Out-of-fold predictions may also lie beside the experiment's weights.
    """
    one, ref = member.submission, member.notebook.metadata.id
    folder = push.workspace.build / "output" / member.notebook.name / f"v{one.notebook_version}"
    wanted = (member.plan.submission, OOF)
    try:
        listed, _ = push.kaggle.output(ref, one.notebook_version)
        sizes = {file.name: file.size for file in push.kaggle.output_sizes(ref, one.notebook_version)}
    except (NotThere, Denied):
        listed, sizes = (), {}
    files = [RemoteFile(file.name, sizes.get(file.name), file.url) for file in listed if file.name in wanted]
    items = fetching.items(
        folder, files, (), None, lambda file, target: push.kaggle.download_url(file.name, file.url, target)
    )
    fetching.check_size(items, folder, yes=push.options.yes, allow=push.options.allow)
    fetching.fetch_all(items, lambda line: push.say(f"{member.name}: {line}"))
    found = {item.name: item.target for item in items}
    beside = local.data_folder(push.workspace.root) / "working" / "models" / (one.experiment or "") / OOF
    if OOF not in found and beside.is_file():
        found[OOF] = beside
    return found


def tables(
    members: Sequence[Member], found: Sequence[dict[str, Path]], targets: Sequence[str], name: str = ""
) -> list[averaging.Table] | None:
    """The members' submissions, or their files called `name`, with their rows in one order; None where one is missing.

    Raises:
        BlendError: they can't be averaged; the message names the member and what differs.
    """
    made: list[averaging.Table] = []
    for member, files in zip(members, found, strict=True):
        path = files.get(name or member.plan.submission)
        if path is None:
            return None
        table = averaging.read(path, member.name, targets)
        made.append(averaging.aligned(table, (made or [table])[0]))
    return made


def compare(
    push: Push, members: Sequence[Member], found: Sequence[dict[str, Path]], targets: Sequence[str]
) -> None:
    """Average the save runs' submissions on this machine, to find what can't be averaged before anything is sent.

    Raises:
        Refused: `blend-tables`: columns or rows differ, or a value is no number.
    """
    try:
        made = tables(members, found, targets)
    except BlendError as error:
        push.refuse("blend-tables", str(error))
        return
    if made is None:
        missing = [
            one.name for one, files in zip(members, found, strict=True) if one.plan.submission not in files
        ]
        push.warn(
            f"Kaggle no longer has the output of {', '.join(missing)}: columns and rows are compared in the run only."
        )
    elif all(value.is_integer() for one in made for column in one.columns.values() for value in column):
        push.warn(
            "All predictions are whole numbers. If they are class labels, their mean is no class: blend probabilities instead."
        )
