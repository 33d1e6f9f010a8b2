"""Lay out `/kaggle/input` from local files and folders; later ones cover earlier ones."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from kaggle_workflow.errors import WorkflowError

# Where utility scripts are mounted, relative to the input root.
SCRIPTS = "../usr/lib"


@dataclass(frozen=True)
class Mount:
    """`source` (a local file or folder) appears read-only at `/kaggle/input/<target>`.

    A later mount hides what an earlier one shows at the same place, and may lie inside it.

    Args:
        source: a file or folder of this machine, or a link to one.
        target: where, relative to the input root, with forward slashes: `datasets/me/cmi-codes`;
            `../usr/lib/…` for a utility script.
    """

    source: Path
    target: str


@dataclass(frozen=True)
class Place:
    """One thing to show: `source`, or an empty folder when `source` is None, at `target` relative to the input root."""

    source: Path | None
    target: PurePosixPath


@dataclass(frozen=True)
class Shown:
    """What a run sees of this machine.

    Args:
        places: what lies under /kaggle/input.
        scratch: the run's own folder on disk, removed afterwards: `tools` (read-only), `result`, `tmp`, `kaggle-tmp`, `home` (empty).
        working: becomes /kaggle/working.
    """

    places: list[Place]
    scratch: Path
    working: Path


@dataclass
class _Node:
    source: Path | None = None
    children: dict[str, "_Node"] = field(default_factory=dict)

    def open(self) -> None:
        """Replace a folder that is shown as a whole by its entries, so that something can be laid among them."""
        if self.source is not None and self.source.is_dir():
            self.children = {entry.name: _Node(entry) for entry in self.source.iterdir()}
        self.source = None


def lay_out(mounts: Iterable[Mount]) -> list[Place]:
    """Compute what to mount where, parents first.

    A folder whose entries are links is shown entry by entry, each as what it links to: in a sandbox the links would
    lead nowhere.

    Raises:
        WorkflowError: a source does not exist, or a target is not a path below the input root.
    """
    root = _Node()
    for mount in mounts:
        parts = PurePosixPath(mount.target).parts
        inside = mount.target.removeprefix(f"{SCRIPTS}/")
        if not parts or ".." in PurePosixPath(inside).parts or parts[0] == "/":
            raise WorkflowError(
                f"'{mount.target}' is not a path below /kaggle/input: use one such as datasets/me/codes."
            )
        if not mount.source.exists():
            raise WorkflowError(
                f"{mount.source} (mounted at /kaggle/input/{mount.target}) doesn't exist: create it, or detach the source."
            )
        node = root
        for part in parts[:-1]:
            node.open()
            node = node.children.setdefault(part, _Node())
        node.open()
        node.children[parts[-1]] = _Node(mount.source)
    return list(_places(root, PurePosixPath()))


def _places(node: _Node, target: PurePosixPath) -> Iterator[Place]:
    if (
        node.source is not None
        and node.source.is_dir()
        and any(entry.is_symlink() for entry in node.source.iterdir())
    ):
        node.open()
    if node.source is not None:
        yield Place(node.source.resolve(), target)
        return
    if target.parts:
        yield Place(None, target)
    for name, child in sorted(node.children.items()):
        if child.source is None or child.source.exists():
            yield from _places(child, target / name)
