"""The errors that a call can end with."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

_STATUS = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    409: "ALREADY_EXISTS",
    415: "INVALID_ARGUMENT",
    429: "RESOURCE_EXHAUSTED",
    500: "INTERNAL",
    501: "UNIMPLEMENTED",
    503: "UNAVAILABLE",
}


class ApiError(Exception):
    """Ends a call with an HTTP status and Kaggle's JSON error body.

    The body's form, `{"code": 4xx, "message": "…"}`, is the one that `kagglesdk.kaggle_http_client` reads.
    """

    def __init__(self, code: int, message: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.headers = dict(headers or {})

    def body(self, form: str = "flat") -> dict[str, object]:
        """The JSON body of the answer, in one of the forms of Behaviour.error_form."""
        flat: dict[str, object] = {"code": self.code, "message": self.message}
        return {"error": {**flat, "status": _STATUS.get(self.code, "UNKNOWN")}} if form == "nested" else flat


def denied(permission: str) -> ApiError:
    """A 403 in the words that Kaggle uses: the permission's name in single quotes.

    The form is cited by kaggle 2.2.4 itself (`kernels_status`) and by users (kaggle-cli issue 642).
    """
    return ApiError(403, f"Permission '{permission}' was denied")


class SetupError(Exception):
    """The server was started or prepared wrongly: the sentence says what to change."""
