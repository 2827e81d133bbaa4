"""What a look at one part of an installation found: whether it is well, and what to do when it is not."""

from dataclasses import dataclass
from enum import StrEnum


class Verdict(StrEnum):
    """How a part is."""

    WELL = "WELL"
    WRONG = "WRONG"  # it answers, and somebody has to do something
    AWAY = "AWAY"  # it does not answer
    UNSEEN = "UNSEEN"  # it was not looked at; the note says what is missing for that


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of `letterhead doctor`: `note` says what is so, `remedy` what to do next."""

    part: str
    verdict: Verdict
    note: str
    remedy: str = ""


def well(part: str, note: str) -> Finding:
    """A part is as it should be."""
    return Finding(part, Verdict.WELL, note)


def wrong(part: str, note: str, remedy: str) -> Finding:
    """A part needs somebody."""
    return Finding(part, Verdict.WRONG, note, remedy)


def away(part: str, note: str, remedy: str) -> Finding:
    """A part does not answer."""
    return Finding(part, Verdict.AWAY, note, remedy)


def unseen(part: str, note: str, remedy: str) -> Finding:
    """A part was not looked at."""
    return Finding(part, Verdict.UNSEEN, note, remedy)


def reason(error: Exception) -> str:
    """Says why something was not reached: a timeout says nothing itself."""
    return str(error) or "no answer in time"
