"""What the newest answers of an endpoint say about it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import takewhile

from services.deliverer.model.messages import Answer


@dataclass(frozen=True, slots=True)
class Streak:
    """A summary of consecutive answers.

    `failures` is the number since the last success, `timeouts` the number of timeouts at the end.
    """

    succeeded: bool
    failed: bool
    failures: int
    timeouts: int


def streak_of(answers: Sequence[Answer]) -> Streak:
    """Return the summary of answers, oldest first."""
    return Streak(
        succeeded=any(each.ok for each in answers),
        failed=not all(each.ok for each in answers),
        failures=_at_the_end(answers, lambda answer: not answer.ok),
        timeouts=_at_the_end(answers, lambda answer: answer.timed_out),
    )


def _at_the_end(answers: Sequence[Answer], matches: Callable[[Answer], bool]) -> int:
    return sum(1 for _ in takewhile(matches, reversed(answers)))
