"""A staged notebook, and how a kind of notebook is compared and its run checked."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from kaggle_shim.manifest import Manifest
from kaggle_shim.refs import NotebookRef
from kaggle_workflow.metadata import KERNEL_FILE
from kaggle_workflow.push.session import Push
from kaggle_workflow.stage import compose
from kaggle_workflow.stage.notebook import StagedNotebook
from kaggle_workflow.workspace import Notebook as Folder


@dataclass(frozen=True)
class Payload:
    """A staged notebook: its folder, what is sent, the metadata as sent, and the codes that were staged with it.

    The commit of those codes is that of everything that is sent, also where Kaggle has the codes already.
    """

    folder: Folder
    staged: StagedNotebook
    text: str
    metadata: Mapping[str, Any]
    accelerator: str
    codes: Manifest | None = None

    @classmethod
    def from_staged(
        cls, folder: Folder, staged: StagedNotebook, accelerator: str = "", codes: Manifest | None = None
    ) -> Payload:
        """Read back what was staged."""
        metadata = json.loads((staged.folder / KERNEL_FILE).read_text(encoding="utf-8"))
        if accelerator:
            metadata["machine_shape"] = accelerator
        return cls(folder, staged, staged.file.read_text(encoding="utf-8"), metadata, accelerator, codes)

    @property
    def ref(self) -> NotebookRef:
        """The notebook on Kaggle."""
        return self.folder.metadata.id

    @property
    def key(self) -> str:
        """Its name among the intents."""
        return f"notebook--{self.ref.name}"

    @property
    def marker(self) -> str:
        """Identifies this source with these settings."""
        plan = self.staged.plan.dumps()
        cells = compose.cells_fingerprint(json.loads(self.text)["cells"][1:])
        return hashlib.sha256(f"{plan}\n{cells}\n{self.metadata_hash}".encode()).hexdigest()

    @property
    def metadata_hash(self) -> str:
        """SHA-256 over the metadata as it is sent."""
        return hashlib.sha256(json.dumps(self.metadata, sort_keys=True).encode()).hexdigest()


@dataclass(frozen=True)
class Rules:
    """What differs between the wheel notebook and one that runs an entry point.

    Attributes:
        thing: `deps`, or the notebook's folder name.
        same: whether Kaggle's source (first text) is equivalent to the staged one (second).
        prove: checks a completed run; raises RunFailed when it ran something else than was staged. Returns notes.
        before: called right before it is sent, to print warnings.
        needed: whether its run is waited for even with `--no-wait`, because the next notebook attaches its output.
    """

    thing: str
    same: Callable[[str, str], bool]
    prove: Callable[[Push, Payload, int], list[str]]
    before: Callable[[], None] = lambda: None
    needed: bool = False
