"""Parsing and checks of the values of environment variables; `chassis.config` reads them."""

import math
import types
from collections.abc import Callable, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any, Literal, TypeAlias, Union, get_args, get_origin

# The parser of each type, and the name of its valid input for error messages.
Parsers: TypeAlias = Mapping[Any, tuple[Callable[[str], Any], str]]

_BOOLS = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}


def _float(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(text)
    return value


def _bool(text: str) -> bool:
    if text.lower() not in _BOOLS:
        raise ValueError(text)
    return _BOOLS[text.lower()]


PARSERS: Parsers = {
    str: (str, "text"),
    int: (int, "a whole number"),
    float: (_float, "a number"),
    bool: (_bool, "true or false"),
    Path: (Path, "a path"),
    timedelta: (lambda text: timedelta(seconds=_float(text)), "a number of seconds"),
}


def plain(kind: Any) -> Any:
    """Return the type without `| None`."""
    if get_origin(kind) in (Union, types.UnionType):
        return next(each for each in get_args(kind) if each is not type(None))
    return kind


def parsed(variable: str, text: str, kind: Any, parsers: Parsers) -> Any:
    """Return the value of a variable from its text; raises ValueError with a sentence."""
    if get_origin(kind) is Literal:
        return _choice(variable, text, get_args(kind))
    if get_origin(kind) is tuple and kind not in parsers:
        return tuple(part.strip() for part in text.split(",") if part.strip())
    parse, wanted = parsers[kind]
    try:
        return parse(text)
    except (ValueError, OverflowError):
        raise ValueError(f"{variable}: {text!r} is not {wanted}") from None
    except OSError as error:
        raise ValueError(f"{variable}: cannot read {text!r}: {error.strerror}") from None


def _choice(variable: str, text: str, choices: tuple[Any, ...]) -> str:
    if text not in choices:
        raise ValueError(f"{variable}: {text!r} is not one of {', '.join(choices)}")
    return text


def check_bounds(variable: str, value: Any, metadata: Mapping[str, Any]) -> None:
    """Raise ValueError for a value below the minimum or above the maximum of its setting."""
    minimum, maximum = metadata.get("minimum"), metadata.get("maximum")
    if minimum is not None and value < minimum:
        raise ValueError(f"{variable}: {_shown(value)} is below {_shown(minimum)}")
    if maximum is not None and value > maximum:
        raise ValueError(f"{variable}: {_shown(value)} is above {_shown(maximum)}")


def _shown(value: Any) -> str:
    return f"{value.total_seconds():g} s" if isinstance(value, timedelta) else f"{value}"
