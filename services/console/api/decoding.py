"""Decodes JSON bodies as models, and names the first cause if a body is invalid.

Unknown keys are ignored, as Resend does, except those that are almost a field: an email whose `scheduledAt`
was ignored would leave at once.
"""

import json
import re
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from functools import cache
from typing import Any, TypeAlias, TypeVar

import msgspec

from services.console.api import errors, models
from services.console.api.errors import Rejected

CLOSE = 0.9  # of difflib's ratio: `header` is close to `headers`, and `contents` to `content`
LONGEST_KEY = 40  # characters; comparing is quadratic in them
SHOWN = 80  # characters of a key in an error

NOT_JSON = "The body is not JSON. Send one JSON document in UTF-8."

# An escape that may be half of a surrogate pair, or the bytes of one half, which UTF-8 does not allow.
_HALF = re.compile(rb"\\u[dD][89a-fA-F]|\xed[\xa0-\xbf]")
# Consumes escaped backslashes and whole pairs, so that what remains for the group is unpaired.
_PAIRS = re.compile(
    rb"\\\\|\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}"
    rb"|(\\u[dD][89a-fA-F][0-9a-fA-F]{2}|\xed[\xa0-\xbf][\x80-\xbf])"
)
_SURROGATE = re.compile("[\ud800-\udfff]")
_INDEX = re.compile(r"\[\d+\]")

Model = TypeVar("Model", bound=models.Body)
Value = TypeVar("Value")
Json: TypeAlias = bytes | msgspec.Raw  # a Raw is part of a body and does not copy it


def decoded(content: bytes, model: type[Model]) -> Model:
    """Return JSON decoded as a model. Raise Rejected with the path of the first invalid value.

    An unpaired surrogate is replaced by U+FFFD in the model's texts, and rejected elsewhere.
    """
    content = _without_surrogates(content, model.texts)
    _reject_near_misses(content, model)
    return _read(content, model)


def items_of(content: bytes) -> list[bytes]:
    """Return the items of a JSON array, each as JSON. Raise Rejected."""
    if not has_unpaired_surrogates(content):
        return [bytes(each) for each in _read(content, list[msgspec.Raw])]
    # An unpaired surrogate stays in its item, so that only this item of the array is affected.
    document = _lenient(content)
    if not isinstance(document, list):
        raise Rejected(errors.INVALID, "The body is invalid: expected `array`.")
    return [json.dumps(each).encode() for each in document]


def _read(content: bytes, shape: type[Value]) -> Value:
    try:
        return msgspec.json.decode(content, type=shape)
    except msgspec.ValidationError as error:
        raise _mismatch(str(error), content) from None
    except (ValueError, RecursionError):
        raise Rejected(errors.MALFORMED, NOT_JSON) from None


def has_unpaired_surrogates(content: bytes) -> bool:
    """Return whether JSON has half of a surrogate pair in it."""
    return _HALF.search(content) is not None and any(each[1] for each in _PAIRS.finditer(content))


def _without_surrogates(content: bytes, texts: frozenset[str]) -> bytes:
    """Return content with U+FFFD for each unpaired surrogate in a text. Raise Rejected for one elsewhere."""
    if not has_unpaired_surrogates(content):
        return content
    for path in _unpaired(_lenient(content), ""):
        if _INDEX.sub("[]", path) not in texts:
            shown = _SURROGATE.sub("\ufffd", path[:SHOWN]) or "The body"
            message = f"`{shown}` has an unpaired surrogate, which is not a character. Remove it."
            raise Rejected(errors.INVALID, message)
    return _PAIRS.sub(lambda found: b"\xef\xbf\xbd" if found[1] else found[0], content)


def _lenient(content: bytes) -> Any:
    """Return JSON decoded with its unpaired surrogates, which msgspec does not allow. Raise Rejected."""
    try:
        return json.loads(content.decode("utf-8", "surrogatepass"), parse_constant=_reject_constant)
    except (ValueError, RecursionError):
        raise Rejected(errors.MALFORMED, NOT_JSON) from None


def _reject_constant(name: str) -> None:
    """Raise ValueError for NaN and Infinity, which Python reads and JSON does not have."""
    raise ValueError(name)


def _unpaired(value: Any, path: str) -> Iterator[str]:
    """Yield the path of each string, or of each object with a key, that has an unpaired surrogate."""
    if isinstance(value, str) and _SURROGATE.search(value):
        yield path
    elif isinstance(value, dict):
        for key, item in value.items():
            inner = f"{path}.{key}".removeprefix(".")
            yield from _unpaired(key, inner)
            yield from _unpaired(item, inner)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            if not isinstance(item, int):  # an attachment may have millions of bytes as numbers
                yield from _unpaired(item, f"{path}[{index}]")


def _reject_near_misses(content: Json, model: type[models.Body], path: str = "") -> None:
    """Raise Rejected for a key that is almost a field; leave everything else that is wrong to the decoder."""
    try:
        given = msgspec.json.decode(content, type=dict[str, msgspec.Raw])
    except (ValueError, RecursionError):
        return
    for key, value in given.items():
        if (meant := _meant(key, model)) is not None:
            message = f"`{path}{key[:SHOWN]}` is not a field. Use `{path}{meant}`."
            raise Rejected(errors.INVALID, message)
        if (part := model.parts.get(key)) is not None:
            _reject_near_misses_in(value, part, f"{path}{key}")


def _reject_near_misses_in(content: msgspec.Raw, part: type[models.Body], path: str) -> None:
    """Check a field that is an object, or a list of objects."""
    if bytes(memoryview(content)[:1]) != b"[":
        _reject_near_misses(content, part, f"{path}.")
        return
    try:
        items = msgspec.json.decode(content, type=list[msgspec.Raw])
    except (ValueError, RecursionError):
        return
    for index, item in enumerate(items[: models.MOST_ENTRIES]):
        _reject_near_misses(item, part, f"{path}[{index}].")


@cache
def _names(model: type[models.Body]) -> tuple[str, ...]:
    return tuple(each.encode_name for each in msgspec.structs.fields(model))


@cache
def _fields(model: type[models.Body]) -> Mapping[str, str]:
    """Return the fields of a model, each by its name in plain letters; of aliases, the first field."""
    return {_plain(name): name for name in reversed(_names(model))}


def _meant(key: str, model: type[models.Body]) -> str | None:
    """Return the field that a key almost names; None for a field, and for a key that is like no field."""
    if key in _names(model) or len(key) > LONGEST_KEY:
        return None
    plain, fields = _plain(key), _fields(model)
    close = [plain] if plain in fields else get_close_matches(plain, fields, 1, CLOSE)
    return fields[close[0]] if close else None


def _plain(name: str) -> str:
    return "".join(char for char in name.lower() if char.isalnum())


def _mismatch(text: str, content: bytes) -> Rejected:
    """Return the error for a message of msgspec such as ``Expected `str`, got `int` - at `$.to[1]` ``."""
    problem, _, path = text.partition(" - at ")
    where = path.strip("`").removeprefix("$").removeprefix(".")
    if problem.startswith("Object missing required field"):
        missing = problem.split("`")[1]
        return Rejected(errors.MISSING_FIELD, f"Missing `{where + '.' if where else ''}{missing}` field.")
    if problem.endswith("got `null`") and where and not where.endswith("]"):
        return Rejected(errors.MISSING_FIELD, f"Missing `{where}` field: it is null.")
    if where.endswith("[...]"):
        where = _key_path(where.removesuffix("[...]"), content)
    kind = errors.FIELD_KINDS.get(where.partition("[")[0], errors.INVALID)
    subject = f"`{where}`" if where else "The body"
    return Rejected(kind, f"{subject} is invalid: {problem[:1].lower()}{problem[1:]}.")


def _key_path(field: str, content: bytes) -> str:
    """Return the path of the first value of a field that is not a string; msgspec does not report its key."""
    entries: Mapping[str, Any] = msgspec.json.decode(content)[field]
    key = next(key for key, value in entries.items() if not isinstance(value, str))
    return f"{field}.{key[:SHOWN]}"
