"""Conversion of ids, timestamps, enums and parameters of messages between protobuf and Python."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, TypeVar
from uuid import UUID

from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp

from chassis.errors import InvalidField, NotFound

M = TypeVar("M", bound=Message)

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def id_of(text: str, unknown: type[NotFound]) -> UUID:
    """Return the UUID in the text; raises `unknown` if it is not one, as no resource can have that id."""
    try:
        return UUID(text)
    except ValueError:
        raise unknown from None


def time_of(field: str, stamp: Timestamp) -> datetime:
    """Return a timestamp as datetime; raises InvalidField if it is out of range."""
    try:
        return stamp.ToDatetime(tzinfo=UTC)
    except (ValueError, OverflowError):
        raise InvalidField(field, "OUT_OF_RANGE", least="0001-01-01", most="9999-12-31") from None


def stamp_of(time: datetime | None) -> Timestamp | None:
    """Return a datetime as timestamp; None stays None."""
    if time is None:
        return None
    since = time - _EPOCH  # `FromDatetime` takes four times as long
    return Timestamp(seconds=since.days * 86_400 + since.seconds, nanos=since.microseconds * 1_000)


def value_of(enum: type[Any], name: str) -> Any:
    """Return the value of an enum by its name without the prefix; unspecified if no value has it."""
    return _number(enum.DESCRIPTOR, name)


def parameters_of(message: type[M], stored: Mapping[str, Any] | None) -> M | None:
    """Return the stored parameters of a message; None if there are none.

    Enums are stored by their names without the prefix. Parameters of a newer release are left out.
    """
    fields = message.DESCRIPTOR.fields_by_name
    known = {name: _value(fields[name], value) for name, value in (stored or {}).items() if name in fields}
    return message(**known) if known else None


def _value(field: Any, stored: Any) -> Any:
    if field.enum_type is None:
        return stored
    if isinstance(stored, str):
        return _number(field.enum_type, stored)
    return [number for each in stored if (number := _number(field.enum_type, each))]


def _number(enum: Any, name: str) -> int:
    prefix = enum.values_by_number[0].name.removesuffix("UNSPECIFIED")
    value = enum.values_by_name.get(f"{prefix}{name}")
    return value.number if value else 0
