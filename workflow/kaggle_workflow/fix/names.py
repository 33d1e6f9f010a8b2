"""Repairs of names: ids of another account, placeholders, titles that are not their slug."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass

from kaggle_workflow import names, pasted
from kaggle_workflow.answers import Answers
from kaggle_workflow.fix.drafts import Draft, texts_in
from kaggle_workflow.metadata import DATASET_FILE, KERNEL_FILE
from kaggle_workflow.workspace import CODES

_ID = re.compile(r"(?P<owner>[A-Za-z0-9][A-Za-z0-9_-]*)/(?P<slug>[A-Za-z0-9][A-Za-z0-9_.-]*)\Z")


@dataclass(frozen=True)
class Own:
    """The code dataset or one of our notebooks, as its metadata file names it now."""

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
        """Whether the id is still a placeholder."""
        return self.owner in names.PLACEHOLDERS or bool(names.TEMPLATE_WORDS.search(self.slug))


def fix_names(draft: Draft, notebooks: tuple[str, ...], answers: Answers | None, *, owners: bool) -> None:
    """Repair ids and titles.

    Args:
        draft: takes the edits.
        notebooks: folders with a notebook.
        answers: what copier was told.
        owners: whether an id of another account is a fault (not where `workspace.owner` says who pushes).
    """
    paths = [f"{CODES}/{DATASET_FILE}", *(f"{name}/{KERNEL_FILE}" for name in notebooks)]
    for path in paths:
        _strip_page(draft, path)
    found = [own for path in paths if (own := _own(draft, path)) is not None]
    told = answers.given("username") if answers else None
    owner, stem = told or _owner(found), _stem(found, answers)
    # Ids of two accounts may be right (a team-mate's dataset): only the user can tell.
    mixed = any(one.owner == told for one in found)
    for one in found:
        wanted = _wanted(one, owner, stem, owners=owners and told is not None)
        if wanted != one.name and mixed and not one.placeholder:
            where = answers.file if answers else ""
            sentence = f"the id {one.name} does not belong to {told}, the username in {where}. Change it to {wanted} if it should."
            draft.note("username", one.path, sentence)
        elif wanted != one.name:
            _rename(draft, notebooks, one, wanted)
    for path in paths:
        _title(draft, path)
    competition = _competition(draft, notebooks, answers)
    _placeholders(draft, answers, {"competition": competition, "prefix": stem, "username": owner})


def _placeholders(draft: Draft, answers: Answers | None, known: dict[str, str | None]) -> None:
    """Write the names that the metadata gives where `copier copy --defaults` left placeholders in other files."""
    for path in ("README.md", "pyproject.toml", *([answers.file] if answers else ())):
        text = draft.text(path) or ""
        for key, value in known.items():
            if value:
                text = re.sub(rf"(?m)^({key}: )your-\w+$", rf"\g<1>{value}", text)
        if known["prefix"]:
            text = re.sub(r"your-competition(?=-(?:codes|deps|sub|workspace)\b)", known["prefix"], text)
        if known["competition"]:
            text = re.sub(r"(?<!prefix: )your-competition\b(?!-)", known["competition"], text)
        if text:
            draft.edit("placeholder", path, text, "it has placeholders for names that the metadata gives.")


def _strip_page(draft: Draft, path: str) -> None:
    """An id that is the address of a page (older versions of `kernels pull -m` wrote `/code/owner/slug`)."""
    ident = draft.json(path).get("id")
    if isinstance(ident, str) and not _ID.match(ident):
        wanted = pasted.as_reference("dataset" if path.endswith(DATASET_FILE) else "notebook", ident)
        if wanted is not None:
            sentence = f"the id {ident} is the address of a page, not owner/slug."
            draft.set_value("id", path, "id", wanted, sentence)


def _own(draft: Draft, path: str) -> Own | None:
    match = _ID.match(str(draft.json(path).get("id")))
    return Own(path.partition("/")[0], path, match["owner"], match["slug"]) if match else None


def _owner(found: list[Own]) -> str | None:
    """The account that most of these ids name, None when none names one."""
    said = Counter(one.owner for one in found if one.owner not in names.PLACEHOLDERS)
    return said.most_common(1)[0][0] if said else None


def _stem(found: list[Own], answers: Answers | None) -> str | None:
    """The prefix of our names: from a name that ends in its folder's name, else the one given to copier."""
    for one in found:
        if not one.placeholder and one.slug.endswith(f"-{one.folder}"):
            return one.slug.removesuffix(f"-{one.folder}")
    return answers.values.get("prefix") if answers and answers.given("competition") else None


def _wanted(one: Own, owner: str | None, stem: str | None, *, owners: bool) -> str:
    if one.placeholder:
        return f"{owner or one.owner}/{f'{stem}-{one.folder}' if stem and owner else one.slug}"
    return f"{owner}/{one.slug}" if owner and owners else one.name


def _rename(draft: Draft, notebooks: tuple[str, ...], one: Own, wanted: str) -> None:
    owner, slug = wanted.split("/")
    why = (
        "is a placeholder" if one.placeholder else f"does not belong to {owner}, the username given to copier"
    )
    if slug != one.slug:
        draft.set_value("username", one.path, "title", slug, f"the title follows the id {wanted}.")
    sentence = f"the id {one.name} {why}: it becomes {wanted}."
    draft.set_value("username", one.path, "id", wanted, sentence, reported=one.placeholder)
    key = "dataset_sources" if one.folder == CODES else "kernel_sources"
    for path in (f"{name}/{KERNEL_FILE}" for name in notebooks):
        for value in texts_in(draft.json(path).get(key)):
            if value == one.name or value.startswith(f"{one.name}/"):
                new = wanted + value[len(one.name) :]
                draft.set_item("username", path, key, value, new, f"{value} becomes {new}.", reported=False)


def _title(draft: Draft, path: str) -> None:
    about = draft.json(path)
    match = _ID.match(str(about.get("id")))
    if match is None:
        return
    title, slug = about.get("title"), match["slug"]
    of_dataset = path.startswith(f"{CODES}/")
    allowed = names.DATASET_TITLE if of_dataset else names.NOTEBOOK_TITLE
    fits = isinstance(title, str) and len(title) in allowed
    if not of_dataset:
        fits = fits and names.slugify(str(title)) == slug.lower()
    if not fits and len(slug) in allowed and names.slugify(slug) == slug.lower():
        sentence = f"the title {title!r} does not match the id {about['id']}."
        draft.set_value("title-slug", path, "title", slug, sentence)


def _competition(draft: Draft, notebooks: tuple[str, ...], answers: Answers | None) -> str | None:
    """Replace placeholders for the competition by the slug that copier was told, or that another notebook attaches; returns it."""
    paths = [f"{name}/{KERNEL_FILE}" for name in notebooks]
    listed = {path: set(texts_in(draft.json(path).get("competition_sources"))) for path in paths}
    real = set().union(*listed.values()) - names.PLACEHOLDERS
    told = answers.given("competition") if answers else None
    if told:
        slug = told.rstrip("/").split("/competitions/")[-1].split("/")[0]
    elif len(real) == 1:
        slug = real.pop()
    else:
        return None
    for path, slugs in listed.items():
        for old in names.PLACEHOLDERS & slugs:
            sentence = f"{old} is a placeholder: it becomes {slug}."
            draft.set_item("competition", path, "competition_sources", old, slug, sentence)
    return slug
