"""Parse and validate the bodies and query strings of control API calls into dataclasses."""

import json
import types
from dataclasses import MISSING, fields
from enum import StrEnum
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

from starlette.requests import Request

T = TypeVar("T")

_LIMIT = 4 * 1024 * 1024  # bytes of one control call
_WORDS = {str: "a string", int: "a whole number", float: "a number", bool: "true or false"}


class Refused(Exception):
    """An invalid control API call; the text says what is wrong and what to do. `status` is HTTP's."""

    def __init__(self, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.status = status


async def read(request: Request, cls: type[T]) -> T:
    """Build `cls` from the call's JSON object; raise Refused for wrong, missing and unknown members."""
    return build(await _object(request), cls)


def query(request: Request, cls: type[T]) -> T:
    """Build `cls` from the query string, parsing integers; the parameter `from` fills the field `from_`."""
    hints = get_type_hints(cls)
    found: dict[str, Any] = {}
    for name, text in request.query_params.items():
        whole_number = (
            int in (hints.get(name), *get_args(hints.get(name))) and text.isascii() and text.isdigit()
        )
        found[name] = int(text) if whole_number else text
    return build(found, cls)


def build(members: dict[str, Any], cls: type[T]) -> T:
    """Build `cls` from decoded JSON; raise Refused as `read` does."""
    hints = get_type_hints(cls)
    known = {spec.name.rstrip("_"): spec for spec in fields(cls)}  # type: ignore[arg-type]
    for name in members.keys() - known.keys():
        raise Refused(f"Unknown member {name!r}. Use {', '.join(sorted(known))}.")
    for name, spec in known.items():
        if name not in members and spec.default is MISSING and spec.default_factory is MISSING:
            raise Refused(f"{name!r} is missing. Set it to {_expected(hints[spec.name])}.")
    return cls(
        **{known[name].name: _value(name, value, hints[known[name].name]) for name, value in members.items()}
    )


async def _object(request: Request) -> dict[str, Any]:
    octets = b""
    async for chunk in request.stream():
        octets += chunk
        if len(octets) > _LIMIT:
            raise Refused(f"The body is larger than {_LIMIT} bytes. Split the call into smaller ones.", 413)
    try:
        content = json.loads(octets or b"{}")
    except ValueError as error:
        raise Refused(f"The body is not valid JSON ({error}). Send one JSON object.") from error
    if not isinstance(content, dict):
        raise Refused("The body is not a JSON object. Send one, such as {}.")
    return content


def _value(name: str, value: Any, kind: Any) -> Any:
    for option in _options(kind):
        if option is type(None) and value is None:
            return None
        if get_origin(option) is list and isinstance(value, list):
            return [_value(f"{name}[{at}]", item, get_args(option)[0]) for at, item in enumerate(value)]
        if isinstance(option, type) and issubclass(option, StrEnum) and value in list(option):
            return option(value)
        if option is float and type(value) is int:
            return float(value)
        if option is type(value):
            return value
    raise Refused(f"{name!r} cannot be {json.dumps(value)[:80]}. Set it to {_expected(kind)}.")


def _options(kind: Any) -> tuple[Any, ...]:
    return get_args(kind) if get_origin(kind) in (Union, types.UnionType) else (kind,)


def _expected(kind: Any) -> str:
    words: list[str] = []
    for option in _options(kind):
        if get_origin(option) is list:
            words.append(f"a list, each item {_expected(get_args(option)[0])}")
        elif isinstance(option, type) and issubclass(option, StrEnum):
            words.append("one of " + ", ".join(option))
        elif option is not type(None):
            words.append(_WORDS[option])
    return " or ".join(words)
