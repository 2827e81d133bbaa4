"""Parsers for the values of environment variables. Secrets are read from files instead."""

import math
from collections.abc import Callable, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

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


# The parser of each type, and the name of its valid input for error messages.
PARSERS: Mapping[Any, tuple[Callable[[str], Any], str]] = {
    str: (str, "text"),
    int: (int, "a whole number"),
    float: (_float, "a number"),
    bool: (_bool, "true or false"),
    Path: (Path, "a path"),
    timedelta: (lambda text: timedelta(seconds=_float(text)), "a number of seconds"),
}
