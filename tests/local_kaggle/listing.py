"""What datasets, notebooks and models share: who may see one, which of them a list is made of, and in which order."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, TypeVar

from tests.local_kaggle.errors import ApiError, denied
from tests.local_kaggle.names import slugify
from tests.local_kaggle.paging import page

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from kagglesdk.kaggle_object import KaggleObject

    from tests.local_kaggle.world import Caller


class Owned(Protocol):
    """A dataset, a notebook or a model."""

    id: int
    owner: str
    slug: str
    title: str
    is_private: bool

    def is_writer(self, user: str) -> bool:
        """Whether a user owns it or works on it."""


O = TypeVar("O", bound=Owned)  # noqa: E741  # one letter as in paging.T


def readable(record: O | None, caller: Caller, kind: str, missing: int) -> O:
    """The thing, for somebody who may see it.

    Args:
        record: What was found; None for nothing.
        caller: Who asks.
        kind: `datasets`, `kernels` or `models`, as in the name of the permission.
        missing: The status for something that does not exist (Behaviour.missing_…).

    Raises:
        ApiError: 403 for somebody else's private thing, 403 or 404 for nothing.
    """
    if record is None:
        if missing == 403:
            raise denied(f"{kind}.get")
        noun = {"datasets": "Dataset", "kernels": "Notebook", "models": "Model"}[kind]
        raise ApiError(404, f"{noun} not found")
    if not visible(record, caller.user):
        raise denied(f"{kind}.get")
    return record


def visible(record: Owned, user: str) -> bool:
    """Whether a user may see a thing: it is public, or his, or he works on it."""
    return not record.is_private or record.is_writer(user)


def in_use(records: Iterable[O], owner: str, title: str, but: O | None = None) -> bool:
    """Whether a user has another thing (than `but`) of that title, whatever its slug now is; that Kaggle minds this too is open."""
    wanted = slugify(title)
    return any(
        record is not but and record.owner == owner and slugify(record.title) == wanted for record in records
    )


def listed(
    records: Iterable[O],
    request: KaggleObject,
    *,
    owner: str = "",
    keep: Callable[[O], bool],
    order: Callable[[O], float] | None = None,
) -> tuple[list[O], str, int]:
    """One page of a list.

    Args:
        records: Everything that there is.
        request: A list request; its `search` is looked for in title and slug, upper and lower case alike.
        owner: Only things of this user; of everybody when empty.
        keep: The filters that belong to the kind.
        order: What the largest of comes first; without it the newest comes first.

    Returns:
        The page, the token of the next one, and how many things all the pages have.
    """
    wanted = (request.search or "").lower()
    found = [
        record
        for record in records
        if owner in ("", record.owner) and wanted in f"{record.title} {record.slug}".lower() and keep(record)
    ]
    found.sort(key=lambda record: ((order(record) if order else 0.0), record.id), reverse=True)
    cut, token = page(found, request)
    return cut, token, len(found)
