"""Fault injection for AWS calls and for events.

This module selects the faults; `gateway` and `connection` apply them to calls, `events` to events.
"""

import itertools
import random
from collections.abc import Iterable
from dataclasses import dataclass, field

CALL_KINDS = frozenset(
    {
        "accept_then_500",
        "accept_then_silent",
        "accept_then_reset",
        "error_500",
        "error_503",
        "access_denied",
        "expired_token",
        "throttle",
        "latency",
        "reset_before",
        "half_answer",
    }
)
EVENT_KINDS = frozenset({"drop", "duplicate", "shuffle", "delay"})
ANY = "*"


@dataclass
class Fault:
    """A fault of `target` (an operation, an event type, or ANY).

    It applies with probability `rate`, at most `count` times (None: no limit).
    """

    kind: str
    target: str = ANY
    rate: float = 1.0
    count: int | None = None
    milliseconds: int = 0
    struck: int = field(default=0, init=False)

    def strikes(self, name: str) -> bool:
        """Return whether the fault applies now, and count it if so."""
        if self.target not in (name, ANY) or (self.count is not None and self.struck >= self.count):
            return False
        if random.random() >= self.rate:  # noqa: S311 - simulation, not security
            return False
        self.struck += 1
        return True


class Faults:
    """The active faults, in the order in which they were added."""

    def __init__(self, kinds: Iterable[str]) -> None:
        self.kinds = frozenset(kinds)
        self._faults: dict[int, Fault] = {}
        self._ids = itertools.count(1)

    def add(self, fault: Fault) -> int:
        """Activate a fault and return its id; raise ValueError for an unknown kind."""
        if fault.kind not in self.kinds:
            raise ValueError(f"There is no fault {fault.kind!r}. Use one of {', '.join(sorted(self.kinds))}.")
        number = next(self._ids)
        self._faults[number] = fault
        return number

    def clear(self) -> None:
        """Clear all faults."""
        self._faults.clear()

    def draw(self, name: str) -> list[Fault]:
        """Return the faults that apply to this call or event, and count them."""
        return [fault for fault in self._faults.values() if fault.strikes(name)]
