"""Notebooks: saved when they changed, Kaggle's answer taken as the truth, exactly that version's run waited for."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kaggle_shim.refs import NotebookRef
from workflow import console
from workflow.errors import KaggleRefused, RunFailed, Unreachable, WaitedTooLong, WorkflowError
from workflow.files import write_text
from workflow.kaggle.errors import AnswerLost, NotThere
from workflow.kaggle.logs import tail
from workflow.kaggle.values import Notebook, Run, Saved
from workflow.metadata import KERNEL_FILE
from workflow.push import answers as push_answers
from workflow.push.intents import CREATING, SENT, Intent
from workflow.push.session import LATE_SECONDS, RUN_SECONDS, Outcome, Push, check_secrets
from workflow.stage import compose
from workflow.stage.notebook import StagedNotebook
from workflow.waiting import Show, left_of, seconds
from workflow.workspace import Notebook as Folder

_TAIL_LINES = 30


@dataclass(frozen=True)
class Payload:
    """A staged notebook: where it comes from, what is sent, and the metadata as it is sent."""

    folder: Folder
    staged: StagedNotebook
    text: str
    metadata: Mapping[str, Any]
    accelerator: str

    @classmethod
    def of(cls, folder: Folder, staged: StagedNotebook, accelerator: str = "") -> Payload:
        """Read back what was staged."""
        metadata = json.loads((staged.folder / KERNEL_FILE).read_text(encoding="utf-8"))
        if accelerator:
            metadata["machine_shape"] = accelerator
        return cls(folder, staged, staged.file.read_text(encoding="utf-8"), metadata, accelerator)

    @property
    def ref(self) -> NotebookRef:
        """The notebook on Kaggle."""
        return self.folder.metadata.id

    @property
    def key(self) -> str:
        """What intents call it."""
        return f"notebook--{self.ref.name}"

    @property
    def marker(self) -> str:
        """What identifies this source and these switches."""
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
        same: whether Kaggle's source (first text) is as good as what is staged (second).
        prove: looks at a run that ended well; raises RunFailed when it was not the one that was staged. Returns notes.
        before: called when it is about to be sent, for what is worth saying then.
        needed: whether its run is waited for even with `--no-wait`, because what is pushed next attaches its output.
    """

    thing: str
    same: Callable[[str, str], bool]
    prove: Callable[[Push, Payload, int], list[str]]
    before: Callable[[], None] = lambda: None
    needed: bool = False


def send(push: Push, rules: Rules, stage: Callable[[], Payload]) -> Outcome:
    """Bring a notebook on Kaggle up to date and see its run through.

    Args:
        push: the command.
        rules: what a change and a proof are.
        stage: stages the notebook; called with the lock held, and again right before it is sent.

    Raises:
        WorkflowError: in all its classes; RunFailed when the run failed.
    """
    with push.lock(f"push: staging {rules.thing}"):
        payload = stage()
    check_secrets(payload.staged.folder)
    ref = payload.ref
    push.check_owner(ref.owner, f"the notebook {ref.name}")
    push.check_public(metadata_says_public=not payload.folder.metadata.is_private, what=ref.name)
    outcome = Outcome(rules.thing, "unchanged", ref.name, url=push.kaggle.page(f"code/{ref.name}"))
    outcome.fingerprint = payload.marker
    there = push.kaggle.notebook(ref)
    intent = push.intents.read(payload.key)
    if intent is not None and not push.options.dry_run:
        there = _settle(push, rules, payload, intent, there, outcome)
    if there is not None:
        state = _state(push, rules, payload, there)
        if state is not None and not push.options.force:
            return _go_on(push, rules, payload, there, state, outcome)
    if push.options.dry_run:
        outcome.did = "would send"
        _list(push, payload)
        return outcome
    rules.before()
    version = 0
    with push.lock(f"push: sending {ref.name}") as waited:
        if not waited:
            payload = stage()
            check_secrets(payload.staged.folder)
            outcome.fingerprint = payload.marker
            version = _save(push, rules, payload, there, outcome)
    if waited:
        # Whoever held the workspace may have sent this very thing: ask anew.
        return send(push, rules, stage)
    outcome.did, outcome.version = "sent", version
    _read_back(push, payload, version, outcome)
    push.known.note(ref.name, version, metadata=payload.metadata_hash)
    _see_through(push, rules, payload, version, outcome)
    return outcome


def _state(push: Push, rules: Rules, payload: Payload, there: Notebook) -> Run | None:
    """How the run of Kaggle's version stands when nothing has to be sent, None when something has."""
    ours = _check_ours(push, payload, there)
    ref, version = payload.ref, there.newest
    known = push.known.of(ref.name, version)
    unchanged = (
        ours
        and rules.same(there.text, payload.text)
        and (
            known["metadata"] == payload.metadata_hash
            if "metadata" in known
            else not push_answers.differences(payload.metadata, there)
        )
    )
    if unchanged and known.get("complete"):
        return Run("COMPLETE", "")
    # What is over stays over: an older version that was seen complete needs no question.
    run = Run("COMPLETE", "") if known.get("complete") else push.kaggle.run(ref, version)
    if unchanged and (run.complete or run.active):
        return run
    if run.active:
        push.warn(
            f"{ref.name} version {version} still runs: it can't be cancelled from here, and both count against your sessions."
        )
    return None


def _check_ours(push: Push, payload: Payload, there: Notebook) -> bool:
    """Whether it is the notebook that was pushed last; one that this workspace did not make, or that was edited in the browser, is not overwritten unasked."""
    ref = payload.ref
    plan = compose.plan_of(there.text)
    moved = plan is None and push.workspace.id in there.text
    if (plan is None and not moved) or (plan is not None and plan.workspace != push.workspace.id):
        whose = "was made by another workspace" if plan is not None else "was not made by a workspace"
        push.refuse(
            "take-over",
            f"The notebook {ref.name} exists and {whose}: choose another prefix, or make it this workspace's own",
        )
        return False
    if (moved or compose.edited(there.text)) and not compose.same(there.text, payload.text):
        beside = payload.folder.folder / f"from-kaggle-v{there.newest}.ipynb"
        write_text(beside, there.text)
        push.refuse(
            "edited-on-kaggle",
            f"{ref.name} version {there.newest} was edited on Kaggle; it is saved as {payload.folder.name}/{beside.name}: "
            "take over from it what you want to keep, then push over it with --yes",
            expected=True,
        )
        return False
    return True


def _go_on(
    push: Push, rules: Rules, payload: Payload, there: Notebook, run: Run, outcome: Outcome
) -> Outcome:
    """Nothing to send: the version that is there is ours; see its run through if it is not over."""
    version = there.newest
    outcome.version = version
    if not run.complete:
        outcome.did = "found"
        push.say(f"{payload.ref.name}: version {version} is this one, and it runs.")
    if not push.known.of(payload.ref.name, version).get("complete") and not push.options.dry_run:
        _see_through(push, rules, payload, version, outcome)
    return outcome


def _settle(
    push: Push, rules: Rules, payload: Payload, intent: Intent, there: Notebook | None, outcome: Outcome
) -> Notebook | None:
    """Decide what became of a version that an earlier run was about to save."""
    if (
        intent.marker == payload.marker
        and intent.step == CREATING
        and not _arrived(rules, payload, there, intent.base)
    ):
        push.say(
            f"{payload.ref.name}: an earlier push was cut off while it was sent; asking Kaggle for its version."
        )
        limit = left_of(LATE_SECONDS, intent.at)
        try:
            there = push.waits.until(
                f"the version of {payload.ref.name} shows",
                limit,
                lambda show: _look(push, rules, payload, intent.base, show),
            )
        except WaitedTooLong:
            if push.waits.cuts(limit):
                # It may still come: only the time that --limit gave is over.
                raise
            push.say(f"{payload.ref.name}: it did not arrive.")
            there = push.kaggle.notebook(payload.ref)
    if _arrived(rules, payload, there, intent.base) and there is not None:
        push.say(f"{payload.ref.name}: an earlier push had arrived, as version {there.newest}.")
        outcome.notes.append("an earlier push had arrived")
    push.intents.close(payload.key)
    return there


def _arrived(rules: Rules, payload: Payload, there: Notebook | None, base: int) -> bool:
    return there is not None and there.newest > base and rules.same(there.text, payload.text)


def _look(push: Push, rules: Rules, payload: Payload, base: int, show: Show) -> Notebook | None:
    there = push.kaggle.notebook(payload.ref)
    if _arrived(rules, payload, there, base):
        return there
    show("not visible yet")
    return None


def _save(push: Push, rules: Rules, payload: Payload, there: Notebook | None, outcome: Outcome) -> int:
    """Save the notebook; returns the number of its version."""
    ref = payload.ref
    push.say(f"{rules.thing}: saving {ref.name}, {console.size(compose.sent_size(payload.text))}.")
    started = time.monotonic()
    base = there.newest if there is not None else 0
    push.intents.open(payload.key, ref.name, payload.marker, base, CREATING)
    try:
        saved = push.kaggle.save_notebook(payload.staged.folder, payload.accelerator)
    except AnswerLost as error:
        push.warn(f"{error}")
        push.say(f"{ref.name}: whether it arrived is not known; asking Kaggle for its version.")
        try:
            found = push.waits.until(
                f"the version of {ref.name} shows",
                LATE_SECONDS,
                lambda show: _look(push, rules, payload, base, show),
            )
        except (WaitedTooLong, Unreachable) as lost:
            raise Unreachable(
                f"Whether the new version of {ref.name} arrived is not known: run this again, Kaggle is asked before anything is sent."
            ) from lost
        push.intents.close(payload.key)
        outcome.notes.append("its answer was lost, the version was found")
        return found.newest
    except WorkflowError:
        push.intents.close(payload.key)
        raise
    push.intents.advance(payload.key, SENT)
    outcome.seconds["upload"] = round(time.monotonic() - started, 2)
    push.intents.close(payload.key)
    outcome.url = saved.url or outcome.url
    return _accepted(push, ref, saved)


def _accepted(push: Push, ref: NotebookRef, saved: Saved) -> int:
    """The version's number; raises KaggleRefused for an answer that is a refusal."""
    for tag in saved.invalid.get("tag", ()):
        push.warn(f"Kaggle knows no keyword {tag}: it was left out.")
    refusal = push_answers.refusal(saved, ref)
    if refusal is not None or saved.version is None:
        raise KaggleRefused(
            refusal or f"Kaggle gave {ref.name} no version number: look at {saved.url}, then push again."
        )
    return saved.version


def _read_back(push: Push, payload: Payload, version: int, outcome: Outcome) -> None:
    """Hold what Kaggle has now against what was sent."""
    there = push.kaggle.notebook(payload.ref, version)
    if there is None:
        raise KaggleRefused(
            f"Kaggle took {payload.ref.name} and does not show version {version}: look at {outcome.url}, then push again."
        )
    grave, others = push_answers.judge(payload.metadata, there)
    if not compose.same(there.text, payload.text):
        others.append(
            "the source reads back differently from what was sent; the fingerprints inside the run decide"
        )
    # Imported here: a push that changes nothing does without it.
    from workflow.push import pins

    others += pins.rebound(payload.metadata, there)
    for sentence in others:
        push.warn(f"{payload.ref.name} version {version}: {sentence}.")
        outcome.notes.append(sentence)
    if grave:
        raise KaggleRefused(
            f"{payload.ref.name} version {version}: {'; '.join(grave)}. Correct that on {outcome.url}, then push again."
        )


def _see_through(push: Push, rules: Rules, payload: Payload, version: int, outcome: Outcome) -> None:
    """Wait for the run of that version, and prove it."""
    ref = payload.ref
    if not push.options.wait and not rules.needed:
        push.say(f"{ref.name} version {version} runs; `invoke status` shows how it stands.")
        return
    started = time.monotonic()
    begun: float | None = None

    def look(show: Show) -> Run | None:
        nonlocal begun
        run = push.kaggle.run(ref, version)
        if run.status != "QUEUED" and begun is None:
            begun = time.monotonic()
        show(run.status.lower())
        return None if run.active or run.status == "NEW_SCRIPT" else run

    run = push.waits.until(
        f"the run of {ref.name} version {version} is over", RUN_SECONDS, look, at_once=outcome.did != "sent"
    )
    ended = time.monotonic()
    begun = begun if begun is not None else ended
    outcome.seconds["queue"], outcome.seconds["run"] = round(begun - started, 2), round(ended - begun, 2)
    if not run.complete:
        raise RunFailed(_failure(push, payload, version, run, ended - started))
    outcome.notes += rules.prove(push, payload, version)
    push.known.note(ref.name, version, complete=True, metadata=payload.metadata_hash)


def _failure(push: Push, payload: Payload, version: int, run: Run, took: float) -> str:
    """One sentence about a run that failed, with what its log ends with printed before."""
    name = f"{payload.ref.name} version {version}"
    if run.status.startswith("CANCEL"):
        return f"{name} was cancelled on Kaggle after {seconds(took)}: push again to run it anew (--force if nothing changes)."
    try:
        _, log = push.kaggle.output(payload.ref, version)
    except NotThere:
        log = ""
    report = push_answers.report_of(log)
    for line in tail(log, _TAIL_LINES):
        push.say(f"  | {line[:400]}")
    told = [line for line in tail(log, _TAIL_LINES) if "Error: " in line and not line.startswith(" ")]
    said = str(report.get("failure") or run.message or (told[-1] if told else "")).strip().splitlines()
    why = f": {said[0]}" if said else ", and Kaggle gives no reason: `invoke logs` shows all of its log"
    return f"{name} failed after {seconds(took)} ({run.status.lower()}){why}"


def _list(push: Push, payload: Payload) -> None:
    rows = [
        (path.name, console.size(Path(path).stat().st_size))
        for path in sorted(payload.staged.folder.iterdir())
    ]
    if not push.options.quiet:
        console.table(f"would be sent to {payload.ref.name}", ("file", "size"), rows)
