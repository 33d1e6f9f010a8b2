"""The workspace: where its parts lie, and what its own files say about it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

from kaggle_shim import refs
from kaggle_workflow import metadata, settings
from kaggle_workflow.errors import WorkflowError
from kaggle_workflow.findings import Finding, raise_first
from kaggle_workflow.settings import Settings

CODES = "codes"
DEPS = "deps"
SUB = "sub"
NOT_NOTEBOOKS = frozenset((CODES, "build", "data", "rehearsal", "wheels", "image"))


@dataclass(frozen=True)
class Notebook:
    """A folder with a `kernel-metadata.json`; `collects` says whether it is the one that makes the wheels."""

    folder: Path
    metadata: metadata.KernelMetadata

    @property
    def name(self) -> str:
        """The folder's name: what `--notebook` takes."""
        return self.folder.name

    @property
    def collects(self) -> bool:
        """Whether this is the deps notebook."""
        return self.folder.name == DEPS

    @property
    def source(self) -> Path:
        """The notebook file."""
        return self.folder / self.metadata.code_file


_Read = tuple[metadata.KernelMetadata | None, tuple[Finding, ...]]


@dataclass(frozen=True)
class Workspace:
    """A workspace and its settings."""

    root: Path
    settings: Settings
    _read: dict[str, tuple[object, _Read]] = field(default_factory=dict, repr=False, compare=False)

    @property
    def build(self) -> Path:
        """Where everything that is sent or rehearsed is made."""
        return self.root / "build"

    @property
    def requirements(self) -> Path:
        """What the image lacks."""
        return self.root / DEPS / "requirements.txt"

    @property
    def image_list(self) -> Path:
        """The file that names or lists Kaggle's image for rehearsals: the user's, or the default."""
        own = self.root / DEPS / "image.txt"
        return own if own.is_file() else Path(__file__).with_name("default-image.txt")

    @cached_property
    def codes(self) -> metadata.DatasetMetadata:
        """The code dataset; raises WorkflowError for a fault in its metadata."""
        value, findings = metadata.read_dataset(self.root / CODES / metadata.DATASET_FILE, self.root)
        raise_first(findings)
        if value is None:
            raise WorkflowError(
                f"{CODES}/{metadata.DATASET_FILE} can't be used: run `invoke check` to see why."
            )
        return replace(value, id=self.owned(value.id))

    @cached_property
    def id(self) -> str:
        """Identifies what this workspace pushed to Kaggle; derived from its names if the settings give no id."""
        if self.settings.id is not None:
            return self.settings.id
        value, _ = self.read_notebook(SUB)
        competition = value.competition if value is not None else None
        return hashlib.sha1(
            f"{competition} {self.codes.id.slug}".encode(), usedforsecurity=False
        ).hexdigest()[:16]

    def notebook(self, name: str) -> Notebook:
        """The notebook in that folder; raises WorkflowError when there is none or its metadata has a fault."""
        folder = self.root / name.strip("/\\")
        if not (folder / metadata.KERNEL_FILE).is_file():
            raise WorkflowError(
                f"{name} is not a notebook's folder ({metadata.KERNEL_FILE} is missing): choose one of {', '.join(self.notebook_names())}."
            )
        value, findings = self.read_notebook(name.strip("/\\"))
        raise_first(findings)
        if value is None:
            raise WorkflowError(
                f"{name}/{metadata.KERNEL_FILE} can't be used: run `invoke check` to see why."
            )
        return Notebook(folder, self._with_owner(value))

    def read_notebook(self, name: str) -> _Read:
        """Read the metadata of the notebook in that folder; parsed again only when it or the folder's notebooks changed.

        Returns:
            What it says (None when it can't be used) and everything to say about it.
        """
        path = self.root / name / metadata.KERNEL_FILE
        try:
            state = path.read_bytes(), sorted(one.name for one in path.parent.glob("*.ipynb"))
        except OSError:
            return metadata.read_kernel(path, self.root)
        if self._read.get(name, (None,))[0] != state:
            self._read[name] = state, metadata.read_kernel(path, self.root)
        return self._read[name][1]

    def notebook_names(self) -> tuple[str, ...]:
        """The folders that hold a notebook."""
        return tuple(
            sorted(
                path.parent.name
                for path in self.root.glob(f"*/{metadata.KERNEL_FILE}")
                if path.parent.name not in NOT_NOTEBOOKS
            )
        )

    def sent_paths(self) -> tuple[str, ...]:
        """The files and folders from which something is sent to Kaggle, relative to the workspace."""
        return (CODES, *self.notebook_names(), "invoke.yaml", ".kaggleignore")

    def written_folders(self) -> tuple[Path, ...]:
        """The existing folders in which commands write files directly."""
        found = (
            self.root,
            self.root / CODES,
            *(self.root / name for name in self.notebook_names()),
            self.build,
        )
        below = (
            path
            for pattern in ("*", "datasets/*", "sweeps/*", "sweeps/*/*")
            for path in self.build.glob(pattern)
        )
        return tuple(path for path in (*found, *below) if path.is_dir())

    def inside(self, folder: Path) -> str:
        """How manifests name a folder: relative to the workspace (posix), "" for one outside of it."""
        return folder.relative_to(self.root).as_posix() if folder.is_relative_to(self.root) else ""

    def owned(self, ref: refs.DatasetRef) -> refs.DatasetRef:
        """A dataset of ours under the account that pushes (`workspace.owner`)."""
        return ref if self.settings.owner is None else replace(ref, owner=self.settings.owner)

    def _with_owner(self, value: metadata.KernelMetadata) -> metadata.KernelMetadata:
        """A notebook's metadata with our own ids under the account that pushes."""
        owner = self.settings.owner
        if owner is None:
            return value
        ours = self._own_slugs(value)
        sources = tuple(
            replace(ref, owner=owner)
            if not isinstance(ref, refs.CompetitionRef) and _named(ref) in ours
            else ref
            for ref in value.sources
        )
        return replace(value, id=replace(value.id, owner=owner), sources=sources)

    def _own_slugs(self, value: metadata.KernelMetadata) -> set[str]:
        """owner/slug of everything that this workspace itself pushes, as its files name it."""
        ours = {value.id.name}
        codes, _ = metadata.read_dataset(self.root / CODES / metadata.DATASET_FILE, self.root)
        if codes is not None:
            ours.add(codes.id.name)
        for name in self.notebook_names():
            other, _ = self.read_notebook(name)
            if other is not None:
                ours.add(other.id.name)
        return ours


def _named(ref: refs.DatasetRef | refs.NotebookRef | refs.ModelRef) -> str:
    return f"{ref.owner}/{ref.model}" if isinstance(ref, refs.ModelRef) else ref.name


def findings_of(workspace: Workspace) -> tuple[Finding, ...]:
    """Everything to say about the metadata files of a workspace."""
    _, found = metadata.read_dataset(workspace.root / CODES / metadata.DATASET_FILE, workspace.root)
    result = list(found)
    for name in workspace.notebook_names():
        result += workspace.read_notebook(name)[1]
    return tuple(result)


def load(root: Path, loaded: Settings | None = None) -> Workspace:
    """The workspace at `root`; raises WorkflowError for settings that do not read."""
    import os

    return Workspace(root, loaded if loaded is not None else settings.load(root, os.environ))
