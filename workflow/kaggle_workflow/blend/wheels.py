"""The wheels of a blend's members: the workspace's present ones, or those of their time in a private dataset.

Kaggle mounts the output of the wheel notebook's newest version only. Wheels that an older version made are downloaded and sent as
one dataset with a folder for each set; the run finds a set there by the fingerprint in its manifest.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from kaggle_shim import local
from kaggle_shim.errors import ManifestError
from kaggle_shim.manifest import DEPS_MANIFEST, DepsManifest, short
from kaggle_shim.plan import Input
from kaggle_shim.refs import DatasetRef, NotebookRef
from kaggle_workflow import console
from kaggle_workflow.blend.members import Member
from kaggle_workflow.errors import WorkflowError
from kaggle_workflow.files import remove_tree, scratch
from kaggle_workflow.kaggle import fetching
from kaggle_workflow.kaggle.values import RemoteFile
from kaggle_workflow.names import DATASET_TITLE
from kaggle_workflow.push import dataset as push_dataset
from kaggle_workflow.push import deps as push_deps
from kaggle_workflow.push.dataset_payload import stage_folder
from kaggle_workflow.push.session import Outcome, Push
from kaggle_workflow.stage import compose, plans
from kaggle_workflow.workspace import Workspace


@dataclass(frozen=True)
class Set:
    """Wheels that a version of the wheel notebook made."""

    ref: NotebookRef
    version: int
    manifest: DepsManifest
    files: tuple[RemoteFile, ...]

    @property
    def packages(self) -> dict[str, str]:
        """Version by project."""
        return dict(wheel.path.split("-")[:2] for wheel in self.manifest.wheels)


def dataset_of(workspace: Workspace, name: str) -> DatasetRef:
    """The dataset that carries the wheels of the blend `name`."""
    codes = workspace.codes.id
    tail = re.sub(r"[^a-z0-9]+", "-", f"-{name.lower()}-wheels")
    stem = codes.slug.removesuffix("-codes")[: DATASET_TITLE[-1] - len(tail)]
    return DatasetRef(codes.owner, f"{stem.rstrip('-')}{tail}")


def prepare(push: Push, members: Sequence[Member], ref: DatasetRef) -> tuple[list[Member], tuple[Set, ...]]:
    """Give each member's plan the wheels that it will find mounted.

    Args:
        push: the command.
        members: the members, whose plans name the wheel notebook.
        ref: the dataset for wheels that the present wheel notebook does not make.

    Returns:
        The members, and the wheels to send with that dataset: none when all run with the present ones.

    Raises:
        Refused: `blend-wheels`: sending them was not confirmed.
        WorkflowError: the wheels of a member are no longer on Kaggle.
    """
    sets = {member.name: _find(push, member, one) for member in members if (one := member.wheels) is not None}
    present = _present(push)
    others = {
        name: one
        for name, one in sets.items()
        if present is None or one.manifest.wheels != present.manifest.wheels
    }
    if others:
        _ask(push, {**({"deps": present} if present else {}), **sets}, others, ref)
    found = {}
    for name, made in sets.items():
        if name in others or present is None:
            found[name] = Input(ref, "wheels", made.manifest.fingerprint)
        else:
            found[name] = Input(present.ref, "wheels", present.manifest.fingerprint)
    return [_with_wheels(member, found.get(member.name)) for member in members], tuple(others.values())


def _with_wheels(member: Member, new: Input | None) -> Member:
    inputs = tuple(new if new is not None and one is member.wheels else one for one in member.plan.inputs)
    return replace(member, plan=replace(member.plan, inputs=inputs))


def send(push: Push, sets: Iterable[Set], ref: DatasetRef) -> Outcome:
    """Push wheels as a private dataset with a folder for each set, which stays here as the dataset's local counterpart."""
    place = local.data_folder(push.workspace.root) / ref.mount("namespaced")
    wanted = {short(one.manifest.fingerprint): one for one in sets}
    for other in place.iterdir() if place.is_dir() else ():
        if other.name not in wanted:
            remove_tree(other)
    for name, one in wanted.items():
        items = fetching.items(
            place / name,
            one.files,
            (),
            None,
            lambda file, target: push.kaggle.download_url(file.name, file.url, target),
        )
        fetching.check_size(items, place, yes=push.options.yes, allow=push.options.allow)
        fetching.fetch_all(items, push.say)
    return push_dataset.upload_dataset(push, lambda: stage_folder(push, place, ref))


def contradictions(sets: Mapping[str, Mapping[str, str]]) -> list[str]:
    """The packages that members need in different versions: `loguru 0.6 (exp001-12), 0.7 (exp002-13)`.

    Args:
        sets: version by package, by member.
    """
    used: dict[str, dict[str, str]] = defaultdict(dict)
    for member, packages in sets.items():
        for package, version in packages.items():
            before = used[package].get(version)
            used[package][version] = f"{before} and {member}" if before else member
    return [
        f"{package} " + ", ".join(f"{version} ({whose})" for version, whose in found.items())
        for package, found in sorted(used.items())
        if len(found) > 1
    ]


def _find(push: Push, member: Member, one: Input) -> Set:
    """The wheels that a member ran with: of the recorded version, or of the newest one when it makes the same."""
    deps = member.submission.deps
    recorded = deps.version if deps is not None else None
    ref = one.ref
    if isinstance(ref, NotebookRef):
        for version in dict.fromkeys((recorded, None)):
            found = _read(push, ref, version)
            if found is not None and found.manifest.fingerprint == one.fingerprint:
                return found
    raise WorkflowError(
        f"Submission {member.submission.ref} can't be a member: {ref} no longer has its wheels {short(one.fingerprint or '')}. Leave it out."
    )


def _present(push: Push) -> Set | None:
    """The wheels that Kaggle has now, None unless they are those that the workspace asks for."""
    ref = plans.collecting(push.workspace)
    found = _read(push, ref, None) if ref is not None else None
    return (
        found
        if found is not None and found.manifest.fingerprint == push_deps.wanted(push.workspace)
        else None
    )


def _read(push: Push, ref: NotebookRef, version: int | None) -> Set | None:
    """The wheels of a version, the newest by default; None without any that can be read."""
    there = push.kaggle.notebook(ref, version)
    if there is None or compose.plan_of(there.text) is None:
        return None
    number = version or there.newest
    listed, _ = push.kaggle.output(ref, number)
    sizes = {file.name: file.size for file in push.kaggle.output_sizes(ref, number)}
    files = tuple(RemoteFile(file.name, sizes.get(file.name), file.url) for file in listed)
    own = next((file for file in files if file.name == DEPS_MANIFEST), None)
    if own is None:
        return None
    with scratch(push.workspace.build) as folder:
        push.kaggle.download_url(DEPS_MANIFEST, own.url, folder / DEPS_MANIFEST)
        try:
            manifest = DepsManifest.load(folder / DEPS_MANIFEST)
        except ManifestError:
            return None
    names = {DEPS_MANIFEST, *(wheel.path for wheel in manifest.wheels)}
    return Set(ref, number, manifest, tuple(file for file in files if file.name in names))


def _ask(push: Push, sets: Mapping[str, Set], others: Mapping[str, Set], ref: DatasetRef) -> None:
    """Ask before wheels are sent; the question names the packages that contradict each other."""
    told = contradictions({name: one.packages for name, one in sets.items()})
    why = f"need other versions of the same packages: {'; '.join(told)}" if told else "need other packages"
    once = {one.manifest.fingerprint: one for one in others.values()}
    size = sum(wheel.size for one in once.values() for wheel in one.manifest.wheels)
    sentence = (
        f"The members {why}. Each will run with its own wheels, of which those of {', '.join(others)} "
        f"are sent as the private dataset {ref.name}, {console.size(size)}: confirm with --yes"
    )
    if push.options.dry_run:
        push.warn(sentence)
    else:
        push.refuse("blend-wheels", sentence, expected=True)
