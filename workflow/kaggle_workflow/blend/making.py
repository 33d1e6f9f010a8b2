"""Make a blend: check its members, then write the experiment and make it the entry point."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from kaggle_shim import averaging, blend_file
from kaggle_workflow import console, new_exp, platforms
from kaggle_workflow.blend import fit, members, outputs, wheels
from kaggle_workflow.blend.members import Member
from kaggle_workflow.command_list import Blend
from kaggle_workflow.edit import json_edit
from kaggle_workflow.errors import WorkflowError
from kaggle_workflow.files import make_folder, remove_tree, write_text
from kaggle_workflow.ledger import book as ledger
from kaggle_workflow.ledger import estimate
from kaggle_workflow.ledger.fold import better_of
from kaggle_workflow.metadata import KERNEL_FILE
from kaggle_workflow.metadata_reading import SOURCES
from kaggle_workflow.push import sub as push_sub
from kaggle_workflow.push.session import Push
from kaggle_workflow.workspace import CODES, Notebook

_RUN = '''\
"""Run the members of this blend one after the other, and average their submissions."""

from pathlib import Path

import kaggle_shim.blend

kaggle_shim.blend.run(Path(__file__).parent)
'''


@dataclass
class Made:
    """A blend that was made, or would be in a dry run.

    Attributes:
        name: the experiment.
        entry: its entry point.
        settings: the file that names the entry point, "" in a dry run.
        blend: what was written into its `blend.json`.
        estimate: the estimated rerun.
        peak_memory: the highest of the members, in bytes, None when not known.
        wheels: the dataset of wheels that was sent, "" for none.
        attached: what was added to the notebook's metadata.
        warnings: what the user should know.
    """

    name: str
    entry: tuple[str, ...]
    blend: blend_file.Blend
    estimate: estimate.Estimate
    peak_memory: int | None
    settings: str = ""
    wheels: str = ""
    attached: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    def to_json(self) -> dict[str, Any]:
        """As plain JSON values."""
        return {
            "path": f"{CODES}/{self.name}",
            "entry": list(self.entry),
            "settings": self.settings,
            "how": self.blend.how,
            "needs": self.blend.needs,
            "members": [vars(member) for member in self.blend.members],
            "cv": self.blend.cv,
            "rerun_seconds": self.estimate.seconds,
            "estimate": self.estimate.sentence,
            "peak_memory": self.peak_memory,
            "wheels": self.wheels or None,
            "attached": self.attached,
            "warnings": self.warnings,
        }


def make(push: Push, request: Blend) -> Made:
    """Make a blend, as the command line asks.

    Raises:
        Refused: `blend-too-long`, `blend-tables` or `blend-wheels`; nothing was changed.
        WorkflowError: a member can't take part, or an option is wrong; nothing was changed.
    """
    notebook = push_sub.runnable(push.workspace, request.notebook)
    weights = _check(request)
    codes = push.workspace.root / CODES
    name = request.name_ or new_exp.next_name(codes, "blend000")
    if (codes / name).exists() or not name.replace("_", "a").isidentifier():
        raise WorkflowError(
            f"--name {name} can't be used: choose letters and digits that {CODES}/ doesn't have yet."
        )
    with tempfile.TemporaryDirectory(prefix="blend-") as folder:
        scratch = Path(folder)
        chosen = members.read(push, request.ref, notebook, scratch)
        known = estimate.of_blend(
            [(member.name, member.submission) for member in chosen],
            push.workspace.settings.of(notebook.name).limit_seconds,
        )
        push.say(known.sentence)
        if (known.share or 0.0) > 1.0:
            late = f"The blend would run out of time. {known.sentence.rstrip('.')}"
            if request.needs == blend_file.IN_TIME:
                push.warn(f"{late}: members that run out of time are left out.")
            else:
                push.refuse("blend-too-long", f"{late}: leave a member out, or add --needs in-time")
        files = [outputs.download(push, member) for member in chosen]
        outputs.compare(push, chosen, files, request.target)
        fitted = _score(push, request, chosen, files, weights)
        weights = fitted.weights if fitted is not None else weights
        made = Made(
            name,
            (f"{name}/run.py",),
            blend_file.Blend(
                tuple(
                    blend_file.Member(member.name, weight, member.submission.rerun_seconds)
                    for member, weight in zip(chosen, weights or [1.0] * len(chosen), strict=True)
                ),
                request.how,
                tuple(request.target),
                request.needs,
                fitted.score if fitted is not None else None,
            ),
            known,
            max((one for member in chosen if (one := member.submission.peak_memory)), default=None),
            warnings=members.notes(push, chosen, notebook),
        )
        ref = wheels.dataset_of(push.workspace, name)
        chosen, sets = wheels.prepare(push, chosen, ref)
        if not push.options.dry_run:
            if sets:
                made.wheels = wheels.send(push, sets, ref).name
            _carry_out(push, made, chosen, notebook)
    return made


def _check(request: Blend) -> tuple[float, ...] | None:
    """The weights of the command line, None without; raises WorkflowError for a wrong option."""
    for option, value, choices in (
        ("how", request.how, averaging.HOW),
        ("needs", request.needs, blend_file.NEEDS),
    ):
        if value not in choices:
            raise WorkflowError(f"--{option} {value} is unknown: choose one of {', '.join(choices)}.")
    if request.how == "mean" and request.weights:
        raise WorkflowError("--weights and --how mean exclude each other: use --how weighted or --how rank.")
    if request.how == "weighted" and not request.weights and not request.truth:
        raise WorkflowError("--how weighted needs --weights, or --truth to fit them on the members' oof.csv.")
    if not request.weights:
        return None
    try:
        weights = tuple(float(text) for text in request.weights.split(","))
    except ValueError:
        weights = ()
    if len(weights) != len(request.ref) or not all(0 < weight < float("inf") for weight in weights):
        raise WorkflowError(
            f"--weights {request.weights} must be {len(request.ref)} positive numbers with commas between them, one for each --ref."
        )
    return weights


def _score(
    push: Push,
    request: Blend,
    chosen: Sequence[Member],
    files: Sequence[dict[str, Path]],
    weights: tuple[float, ...] | None,
) -> fit.Fitted | None:
    """The blend's validation score, with fitted weights for `--how weighted` without any; None without `--truth`."""
    missing = [member.name for member, found in zip(chosen, files, strict=True) if outputs.OOF not in found]
    if not request.truth:
        if not missing:
            push.say(f"Every member has {outputs.OOF}: with --truth FILE, the blend gets a validation score.")
        return None
    truth = push.workspace.root / Path(request.truth).expanduser()
    if not truth.is_file() or missing:
        what = f"{', '.join(missing)} left no {outputs.OOF}" if truth.is_file() else f"{truth} doesn't exist"
        raise WorkflowError(f"The blend can't be scored: {what}. Correct this, or leave out --truth.")
    paths = {found[outputs.OOF] for found in files}
    if len(paths) < len(files):
        push.warn(
            f"Members share {', '.join(sorted(path.name for path in paths))} of one experiment: its weights and the CV say nothing about each of "
            f"them. Let their runs write {outputs.OOF}."
        )
    settings = push.workspace.settings
    fitted = fit.fit(
        push.workspace,
        [found[outputs.OOF] for found in files],
        truth,
        better=settings.better
        or better_of(ledger.read(push.workspace.root).events, chosen[0].plan.competition),
        how=request.how,
        targets=request.target,
        weights=weights if weights or request.how == "weighted" else [1.0] * len(chosen),
    )
    told = ", ".join(
        f"{member.name} {weight:g}" for member, weight in zip(chosen, fitted.weights, strict=True)
    )
    push.say(f"CV of the blend: {fitted.score:.6g} by {settings.metric} ({told}).")
    return fitted


def _carry_out(push: Push, made: Made, chosen: Sequence[Member], notebook: Notebook) -> None:
    """Attach what the members need, write the experiment, and make it the entry point."""
    place = push.workspace.root / CODES / made.name
    keys = {kind: key for key, kind in SOURCES.items()}
    for ref in dict.fromkeys(ref for member in chosen for ref in member.attached):
        current = push.workspace.notebook(notebook.name)
        if not members.is_attached(ref, current):
            json_edit.edit_file(notebook.folder / KERNEL_FILE, keys[ref.kind], None, str(ref))
            made.attached.append(str(ref))

    def write() -> None:
        folder = make_folder(place)
        try:
            copy = folder / made.name
            for member in chosen:
                shutil.copytree(member.codes, copy / member.name / blend_file.CODES)
                write_text(copy / member.name / blend_file.PLAN, member.plan.dumps() + "\n")
            write_text(copy / "run.py", _RUN)
            write_text(copy / blend_file.FILE, made.blend.dumps())
            platforms.retry_while_locked(lambda: copy.rename(place))
        finally:
            remove_tree(folder)

    settings, warnings = new_exp.make_entry(push.workspace, made.entry, os.environ, write)
    made.settings = settings.name
    made.warnings += warnings
    if "entry" in push.workspace.settings.notebooks.get(notebook.name, {}):
        made.warnings.append(
            f"workspace.notebooks.{notebook.name}.entry in {settings.name} is not changed: set it to {made.entry[0]}."
        )


def told(made: Made) -> list[str]:
    """What was made, as lines."""
    parts = ", ".join(member.name for member in made.blend.members)
    lines = [f"{CODES}/{made.name} averages {parts} ({made.blend.how})."]
    if made.peak_memory is not None:
        lines.append(f"Peak memory: {console.size(made.peak_memory)}, that of the largest member's save run.")
    lines += [f"Attached: {ref}." for ref in made.attached]
    if made.settings:
        lines.append(
            f"The entry point in {made.settings} is now {made.entry[0]}: `invoke rehearse` runs it here."
        )
    return lines
