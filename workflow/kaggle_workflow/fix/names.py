"""Repairs of names: ids of another account, placeholders, titles that are not their slug."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass

from kaggle_workflow import names, pasted
from kaggle_workflow.answers import Answers
from kaggle_workflow.edit import json_edit
from kaggle_workflow.fix.drafts import Draft
from kaggle_workflow.metadata import DATASET_FILE, KERNEL_FILE
from kaggle_workflow.workspace import CODES

_ID = re.compile(r"(?P<owner>[A-Za-z0-9][A-Za-z0-9_-]*)/(?P<slug>[A-Za-z0-9][A-Za-z0-9_.-]*)\Z")


@dataclass(frozen=True)
class Own:
    """One of our three kinds of things, as its metadata file names it now."""

    folder: str
    path: str
    owner: str
    slug: str

    @property
    def name(self) -> str:
        """`owner/slug`."""
        return f"{self.owner}/{self.slug}"

    @property
    def placeholder(self) -> bool:
        """Whether the id still stands for one that was never given."""
        return self.owner in names.PLACEHOLDERS or bool(names.TEMPLATE_WORDS.search(self.slug))


def apply(draft: Draft, notebooks: tuple[str, ...], answers: Answers | None, *, owners: bool) -> None:
    """Repair ids and titles.

    Args:
        draft: takes the edits.
        notebooks: folders that hold a notebook.
        answers: what copier was told.
        owners: whether an id of another account is a fault (not where `workspace.owner` says who pushes).
    """
    for path in _paths(notebooks):
        _strip_page(draft, path)
    found = _own(draft, notebooks)
    told = answers.given("username") if answers else None
    owner, stem = told or _owner(found), _stem(found, answers)
    # Ids of two accounts may be meant so (a team-mate's dataset): then only a person can tell.
    mixed = any(one.owner == told for one in found)
    for one in found:
        wanted = _wanted(one, owner, stem, owners=owners and told is not None)
        if wanted != one.name and mixed and not one.placeholder:
            draft.note(
                "username",
                one.path,
                f"the id {one.name} is not of {told}, the username in {answers.file if answers else ''}: write {wanted} if it should be.",
            )
        elif wanted != one.name:
            _rename(draft, notebooks, one, wanted, answers)
    for path in _paths(notebooks):
        _title(draft, path)
    competition = _competition(draft, notebooks, answers)
    _placeholders(draft, answers, {"competition": competition, "prefix": stem, "username": owner})


def _placeholders(draft: Draft, answers: Answers | None, known: dict[str, str | None]) -> None:
    """Write the names that the metadata gives where `copier copy --defaults` left placeholders in other files."""
    for path in ("README.md", "pyproject.toml", *([answers.file] if answers else ())):
        text = after = draft.text(path) or ""
        for key, value in known.items():
            if value:
                after = re.sub(rf"(?m)^({key}: )your-\w+$", rf"\g<1>{value}", after)
        if known["prefix"]:
            after = re.sub(r"your-competition(?=-(?:codes|deps|sub|workspace)\b)", known["prefix"], after)
        if known["competition"]:
            after = re.sub(r"(?<!prefix: )your-competition\b(?!-)", known["competition"], after)
        if after != text:
            draft.edit("placeholder", path, after, "it holds placeholders, and the metadata has the names.")


def _paths(notebooks: tuple[str, ...]) -> list[str]:
    return [f"{CODES}/{DATASET_FILE}", *(f"{name}/{KERNEL_FILE}" for name in notebooks)]


def _strip_page(draft: Draft, path: str) -> None:
    """An id that is the address of a page (older versions of `kernels pull -m` wrote `/code/owner/slug`)."""
    about = draft.json(path)
    ident = about.get("id") if about else None
    kind = "dataset" if path.endswith(DATASET_FILE) else "notebook"
    if not isinstance(ident, str) or _ID.match(ident):
        return
    wanted = pasted.meant(kind, ident)
    if wanted is not None:
        text = json_edit.set_value(draft.text(path) or "", "id", wanted)
        draft.edit("id", path, text, f"the id {ident} is the address of a page, not owner/slug.", told=True)


def _own(draft: Draft, notebooks: tuple[str, ...]) -> list[Own]:
    found = []
    for path in _paths(notebooks):
        about = draft.json(path)
        match = _ID.match(str(about.get("id"))) if about else None
        if match is not None:
            found.append(Own(path.split("/")[0], path, match["owner"], match["slug"]))
    return found


def _owner(found: list[Own]) -> str | None:
    """The account that most of these ids name, None when none names one."""
    said = Counter(one.owner for one in found if one.owner not in names.PLACEHOLDERS)
    return said.most_common(1)[0][0] if said else None


def _stem(found: list[Own], answers: Answers | None) -> str | None:
    """What our names begin with: taken from a name that ends in its folder's, else the prefix that copier was told."""
    for one in found:
        if not one.placeholder and one.slug.endswith(f"-{one.folder}"):
            return one.slug.removesuffix(f"-{one.folder}")
    return answers.values.get("prefix") if answers and answers.given("competition") else None


def _wanted(one: Own, owner: str | None, stem: str | None, *, owners: bool) -> str:
    if one.placeholder:
        return f"{owner or one.owner}/{f'{stem}-{one.folder}' if stem and owner else one.slug}"
    return f"{owner}/{one.slug}" if owner and owners else one.name


def _rename(draft: Draft, notebooks: tuple[str, ...], one: Own, wanted: str, answers: Answers | None) -> None:
    old = one.name
    if one.placeholder:
        why = f"the id {old} stands for a name that was never given; {wanted} is it."
    else:
        why = f"the id {old} is not of {wanted.partition('/')[0]}, the username in {answers.file if answers else 'the other ids'}; it becomes {wanted}."
    text = json_edit.set_value(draft.text(one.path) or "", "id", wanted)
    slug = wanted.split("/")[1]
    if slug != one.slug:
        text = json_edit.set_value(text, "title", slug)
    draft.edit("username", one.path, text, why, told=one.placeholder)
    key = "dataset_sources" if one.folder == CODES else "kernel_sources"
    for name in notebooks:
        _resource(draft, f"{name}/{KERNEL_FILE}", key, old, wanted)


def _resource(draft: Draft, path: str, key: str, old: str, wanted: str) -> None:
    about = draft.json(path)
    listed = about.get(key) if about else None
    for value in listed if isinstance(listed, list) else []:
        if isinstance(value, str) and (value == old or value.startswith(f"{old}/")):
            text = json_edit.set_item(draft.text(path) or "", key, value, wanted + value[len(old) :])
            draft.edit("username", path, text, f"{key} holds {value}, which is {wanted} now.")


def _title(draft: Draft, path: str) -> None:
    about = draft.json(path)
    match = _ID.match(str(about.get("id"))) if about else None
    if about is None or match is None:
        return
    title, slug = about.get("title"), match["slug"]
    allowed = names.DATASET_TITLE if path.startswith(f"{CODES}/") else names.NOTEBOOK_TITLE
    fits = (
        isinstance(title, str)
        and len(title) in allowed
        and (allowed is names.DATASET_TITLE or names.slugify(title) == slug.lower())
    )
    if not fits and len(slug) in allowed and names.slugify(slug) == slug.lower():
        text = json_edit.set_value(draft.text(path) or "", "title", slug)
        draft.edit(
            "title-slug",
            path,
            text,
            f"the title {title!r} does not make the slug of {about['id']}.",
            told=True,
        )


def _competition(draft: Draft, notebooks: tuple[str, ...], answers: Answers | None) -> str | None:
    """Replace placeholders for the competition by the slug that copier was told, or that another notebook attaches; returns it."""
    listed = {name: _sources(draft, name) for name in notebooks}
    real = {slug for slugs in listed.values() for slug in slugs if slug not in names.PLACEHOLDERS}
    told = answers.given("competition") if answers else None
    slug = (
        told.rstrip("/").split("/competitions/")[-1].split("/")[0]
        if told
        else (real.pop() if len(real) == 1 else None)
    )
    if slug is None:
        return None
    for name, slugs in listed.items():
        for old in names.PLACEHOLDERS & set(slugs):
            path = f"{name}/{KERNEL_FILE}"
            text = json_edit.set_item(draft.text(path) or "", "competition_sources", old, slug)
            draft.edit(
                "competition",
                path,
                text,
                f"{old} stands for the competition's slug; {slug} is it.",
                told=True,
            )
    return slug


def _sources(draft: Draft, name: str) -> list[str]:
    about = draft.json(f"{name}/{KERNEL_FILE}")
    value = about.get("competition_sources") if about else None
    return [slug for slug in value if isinstance(slug, str)] if isinstance(value, list) else []
