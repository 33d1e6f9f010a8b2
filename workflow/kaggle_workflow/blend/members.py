"""The members of a blend: submissions of the ledger whose notebook and codes can still be had."""

from __future__ import annotations

import re
import shutil
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from kaggle_shim import blend_file
from kaggle_shim.manifest import CODES_MANIFEST, DATASET_MANIFEST, Manifest, short
from kaggle_shim.plan import Input, Plan
from kaggle_shim.refs import CompetitionRef, DatasetRef, ModelRef, NotebookRef, Ref
from kaggle_workflow.errors import WorkflowError
from kaggle_workflow.experiments import experiment_of
from kaggle_workflow.ledger.fold import Submission
from kaggle_workflow.push import dataset_versions
from kaggle_workflow.push.session import Push
from kaggle_workflow.submit import old_codes, reproduce
from kaggle_workflow.workspace import Notebook

_FEWEST = 2


@dataclass(frozen=True)
class Member:
    """A submission that takes part.

    Attributes:
        name: its folder in the blend: experiment and reference.
        submission: the submission.
        notebook: the notebook that was submitted, in the workspace.
        plan: the plan that it runs by in the blend.
        codes: its codes, in a folder of this command.
    """

    name: str
    submission: Submission
    notebook: Notebook
    plan: Plan
    codes: Path

    @property
    def wheels(self) -> Input | None:
        """Its wheels, None when its notebook collected none."""
        return next((one for one in self.plan.of_role("wheels") if isinstance(one.ref, NotebookRef)), None)

    @property
    def attached(self) -> tuple[Ref, ...]:
        """What it needs attached, beside the competition and the wheels that the workspace collects."""
        return tuple(
            one.ref
            for one in self.plan.inputs
            if one is not self.wheels and not isinstance(one.ref, CompetitionRef)
        )


def read(push: Push, given: Sequence[str], notebook: Notebook, scratch: Path) -> list[Member]:
    """Read the members, in the order in which they are given.

    Args:
        push: the command.
        given: references of submissions.
        notebook: the notebook that will run the blend.
        scratch: where the codes are put.

    Raises:
        WorkflowError: there are fewer than two, or one can't take part; nothing was changed.
    """
    if len(given) < _FEWEST or len(set(given)) < len(given):
        raise WorkflowError(
            "A blend needs at least two different submissions: name each with --ref; `invoke history` lists them."
        )
    return [_member(push, ref, notebook, scratch) for ref in given]


def _member(push: Push, ref: str, notebook: Notebook, scratch: Path) -> Member:
    made = reproduce.read(push, ref)
    one, plan = made.submission, made.plan
    entry = one.entry or plan.entry
    name = re.sub(r"[^A-Za-z0-9._-]+", "-", f"{experiment_of(entry)}-{ref}")
    problem = _problem(plan, notebook)
    if problem is not None:
        raise WorkflowError(f"Submission {ref} can't be a member of this blend: {problem}.")
    try:
        rest = old_codes.Reproduced(ref)
        reproduce.look_for_the_rest(push, one, plan, rest)
        if rest.lost:
            raise WorkflowError(f"Submission {ref} can't be a member, since it needs {', '.join(rest.lost)}.")
        unpacked = scratch / f"{name}-found"
        unpacked.mkdir()
        found, origin = old_codes.find(push, one, plan, made.there.text, unpacked)
    except old_codes.Lost as lost:
        raise WorkflowError(
            f"Submission {ref} can't be a member: its codes are lost, {lost}. Leave it out, or commit them again if you have them."
        ) from lost
    push.say(f"{name}: {' '.join(plan.entry)}, codes from {origin}.")
    manifest = _keep(found, scratch / name, experiment_of(entry))
    inputs = tuple(part for part in plan.inputs if part.role != "codes")
    plan = replace(plan, inputs=inputs, inline_codes=manifest.fingerprint)
    return Member(name, one, made.folder, plan, scratch / name)


def _problem(plan: Plan, notebook: Notebook) -> str | None:
    about = notebook.metadata
    if plan.competition != about.competition:
        return f"it was made for {plan.competition}, and {notebook.name} attaches {about.competition}"
    if plan.output == "gateway":
        return "it answers an evaluation API, so it leaves no file to average. Average inside one entry point instead"
    if Path(plan.submission).suffix != ".csv":
        return f"it writes {plan.submission}, and only CSV files can be averaged"
    if plan.accelerator is not None and plan.accelerator != about.accelerator:
        return f"it ran with a {plan.accelerator.upper()}, and {notebook.name}/kernel-metadata.json has none. Set its machine_shape"
    return None


def _keep(found: Path, target: Path, experiment: str) -> Manifest:
    """Copy the codes of a member without the other blends in them, which would multiply; returns their manifest."""
    manifest = Manifest.load(found / CODES_MANIFEST)
    others = tuple(
        f"{Path(entry.path).parent.as_posix()}/"
        for entry in manifest.files
        if Path(entry.path).name == blend_file.FILE
        and blend_file.is_ours(found / entry.path)
        and not entry.path.startswith(f"{experiment}/")
    )
    kept = replace(
        manifest,
        files=tuple(entry for entry in manifest.files if not entry.path.startswith(others or ("\0",))),
    )
    for entry in kept.files:
        path = target / entry.path
        path.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(found / entry.path, path)
    target.mkdir(exist_ok=True)
    (target / CODES_MANIFEST).write_text(kept.dumps(), encoding="utf-8", newline="\n")
    return kept


def notes(push: Push, members: Sequence[Member], notebook: Notebook) -> list[str]:
    """Sentences about sources of which the blend mounts another state than a member used."""
    versions: dict[str, set[int | None]] = defaultdict(set)
    for ref in (*notebook.metadata.sources, *(ref for member in members for ref in member.attached)):
        if isinstance(ref, DatasetRef | NotebookRef):
            versions[ref.name].add(ref.version)
    found = [
        f"{name} is attached in several versions, and a notebook mounts one of them: the members run with the same."
        for name, seen in versions.items()
        if len(seen) > 1
    ]
    used = {
        (one.ref, one.fingerprint) for member in members for one in member.plan.inputs if one.role == "data"
    }
    for ref, fingerprint in sorted(used, key=str):
        if not isinstance(ref, DatasetRef) or fingerprint is None:
            continue
        there = push.kaggle.dataset(ref)
        now = there and dataset_versions.fingerprint_of(push, ref, there, DATASET_MANIFEST)
        if now and short(now) != short(fingerprint):
            found.append(
                f"{ref.name} has changed since a member was submitted, and its run on Kaggle would fail: push that state again."
            )
    return found


def is_attached(ref: Ref, notebook: Notebook) -> bool:
    """Whether the notebook attaches the source: in that version for a model, in any for the others."""
    same = str if isinstance(ref, ModelRef) else (lambda one: getattr(one, "name", str(one)))
    return any(
        one.kind == ref.kind and same(one).lower() == same(ref).lower() for one in notebook.metadata.sources
    )
