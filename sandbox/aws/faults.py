"""Faults told to happen: which call is next to go wrong, and how; which event is lost, doubled or late.

The draw is here; what a fault does to a call is in `gateway` and `connection`, to an event in `events`.
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
    """A fault that strikes what `target` names (an operation, an event type, or ANY).

    It strikes with the probability `rate`, and `count` times at most; None is without end.
    """

    kind: str
    target: str = ANY
    rate: float = 1.0
    count: int | None = None
    milliseconds: int = 0
    struck: int = field(default=0, init=False)

    def strikes(self, name: str) -> bool:
        """Whether it strikes now; a strike is counted."""
        if self.target not in (name, ANY) or (self.count is not None and self.struck >= self.count):
            return False
        if random.random() >= self.rate:  # noqa: S311 - chance, no secret
            return False
        self.struck += 1
        return True


class Faults:
    """The faults in force, in the order in which they were told."""

    def __init__(self, kinds: Iterable[str]) -> None:
        self.kinds = frozenset(kinds)
        self._faults: dict[int, Fault] = {}
        self._ids = itertools.count(1)

    def add(self, fault: Fault) -> int:
        """Puts a fault in force and returns its id; raises ValueError for a kind that does not exist."""
        if fault.kind not in self.kinds:
            raise ValueError(
                f"No fault is called {fault.kind!r}: use one of {', '.join(sorted(self.kinds))}."
            )
        number = next(self._ids)
        self._faults[number] = fault
        return number

    def clear(self) -> None:
        """Ends them all."""
        self._faults.clear()

    def draw(self, name: str) -> list[Fault]:
        """The faults that strike this call or event."""
        return [fault for fault in self._faults.values() if fault.strikes(name)]
