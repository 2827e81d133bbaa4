"""READY against what a receiver shows of a real email, in every situation: no false green, no false red.

The receiver verifies DKIM by dkimpy, SPF by pyspf for several addresses of SES, and DMARC by its own code.
"""

import random
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from services.verifier.model.evidence import EVIDENCE
from services.verifier.model.records import NEGATIVE, Purpose, RecordStatus
from services.verifier.model.states import Evidence, State
from tests.figures import Figure
from tests.integration.verifier.receiver import EXPECTED, Observed, observed
from tests.integration.verifier.situations_table import SITUATIONS
from tests.unit.verifier.cases import REQUIRED, a_case, checked_at, shown_records

SEED, SAMPLE = 7208, 24


@pytest.mark.timeout(1800)  # all situations; the sample takes half a minute
async def test_a_domain_is_ready_exactly_if_a_receiver_shows_it_as_itself(
    tmp_path: Path, figure: Figure, *, all_situations: bool
) -> None:
    chosen = SITUATIONS if all_situations else random.Random(SEED).sample(SITUATIONS, SAMPLE)  # noqa: S311
    counts, wrong = Counter[str](), []

    for situation in chosen:
        seen = await observed(situation, tmp_path)
        counts[_kind(seen)] += 1
        wrong += [f"{situation.name}: {each}" for each in _disagreements(seen)]

    figure(f"receiver: {len(chosen)} of {len(SITUATIONS)} situations, {dict(counts)}, {len(wrong)} wrong")
    assert not wrong, "\n".join(wrong)


def _disagreements(seen: Observed) -> Iterator[str]:
    """Yield each false green and each false red, of the domain and of its records."""
    shown = seen.sent is not None and seen.sent.mailed_by and seen.sent.signed_by
    if _ready(seen) and not shown:
        yield f"false green: READY, but the receiver shows {seen.sent}"
    if _red(seen) and shown:
        yield "false red: a record is wrong, but the receiver shows the domain as itself"
    shown_by_purpose = {
        Purpose.DKIM: seen.sent_before.signed_by,
        Purpose.SPF: seen.sent_before.mailed_by,
        Purpose.DMARC: seen.sent_before.policy,
    }
    for purpose, right in shown_by_purpose.items():
        status = _status(seen, purpose)
        if status is RecordStatus.FOUND and not right:
            yield f"false green: {purpose} is FOUND, but the receiver shows {seen.sent_before}"
        if status in NEGATIVE and right:
            yield f"false red: {purpose} is {status}, but the receiver shows {seen.sent_before}"


def _kind(seen: Observed) -> str:
    return "ready" if _ready(seen) else "wrong" if _red(seen) else "undecided"


def _ready(seen: Observed) -> bool:
    """Return whether a PENDING domain becomes READY by this check and SES's own statuses."""
    case = a_case(State.PENDING, seen.identity)
    return checked_at(case, shown_records(), seen.checks, timedelta(0)).verification.state is State.READY


def _red(seen: Observed) -> bool:
    return any(EVIDENCE[check.status] is Evidence.BAD for check in seen.checks[: len(REQUIRED)])


def _status(seen: Observed, purpose: Purpose) -> RecordStatus:
    """Return the status of the first record of a purpose; the first DKIM record is the one that signs."""
    return seen.checks[[each.purpose for each in EXPECTED].index(purpose)].status
