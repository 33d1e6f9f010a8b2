"""Read what Kaggle has about the version to submit."""

from __future__ import annotations

import csv
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from kaggle_shim import local, submission
from kaggle_shim.plan import Plan
from kaggle_shim.refs import CompetitionRef, NotebookRef
from kaggle_shim.report import REPORT_NAME
from kaggle_workflow.errors import WorkflowError
from kaggle_workflow.files import read_object, scratch
from kaggle_workflow.kaggle.errors import AnswerLost, Denied, NotThere
from kaggle_workflow.kaggle.values import Notebook, RemoteFile, Run
from kaggle_workflow.ledger import markers
from kaggle_workflow.ledger.event import Part
from kaggle_workflow.push.answers import report_of
from kaggle_workflow.push.session import Push
from kaggle_workflow.stage import compose
from kaggle_workflow.workspace import Notebook as Folder

_TEXT_TABLES = {".csv": ",", ".tsv": "\t"}
_ZIP = b"PK\x03\x04"


@dataclass(frozen=True)
class Target:
    """A version of a notebook, as Kaggle has it.

    Attributes:
        folder: the notebook in the workspace.
        version: the version.
        newest: the newest version.
        there: its source and settings.
        plan: the plan in its source, None when there is none.
        run: the state of its save run.
        file_name: the file that is scored.
        files: what the run left.
        report: the run's report, empty where there is none.
        columns: column names of the scored file, None when its first line has none.
        sample: column names of the competition's sample, None when there is none.
    """

    folder: Folder
    version: int
    newest: int
    there: Notebook
    plan: Plan | None
    run: Run
    file_name: str
    files: tuple[RemoteFile, ...] = ()
    report: Mapping[str, Any] | None = None
    columns: tuple[str, ...] | None = None
    sample: tuple[str, ...] | None = None

    @property
    def ref(self) -> NotebookRef:
        """The notebook on Kaggle."""
        return self.folder.metadata.id

    @property
    def name(self) -> str:
        """Its name in messages."""
        return f"{self.ref.name} version {self.version}"

    @property
    def competition(self) -> CompetitionRef:
        """The competition that it is submitted to; raises WorkflowError when it has none."""
        slug = (self.plan.competition if self.plan else None) or self.folder.metadata.competition
        if slug is None:
            raise WorkflowError(
                f"{self.folder.name} attaches no competition: add one to competition_sources in its kernel-metadata.json."
            )
        return CompetitionRef(slug)

    @property
    def mark(self) -> markers.Mark:
        """Marker that identifies this version's submissions."""
        return markers.Mark.of(self.ref.slug, self.version, self.there.text)

    @property
    def part(self) -> Part:
        """The version as recorded in the ledger."""
        return Part(self.ref.name, self.version, markers.source_fingerprint(self.there.text))


def read_version(push: Push, name: str, version: int | None) -> Target:
    """Read what Kaggle has about a version.

    Args:
        push: the command.
        name: folder of the notebook.
        version: the version, None for the newest.

    Raises:
        WorkflowError: there is no such version, or no competition.
        AnswerLost: Kaggle's answer lacks the version or the source.
    """
    folder = push.workspace.notebook(name)
    if folder.collects:
        raise WorkflowError(
            f"{name} is the wheel notebook and can't be submitted: name another with --notebook."
        )
    ref = folder.metadata.id
    there = push.kaggle.notebook(ref, version)
    if there is None:
        which = f"{ref.name} version {version}" if version else ref.name
        raise WorkflowError(f"{which} is not on Kaggle: push it first (invoke push), or check invoke status.")
    number = version or there.newest
    if not number or not there.text:
        raise AnswerLost(
            f"Kaggle's answer about {ref.name} lacks its version or its source: nothing is submitted, run this again."
        )
    plan = compose.plan_of(there.text)
    run = push.kaggle.run(ref, number)
    file_name = (plan.submission if plan else "") or push.workspace.settings.of(name).submission_name
    target = Target(folder, number, there.newest, there, plan, run, file_name)
    return _with_output(push, target) if run.complete else target


def _with_output(push: Push, target: Target) -> Target:
    listed, log = push.kaggle.output(target.ref, target.version)
    sizes = {file.name: file.size for file in push.kaggle.output_sizes(target.ref, target.version)}
    files = tuple(RemoteFile(file.name, sizes.get(file.name), file.url) for file in listed)
    report = read_report(push, files, log)
    scored = next((file for file in files if file.name == target.file_name), None)
    columns = sample = None
    compares = target.plan is None or target.plan.check != "exists"
    if scored is not None and scored.size and compares and Path(scored.name).suffix in _TEXT_TABLES:
        columns = first_line(push.kaggle.url_head(scored.name, scored.url), scored.name)
        sample = _sample(push, target)
    return replace(target, files=files, report=report, columns=columns, sample=sample)


def first_line(block: bytes, name: str) -> tuple[str, ...] | None:
    """Column names in the first block of a text table, None without a complete first line.

    Kaggle sends some single files as a zip with one member (kagglehub 1.0.2 unpacks such an answer).
    """
    if block.startswith(_ZIP):
        method = int.from_bytes(block[8:10], "little")
        start = 30 + int.from_bytes(block[26:28], "little") + int.from_bytes(block[28:30], "little")
        try:
            block = zlib.decompressobj(-zlib.MAX_WBITS).decompress(block[start:]) if method else block[start:]
        except zlib.error:
            return None
    line, end, _ = block.partition(b"\n")
    if not end:
        return None
    text = line.decode("utf-8-sig", "replace").rstrip("\r")
    return tuple(next(csv.reader([text], delimiter=_TEXT_TABLES[Path(name).suffix]), []))


def _sample(push: Push, target: Target) -> tuple[str, ...] | None:
    """Columns of the competition's sample: the local copy, else Kaggle's, under its usual names."""
    suffix = Path(target.file_name).suffix
    folder = local.data_folder(push.workspace.root) / "competitions" / target.competition.slug
    here = submission.find_sample(folder, suffix) if folder.is_dir() else None
    if here is not None:
        with here.open("rb") as file:
            return first_line(file.read(1 << 16), here.name)
    for stem in submission.SAMPLE_NAMES:
        try:
            head = push.kaggle.competition_file_head(target.competition, f"{stem}{suffix}")
        except (NotThere, Denied):
            continue
        return first_line(head, f"{stem}{suffix}")
    return None


def read_report(push: Push, files: tuple[RemoteFile, ...], log: str) -> dict[str, Any]:
    """The report of a run, from its log or else from its output; {} for none."""
    found = next((file for file in files if file.name == REPORT_NAME), None)
    report = report_of(log)
    if report or found is None:
        return report
    with scratch(push.workspace.build) as folder:
        push.kaggle.download_url(REPORT_NAME, found.url, folder / REPORT_NAME)
        return read_object(folder / REPORT_NAME)
