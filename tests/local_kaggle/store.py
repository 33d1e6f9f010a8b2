"""Everything the server remembers, in one folder: JSON documents and the bytes beside them."""

from __future__ import annotations

import dataclasses
import json
import os
import re
import shutil
import threading
from typing import TYPE_CHECKING, TypeVar

from tests.local_kaggle.records import Blob, Dataset, Entry, Model, Notebook, Users, from_json

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from _typeshed import DataclassInstance

    from tests.local_kaggle.records import Submission

R = TypeVar("R", bound="DataclassInstance")


def write_atomic(path: Path, text: str) -> None:
    """Writes a file so that a reader or a restart sees the old text or the new one, never half of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{threading.get_ident()}")
    temporary.write_text(text, encoding="utf-8", newline="\n")
    os.replace(temporary, path)


class Store:
    """Documents by kind; callers hold `lock` while they read and change them, then call the matching `save_…`."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.lock = threading.RLock()
        for folder in ("blobs", "datasets", "notebooks", "models", "competitions", "entries", "cache"):
            (root / folder).mkdir(parents=True, exist_ok=True)
        self.datasets = {d.ref: d for d in self._load(Dataset, "datasets/*/*/dataset.json")}
        self.notebooks = {n.ref: n for n in self._load(Notebook, "notebooks/*/*/notebook.json")}
        self.models = {m.ref: m for m in self._load(Model, "models/*/*/model.json")}
        self.entries = {e.slug: e for e in self._load(Entry, "entries/*.json")}
        self.users = next(self._load(Users, "users.json"), Users())

    def _load(self, kind: type[R], pattern: str) -> Iterator[R]:
        for path in sorted(self.root.glob(pattern)):
            if path.parent.name.endswith(".deleted"):  # a crash came between the two halves of _remove
                continue
            yield from_json(kind, json.loads(path.read_text(encoding="utf-8")))

    def _save(self, path: Path, record: DataclassInstance) -> None:
        write_atomic(path, json.dumps(dataclasses.asdict(record), indent=1))

    def next_id(self, count: int = 1) -> int:
        """A number that was never given out before, also across restarts; the first of several in a row for a `count`."""
        path = self.root / "next-id.json"
        with self.lock:
            number: int = json.loads(path.read_text(encoding="utf-8")) if path.exists() else 1001
            write_atomic(path, json.dumps(number + count))
        return number

    # Users

    def save_users(self) -> None:
        """Writes who has which token."""
        self._save(self.root / "users.json", self.users)

    # Blobs

    def blob_path(self, token: str) -> Path:
        """Where the bytes of an upload are."""
        return self.root / "blobs" / f"{token}.bin"

    def blob(self, token: str) -> Blob | None:
        """What is known of an upload; None for a token that was never given out, or whose upload was lost."""
        path = self.root / "blobs" / f"{token}.json"
        if not re.fullmatch("[0-9a-f]{32}", token) or not path.exists():
            return None
        return from_json(Blob, json.loads(path.read_text(encoding="utf-8")))

    def save_blob(self, blob: Blob) -> None:
        """Writes what is known of an upload."""
        self._save(self.root / "blobs" / f"{blob.token}.json", blob)

    def lose_blob(self, token: str) -> None:
        """Forgets an upload that the client believes in."""
        (self.root / "blobs" / f"{token}.json").unlink()
        self.blob_path(token).unlink(missing_ok=True)

    # Datasets

    def dataset_folder(self, dataset: Dataset, version: int) -> Path:
        """The files of one version."""
        return self.root / "datasets" / dataset.owner / dataset.slug / str(version)

    def save_dataset(self, dataset: Dataset) -> None:
        """Writes a dataset and makes it findable."""
        self.datasets[dataset.ref] = dataset
        self._save(self.root / "datasets" / dataset.owner / dataset.slug / "dataset.json", dataset)

    def delete_dataset(self, dataset: Dataset) -> None:
        """Removes a dataset with all its versions."""
        del self.datasets[dataset.ref]
        _remove(self.root / "datasets" / dataset.owner / dataset.slug)

    # Notebooks

    def notebook_folder(self, notebook: Notebook, version: int | None = None) -> Path:
        """The folder of a notebook, or of one version: `source`, `log.json`, `output/`."""
        folder = self.root / "notebooks" / notebook.owner / str(notebook.id)
        return folder if version is None else folder / str(version)

    def save_notebook(self, notebook: Notebook) -> None:
        """Writes a notebook and makes it findable under its present slug."""
        self.notebooks = {ref: n for ref, n in self.notebooks.items() if n.id != notebook.id}
        self.notebooks[notebook.ref] = notebook
        self._save(self.notebook_folder(notebook) / "notebook.json", notebook)

    def delete_notebook(self, notebook: Notebook) -> None:
        """Removes a notebook with all its versions."""
        del self.notebooks[notebook.ref]
        _remove(self.notebook_folder(notebook))

    # Models

    def model_folder(self, model: Model, variation_id: int, version: int) -> Path:
        """The files of one version of a variation."""
        return self.root / "models" / model.owner / model.slug / str(variation_id) / str(version)

    def save_model(self, model: Model) -> None:
        """Writes a model with its variations."""
        self.models[model.ref] = model
        self._save(self.root / "models" / model.owner / model.slug / "model.json", model)

    def delete_model(self, model: Model) -> None:
        """Removes a model with everything below it."""
        del self.models[model.ref]
        _remove(self.root / "models" / model.owner / model.slug)

    # Competitions

    def competition_folder(self, slug: str) -> Path:
        """The folder that *is* the competition: competition.json, public/, hidden/, solution.csv."""
        return self.root / "competitions" / slug

    def entry(self, slug: str) -> Entry:
        """What is remembered of a competition; made on first sight."""
        with self.lock:
            if slug not in self.entries:
                self.save_entry(Entry(slug=slug, id=self.next_id()))
            return self.entries[slug]

    def submission_file(self, slug: str, submission: Submission) -> Path:
        """Where the file of a submission is kept that was uploaded."""
        return self.root / "submissions" / slug / str(submission.ref) / submission.file_name

    def save_entry(self, entry: Entry) -> None:
        """Writes what is remembered of a competition."""
        self.entries[entry.slug] = entry
        self._save(self.root / "entries" / f"{entry.slug}.json", entry)


def _remove(folder: Path) -> None:
    """Removes a folder in one visible step, so that a restart never finds half of it."""
    doomed = folder.with_name(f".{folder.name}.deleted")
    if doomed.exists():  # a crash came between the two halves
        shutil.rmtree(doomed)
    os.replace(folder, doomed)
    shutil.rmtree(doomed)


def files_of(folder: Path) -> list[tuple[str, int]]:
    """The files below a folder as sorted (relative posix path, size); empty when the folder is not there."""
    if not folder.is_dir():
        return []
    return sorted(
        (path.relative_to(folder).as_posix(), path.stat().st_size)
        for path in folder.rglob("*")
        if path.is_file()
    )
