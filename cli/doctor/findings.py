"""Findings of `letterhead doctor`: the outcome of a check, and what to do about it."""

from dataclasses import dataclass, replace
from enum import StrEnum


class PartStatus(StrEnum):
    """The outcome of a check."""

    WELL = "WELL"
    WRONG = "WRONG"  # it answers but needs action
    UNAVAILABLE = "UNAVAILABLE"  # it is unreachable
    UNSEEN = "UNSEEN"  # it was not checked; the note says what is missing to check it


PROBLEMS = frozenset({PartStatus.WRONG, PartStatus.UNAVAILABLE})


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of `letterhead doctor`: `note` says what was found, `remedy` what to do.

    `service` is where to act: a process, or Postgres, NATS or an AWS service. `follows_from` names the part
    whose problem explains this one; it is empty for a cause of its own.
    """

    part: str
    status: PartStatus
    note: str
    remedy: str = ""
    service: str = ""
    follows_from: str = ""

    def of(self, service: str) -> "Finding":
        """Return the same finding about a service."""
        return replace(self, service=service)


def well(part: str, note: str) -> Finding:
    """Return the finding that a part is healthy."""
    return Finding(part, PartStatus.WELL, note)


def wrong(part: str, note: str, remedy: str) -> Finding:
    """Return the finding that a part has a problem."""
    return Finding(part, PartStatus.WRONG, note, remedy)


def unavailable(part: str, note: str, remedy: str) -> Finding:
    """Return the finding that a part is unreachable."""
    return Finding(part, PartStatus.UNAVAILABLE, note, remedy)


def unseen(part: str, note: str, remedy: str) -> Finding:
    """Return the finding that a part was not checked."""
    return Finding(part, PartStatus.UNSEEN, note, remedy)


def reason(error: Exception) -> str:
    """Return why something is unreachable, because a timeout has no message of its own."""
    return str(error) or "no answer in time"
