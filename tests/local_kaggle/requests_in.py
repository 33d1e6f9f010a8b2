"""What a client sent, taken into kagglesdk's request objects; whatever does not fit is a 400 and never a 500.

kagglesdk's own `from_dict` trusts the server at the other end: it keeps a number where a string belongs. So each value is
looked at first, by the types that kagglesdk declares. As in protobuf's JSON form, null means absent, an unknown field is
ignored, and an integer may be written as a string.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from kagglesdk.kaggle_object import (
    KaggleObject,
    KaggleObjectSerializer,
    ListSerializer,
    MapSerializer,
    PredefinedSerializer,
)

from tests.local_kaggle.errors import ApiError

if TYPE_CHECKING:
    from kagglesdk.kaggle_object import FieldMetadata

_LARGEST = 2**63
_JSON_NAMES = {str: "a string", int: "an integer", float: "a number", bool: "true or false"}


def read_request(kind: type[KaggleObject], body: object) -> KaggleObject:
    """Turns a JSON body into the request object.

    Args:
        kind: The request's type.
        body: What was parsed of the JSON text; a message that is absent below it becomes an empty one.

    Raises:
        ApiError: 400 that names the field which does not fit.
    """
    if not isinstance(body, dict):
        raise ApiError(400, "The request's body has to be a JSON object")
    try:
        request = kind.from_dict(_checked_object(kind, body, ""))
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise ApiError(400, f"The request does not fit {kind.__name__}: {error!r}") from error
    for field in kind._fields:  # kagglesdk's description of a message; it has no other
        message = isinstance(field.serializer, KaggleObjectSerializer) and not field.optional
        if message and getattr(request, field.private_field_name) is None:
            setattr(request, field.private_field_name, field.field_type())
    return request


def _checked_object(kind: type[KaggleObject], body: Mapping[str, Any], where: str) -> dict[str, object]:
    known: dict[str, FieldMetadata] = {field.json_name: field for field in kind._fields}
    return {
        name: _checked(known[name], value, f"{where}{name}")
        for name, value in body.items()
        if name in known and value is not None
    }


def _checked(field: FieldMetadata, value: object, where: str) -> object:
    if isinstance(field.serializer, ListSerializer):
        if not isinstance(value, list):
            raise _misfit(where, "a list")
        return [_checked_one(field.field_type, each, f"{where}[{n}]") for n, each in enumerate(value)]
    if isinstance(field.serializer, MapSerializer):
        if not isinstance(value, dict):
            raise _misfit(where, "an object")
        return {key: _checked_one(field.field_type, each, f"{where}.{key}") for key, each in value.items()}
    if isinstance(field.serializer, PredefinedSerializer | KaggleObjectSerializer):
        return _checked_one(field.field_type, value, where)
    return _checked_one(str, value, where)  # enums, times, durations and masks are written as strings


def _checked_one(kind: type, value: object, where: str) -> object:
    """One value of a scalar or message type, or an enum's name."""
    if kind not in _JSON_NAMES:
        if not issubclass(kind, KaggleObject):
            return _checked_one(str, value, where)
        if not isinstance(value, dict):
            raise _misfit(where, "an object")
        return _checked_object(kind, value, f"{where}.")
    if kind is int and isinstance(value, str) and value.lstrip("-").isdecimal() and len(value) < 20:
        value = int(value)
    if kind is float and type(value) is int:
        return float(value) if abs(value) < _LARGEST else _refuse(where, kind)
    if type(value) is not kind or (isinstance(value, int) and not -_LARGEST <= value < _LARGEST):
        return _refuse(where, kind)
    if isinstance(value, str) and ("\0" in value or not _is_unicode(value)):
        raise _misfit(where, "a string of valid Unicode without NUL")
    return value


def _is_unicode(text: str) -> bool:
    """Whether a text can be written as UTF-8: JSON can say half a surrogate pair, which cannot."""
    return not any("\ud800" <= character <= "\udfff" for character in text)


def _refuse(where: str, kind: type) -> object:
    raise _misfit(where, _JSON_NAMES[kind])


def _misfit(where: str, wanted: str) -> ApiError:
    return ApiError(400, f"Invalid value for {where}: it has to be {wanted}")
