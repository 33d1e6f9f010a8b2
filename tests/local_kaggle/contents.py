"""What is in a local Kaggle: put there, and looked at, without the protocol."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING

from tests.local_kaggle.competition import Competition, load
from tests.local_kaggle.errors import SetupError
from tests.local_kaggle.names import Source
from tests.local_kaggle.records import (
    Dataset,
    Model,
    Notebook,
    NotebookVersion,
    Submission,
    Variation,
    Version,
)
from tests.local_kaggle.scoring import score_submission
from tests.local_kaggle.store import write_atomic
from tests.local_kaggle.unpack import publish

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from tests.local_kaggle.world import World


class Contents:
    """The part of LocalKaggle that fills it and looks into it.

    Attributes:
        user: The default user.
        world: Everything inside.
    """

    user: str
    world: World

    def add_dataset(
        self,
        ref: str,
        files: Mapping[str, bytes | str],
        *,
        private: bool = True,
        notes: str = "",
        title: str = "",
    ) -> int:
        """Adds a dataset, or a version of one, that is ready at once; returns the version's number.

        The files go through what an upload goes through: archives are unpacked and names damaged.
        """
        source = _source(ref)
        store, clock = self.world.store, self.world.clock
        with store.lock:
            dataset = store.datasets.get(ref) or Dataset(
                store.next_id(),
                source.owner,
                source.slug,
                title or source.slug,
                clock.now(),
                is_private=private,
            )
            number = max((v.number for v in dataset.versions), default=0) + 1
            incoming = store.root / "incoming"
            _write(incoming, files)
            uploads = [(name, incoming / name) for name in files]
            publish(uploads, store.dataset_folder(dataset, number), self.world.behaviour)
            shutil.rmtree(incoming)
            dataset.versions.append(
                Version(number, store.next_id(), notes, clock.now(), source.owner, ready_at=clock.now())
            )
            store.save_dataset(dataset)
        return number

    def add_notebook(
        self, ref: str, text: str, *, title: str = "", output: Mapping[str, bytes | str] | None = None
    ) -> int:
        """Adds a private notebook, or a version of one, whose run is over; returns the version's number."""
        source = _source(ref)
        store, now = self.world.store, self.world.clock.now()
        with store.lock:
            notebook = store.notebooks.get(ref) or Notebook(
                store.next_id(), source.owner, source.slug, title or source.slug, is_private=True
            )
            version = NotebookVersion(
                len(notebook.versions) + 1,
                store.next_id(),
                now,
                source.owner,
                notebook.title,
                "python",
                "notebook",
                "COMPLETE",
                finished=now,
            )
            folder = store.notebook_folder(notebook, version.number)
            write_atomic(folder / "source", text)
            _write(folder / "output", output or {})
            notebook.versions.append(version)
            store.save_notebook(notebook)
        return version.number

    def add_model(self, ref: str, variations: Mapping[str, Mapping[str, bytes | str]]) -> None:
        """Adds a private model, or versions of one, ready at once: for each `FRAMEWORK/slug` the files of a version.

        A framework is written as kagglesdk's ModelFramework has it, without the prefix: `PY_TORCH`.
        """
        source = _source(ref)
        store, now = self.world.store, self.world.clock.now()
        with store.lock:
            model = store.models.get(ref) or Model(
                store.next_id(), source.owner, source.slug, source.slug, now, now
            )
            for name, files in variations.items():
                framework, _, slug = name.partition("/")
                key = (f"MODEL_FRAMEWORK_{framework}", slug)
                found = next((v for v in model.variations if (v.framework, v.slug) == key), None)
                if found is None:
                    found = Variation(store.next_id(), slug, key[0])
                    model.variations.append(found)
                number = len(found.versions) + 1
                _write(store.model_folder(model, found.id, number), files)
                found.versions.append(Version(number, store.next_id(), "", now, source.owner, ready_at=now))
            store.save_model(model)

    def add_submissions(self, slug: str, descriptions: Sequence[str], *, score: str = "0.5") -> list[int]:
        """Adds scored submissions of the default user, an hour apart, the last one a day ago; returns their references."""
        store, now = self.world.store, self.world.clock.now()
        with store.lock:
            entry = store.entry(slug)
            first = store.next_id(len(descriptions))
            made = [
                Submission(
                    first + number,
                    self.user,
                    now - 86400 - 3600 * (len(descriptions) - number),
                    "submission.csv",
                    description,
                    status="COMPLETE",
                    public_score=score,
                )
                for number, description in enumerate(descriptions)
            ]
            entry.submissions += made
            if self.user not in entry.entered:
                entry.entered.append(self.user)
                entry.teams[self.user] = store.next_id()
            store.save_entry(entry)
        return [one.ref for one in made]

    def score(self, slug: str, texts: Mapping[int, str]) -> None:
        """Scores submissions anew, each as if its file had this text."""
        competition = load(self.world, slug)
        assert competition is not None, slug
        with self.world.store.lock:
            entry = self.world.store.entry(slug)
            for one in entry.submissions:
                if one.ref in texts:
                    kept = self.world.store.submission_file(slug, one)
                    write_atomic(kept, texts[one.ref])
                    one.public_score = one.private_score = ""
                    score_submission(competition, competition.folder(self.world), kept, one)
            self.world.store.save_entry(entry)

    def select(self, slug: str, *refs: int) -> None:
        """Selects these submissions for the end, and no others, as on the competition's page."""
        with self.world.store.lock:
            entry = self.world.store.entry(slug)
            for one in entry.submissions:
                one.selected = one.ref in refs
            self.world.store.save_entry(entry)

    def add_competition(
        self,
        slug: str,
        *,
        public: Mapping[str, bytes | str],
        hidden: Mapping[str, bytes | str] | None = None,
        solution: str = "",
        **settings: str | float | bool | None,
    ) -> Path:
        """Writes the folder of a competition and returns it; `settings` are the keys of competition.json."""
        Competition.parse(slug, settings)
        folder = self.world.store.competition_folder(slug)
        for part, files in (("public", public), ("hidden", hidden or {})):
            _write(folder / part, files)
        if solution:
            (folder / "solution.csv").write_text(solution, encoding="utf-8", newline="\n")
        write_atomic(folder / "competition.json", json.dumps(settings, indent=1))
        return folder

    def set_rules(self, slug: str, *, accepted: bool, user: str | None = None) -> None:
        """Says for one user whether the rules of a competition are accepted."""
        name = user or self.user
        with self.world.store.lock:
            entry = self.world.store.entry(slug)
            entry.rules_accepted = [u for u in entry.rules_accepted if u != name] + (
                [name] if accepted else []
            )
            entry.rules_refused = [u for u in entry.rules_refused if u != name] + ([] if accepted else [name])
            self.world.store.save_entry(entry)

    def dataset(self, ref: str) -> Dataset:
        """The record of a dataset; KeyError when there is none."""
        return self.world.store.datasets[ref]

    def dataset_files(self, ref: str, version: int | None = None) -> dict[str, bytes]:
        """The files of a dataset's version (the newest by default), whether it is ready or not."""
        dataset = self.dataset(ref)
        folder = self.world.store.dataset_folder(dataset, version or dataset.versions[-1].number)
        return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()}

    def notebook(self, ref: str) -> Notebook:
        """The record of a notebook; KeyError when there is none."""
        return self.world.store.notebooks[ref]

    def notebook_output(self, ref: str, version: int | None = None) -> Path:
        """The folder of a version's output files (the newest version by default)."""
        notebook = self.notebook(ref)
        return self.world.store.notebook_folder(notebook, version or notebook.versions[-1].number) / "output"

    def notebook_log(self, ref: str, version: int | None = None) -> str:
        """The text of a version's log (the newest version by default)."""
        file = self.notebook_output(ref, version).with_name("log.json")
        return "".join(event["data"] for event in json.loads(file.read_text(encoding="utf-8")))

    def model(self, ref: str) -> Model:
        """The record of a model (`owner/model`); KeyError when there is none."""
        return self.world.store.models[ref]

    def submissions(self, slug: str) -> list[Submission]:
        """The submissions of a competition, oldest first."""
        return list(self.world.store.entry(slug).submissions)


def _write(folder: Path, files: Mapping[str, bytes | str]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)


def _source(ref: str) -> Source:
    source = Source.parse(ref)
    if source is None:
        raise SetupError(f"{ref!r} is no owner/slug.")
    return source
