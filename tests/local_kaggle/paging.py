"""Lists come in pages: by opaque token, or by number where the request has `page`."""

from __future__ import annotations

import base64
import binascii
from typing import TYPE_CHECKING, TypeVar

from tests.local_kaggle.errors import ApiError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kagglesdk.kaggle_object import KaggleObject

T = TypeVar("T")
DEFAULT_PAGE_SIZE = 20
LARGEST_PAGE = 200
"""As the help of kaggle 2.2.4 says; a request for more is answered with so many."""


def page(items: Sequence[T], request: KaggleObject) -> tuple[list[T], str]:
    """Cuts the page that a request asks for.

    Args:
        items: The whole list, in a stable order.
        request: A kagglesdk request with `page_size`, `page_token` and perhaps `page`.

    Returns:
        The page and the token of the next one, empty at the end. A token wins over a page number.

    Raises:
        ApiError: 400 for a token that this server never gave, a negative size, or neither token nor page number where the
            request has one: kaggle 2.2.4 always says page 1, and whether Kaggle does without is open.
    """
    size = min(getattr(request, "page_size", None) or DEFAULT_PAGE_SIZE, LARGEST_PAGE)
    if size < 0:
        raise ApiError(400, "pageSize has to be positive")
    token = getattr(request, "page_token", None)
    number = getattr(request, "page", 1)
    if not token and (number or 0) < 1:
        raise ApiError(400, "page has to be positive")
    start = _offset(token) if token else (number - 1) * size
    rest = start + size < len(items)
    return list(items[start : start + size]), _token(start + size) if rest else ""


def _token(offset: int) -> str:
    return base64.urlsafe_b64encode(f"from:{offset}".encode()).decode()


def _offset(token: str) -> int:
    try:
        offset = int(base64.urlsafe_b64decode(token).decode().removeprefix("from:"))
    except (binascii.Error, ValueError) as error:
        raise ApiError(400, "Invalid page token") from error
    if offset < 0 or _token(offset) != token:
        raise ApiError(400, "Invalid page token")
    return offset
