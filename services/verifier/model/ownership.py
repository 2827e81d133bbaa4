"""Ownership in the verifier: which claims may send, what to check in DNS, and what was found. Pure.

identity decides ownership, and its model has the state machine. The verifier makes the DNS checks that
identity's decisions depend on.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from services.verifier.model.records import DEFINITE, Answer, RecordStatus


class Ownership(StrEnum):
    """Whether a claim owns its name; the values of `Domain.Ownership`, which identity sets."""

    UNDECIDED = "UNDECIDED"
    SOLE = "SOLE"
    PROOF_DUE = "PROOF_DUE"
    CHALLENGER = "CHALLENGER"
    CHALLENGED = "CHALLENGED"
    PROVEN = "PROVEN"
    SUPERSEDED = "SUPERSEDED"


HOLDERS = frozenset({Ownership.SOLE, Ownership.PROVEN, Ownership.CHALLENGED})
CHECKED_EVERY = timedelta(minutes=10)  # how often a token is checked while something depends on it
SPACING = timedelta(hours=1)  # between two checks that count as consecutive misses of the token


class Precheck(StrEnum):
    """Whether a claim's DKIM records exist before they are shown; the values of verifier.dkim_prechecks."""

    ABSENT = "ABSENT"
    PRESENT = "PRESENT"
    INCONCLUSIVE = "INCONCLUSIVE"


@dataclass(frozen=True, slots=True)
class ConsecutiveMisses:
    """Consecutive, spaced checks that did not find a token; `since` is the time of the last counted one."""

    checks: int = 0
    since: datetime | None = None


def count_missing(run: ConsecutiveMisses, status: RecordStatus, now: datetime) -> ConsecutiveMisses:
    """Return the run with one more check counted. An inconclusive check leaves it unchanged."""
    if status is RecordStatus.FOUND:
        return ConsecutiveMisses()
    if status not in (RecordStatus.MISSING, RecordStatus.MISMATCH):
        return run
    if run.since is not None and now - run.since < SPACING:
        return run
    return ConsecutiveMisses(run.checks + 1, now)


def precheck(tokens: Iterable[str], answers: Iterable[Answer]) -> Precheck:
    """Return whether DKIM records with these tokens exist, from one CNAME answer per token."""
    found, sure = False, True
    for token, answer in zip(tokens, answers, strict=True):
        for seen in answer.observations:
            targets = (*seen.aliases, *(value.text for value in seen.values))
            found |= any(target.startswith(f"{token}.") for target in targets)
        sure &= bool(answer.observations) and all(seen.outcome in DEFINITE for seen in answer.observations)
    if found:
        return Precheck.PRESENT
    return Precheck.ABSENT if sure else Precheck.INCONCLUSIVE
