"""Ownership as verifier sees it: which claims may send, what to look for in DNS, and what was found. Pure.

identity decides ownership (its model has the state machine); verifier observes what the decisions rest on.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from services.verifier.model.records import DEFINITE, Answer, Verdict


class Ownership(StrEnum):
    """How a claim stands to its name; the words of `Domain.Ownership`, which identity keeps."""

    UNDECIDED = "UNDECIDED"
    SOLE = "SOLE"
    PROOF_DUE = "PROOF_DUE"
    CHALLENGER = "CHALLENGER"
    CHALLENGED = "CHALLENGED"
    PROVEN = "PROVEN"
    SUPERSEDED = "SUPERSEDED"


HOLDERS = frozenset({Ownership.SOLE, Ownership.PROVEN, Ownership.CHALLENGED})
CHECKED_EVERY = timedelta(minutes=10)  # a token, while something depends on it
SPACING = timedelta(hours=1)  # between checks that count in a run without the token


class Precheck(StrEnum):
    """What DNS says of a claim's DKIM records before they are shown; the words of verifier.dkim_prechecks."""

    ABSENT = "ABSENT"
    PRESENT = "PRESENT"
    INCONCLUSIVE = "INCONCLUSIVE"


@dataclass(frozen=True, slots=True)
class MissingRun:
    """A run of spaced checks in which a token was seen not to be there; `since` is the last that counted."""

    checks: int = 0
    since: datetime | None = None


def count_missing(run: MissingRun, verdict: Verdict, now: datetime) -> MissingRun:
    """Return the run with one more check counted. What proves nothing either way changes nothing."""
    if verdict is Verdict.FOUND:
        return MissingRun()
    if verdict not in (Verdict.MISSING, Verdict.MISMATCH):
        return run
    if run.since is not None and now - run.since < SPACING:
        return run
    return MissingRun(run.checks + 1, now)


def precheck(tokens: Iterable[str], answers: Iterable[Answer]) -> Precheck:
    """Return what the answers to CNAME questions, one a token, say of DKIM records with these tokens."""
    found, sure = False, True
    for token, answer in zip(tokens, answers, strict=True):
        for seen in answer.observations:
            targets = (*seen.aliases, *(value.text for value in seen.values))
            found |= any(target.startswith(f"{token}.") for target in targets)
        sure &= bool(answer.observations) and all(seen.outcome in DEFINITE for seen in answer.observations)
    if found:
        return Precheck.PRESENT
    return Precheck.ABSENT if sure else Precheck.INCONCLUSIVE
