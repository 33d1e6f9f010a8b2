"""Push a notebook: save it when it changed, check Kaggle's answer, and wait for the run of exactly that version."""

from __future__ import annotations

import time
from collections.abc import Callable

from kaggle_workflow import console
from kaggle_workflow.errors import KaggleRefused, RunFailed
from kaggle_workflow.kaggle.errors import AnswerLost
from kaggle_workflow.kaggle.values import Notebook, Run
from kaggle_workflow.push import answers as push_answers
from kaggle_workflow.push import notebook_run, notebook_state
from kaggle_workflow.push.notebook_payload import Payload, Rules
from kaggle_workflow.push.session import Outcome, Push
from kaggle_workflow.stage import compose


def update_notebook(push: Push, rules: Rules, stage: Callable[[], Payload]) -> Outcome:
    """Bring a notebook on Kaggle up to date and wait for its run.

    Args:
        push: the command.
        rules: how this kind of notebook is compared and its run checked.
        stage: stages the notebook; called with the lock held, and again right before it is sent.

    Raises:
        WorkflowError: in all its classes; RunFailed when the run failed.
    """
    with push.lock(f"push: staging {rules.thing}"):
        payload = stage()
    ref = payload.ref
    push.check_owner(ref.owner, f"the notebook {ref.name}")
    push.check_public(metadata_says_public=not payload.folder.metadata.is_private, what=ref.name)
    outcome = Outcome(rules.thing, "unchanged", ref.name, url=push.kaggle.page(f"code/{ref.name}"))
    outcome.fingerprint = payload.marker
    there = notebook_state.find_existing(push, ref)
    intent = push.intents.read(payload.key)
    if intent is not None and not push.options.dry_run:
        there = notebook_state.settle(push, rules, payload, intent, there, outcome)
    if there is not None:
        state = notebook_state.find_current_run(push, rules, payload, there)
        if state is not None and not push.options.force:
            return _go_on(push, rules, payload, there, state, outcome)
    if push.options.dry_run:
        outcome.did = "would send"
        push.list_files(
            ref.name, ((p.name, p.stat().st_size) for p in sorted(payload.staged.folder.iterdir()))
        )
        return outcome
    rules.before()
    version = 0
    with push.sending(f"push: sending {ref.name}") as stale:
        if not stale:
            payload = stage()
            outcome.fingerprint = payload.marker
            version = _save(push, rules, payload, there, outcome)
    if stale:
        # Another command may have sent the same thing: check again.
        return update_notebook(push, rules, stage)
    _record(push, payload, version, outcome)
    try:
        notebook_run.wait_for_run(push, rules, payload, version, outcome)
    except RunFailed as failure:
        late = _not_mounted_yet(payload, there, failure)
        if late is None:
            raise
        push.say(
            f"{failure}\n{ref.name}: {late} is attached for the first time, and Kaggle sometimes mounts a new source only "
            "in the next run: running it again."
        )
        with push.sending(f"push: sending {ref.name}") as stale:
            if stale:
                raise
            version = _save(push, rules, payload, push.kaggle.notebook(ref), outcome)
        outcome.notes.append(f"run twice: {late} was not mounted in the first run")
        _record(push, payload, version, outcome)
        notebook_run.wait_for_run(push, rules, payload, version, outcome)
    return outcome


def _record(push: Push, payload: Payload, version: int, outcome: Outcome) -> None:
    """Record a version that was just saved."""
    outcome.did, outcome.version = "sent", version
    if payload.codes is not None:
        push.known.note(payload.ref.name, version, commit=payload.codes.commit, dirty=payload.codes.dirty)
    _read_back(push, payload, version, outcome)
    push.known.note(payload.ref.name, version, metadata=payload.metadata_hash)


def _not_mounted_yet(payload: Payload, before: Notebook | None, failure: RunFailed) -> str | None:
    """The source that the run did not find and that the version before did not attach; None for any other failure."""
    if "is not mounted below" not in str(failure):
        return None
    attached = {source.lower() for listed in (before.sources if before else {}).values() for source in listed}
    for one in payload.staged.plan.inputs:
        name = getattr(one.ref, "name", str(one.ref))
        known = any(source == name.lower() or source.startswith(f"{name.lower()}/") for source in attached)
        if f"The {one.ref.kind} {one.ref} " in str(failure) and not known:
            return str(one.ref)
    return None


def _go_on(
    push: Push, rules: Rules, payload: Payload, there: Notebook, run: Run, outcome: Outcome
) -> Outcome:
    """Nothing to send: wait for the run of the version on Kaggle if it has not completed."""
    version = there.newest
    outcome.version = version
    if not run.complete:
        outcome.did = "found"
        push.say(f"{payload.ref.name}: version {version} is up to date and still running.")
    if not push.known.of(payload.ref.name, version).get("complete") and not push.options.dry_run:
        notebook_run.wait_for_run(push, rules, payload, version, outcome)
    return outcome


def _save(push: Push, rules: Rules, payload: Payload, there: Notebook | None, outcome: Outcome) -> int:
    """Save the notebook; returns the number of its version."""
    ref = payload.ref
    push.say(f"{rules.thing}: saving {ref.name}, {console.size(compose.sent_size(payload.text))}.")
    started = time.monotonic()
    base = there.newest if there is not None else 0
    try:
        with push.intents.sending(payload.key, payload.marker, base):
            saved = push.kaggle.save_notebook(payload.staged.folder, payload.accelerator)
    except AnswerLost as error:
        push.warn(f"{error}")
        found = push.waits.find_lost(
            f"the version of {ref.name}",
            lambda show: notebook_state.find_saved(push, rules, payload, base, show),
            lengthen=False,
        )
        push.intents.close(payload.key)
        outcome.notes.append("Kaggle's answer was lost, and the version was found")
        return found.newest
    push.intents.close(payload.key)
    outcome.seconds["upload"] = round(time.monotonic() - started, 2)
    outcome.url = saved.url or outcome.url
    for tag in saved.invalid.get("tag", ()):
        push.warn(f"Kaggle does not know the keyword {tag}: it was skipped.")
    return push_answers.accepted_version(saved, ref)


def _read_back(push: Push, payload: Payload, version: int, outcome: Outcome) -> None:
    """Compare the saved version with what was sent."""
    there = push.kaggle.notebook(payload.ref, version)
    if there is None:
        raise KaggleRefused(
            f"Kaggle accepted {payload.ref.name}, but does not show version {version}: check {outcome.url}, then push again."
        )
    grave, others = push_answers.differences(payload.metadata, there)
    if not compose.same(there.text, payload.text):
        others.append("the source on Kaggle differs from what was sent; the run checks the fingerprints")
    # Imported here: a push that changes nothing doesn't need it.
    from kaggle_workflow.push import pins

    others += pins.rebound(payload.metadata, there)
    for sentence in others:
        push.warn(f"{payload.ref.name} version {version}: {sentence}.")
        outcome.notes.append(sentence)
    if grave:
        raise KaggleRefused(
            f"{payload.ref.name} version {version}: {'; '.join(grave)}. Correct that on {outcome.url}, then push again."
        )
