"""What verifier reports about sending agrees with what sender does."""

from datetime import UTC, datetime, timedelta
from itertools import product

import pytest

from letterhead.identity.v1.domains_pb2 import Domain
from services.sender.model import origin
from services.verifier.model.ownership import HOLDERS, Ownership
from services.verifier.model.reasons import DomainReason
from services.verifier.model.records import Purpose, RecordStatus
from services.verifier.model.state_reasons import why_state
from services.verifier.model.states import Conditions, Evidence, State, VerificationStatus, signs

STATES = [name.removeprefix("STATE_") for name in Domain.State.keys()[1:]]
NOW = datetime(2026, 11, 30, tzinfo=UTC)


@pytest.mark.parametrize(("state", "dkim_valid"), list(product(STATES, (False, True))))
def test_a_domain_sends_under_its_own_name_exactly_when_sender_decides_so(
    state: str, dkim_valid: bool  # noqa: FBT001 - a table
) -> None:  # fmt: skip
    for ownership in Ownership:
        known = origin.VerificationStatus(state, dkim_valid, ownership.value)

        reported = ownership in HOLDERS and signs(state, dkim_valid=dkim_valid)

        assert reported == (origin.origin(known) is origin.Origin.OWN)


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        (RecordStatus.FOUND, DomainReason.CAN_SEND),
        (RecordStatus.MISSING, DomainReason.RECORDS_GONE),
        (RecordStatus.MISMATCH, DomainReason.RECORDS_GONE),
        (RecordStatus.CONFLICT, DomainReason.RECORDS_GONE),
        (RecordStatus.PROPAGATING, DomainReason.CAN_SEND),
        (RecordStatus.UNREACHABLE, DomainReason.CAN_SEND),
    ],
)
def test_a_ready_domain_says_when_records_are_gone(status: RecordStatus, reason: DomainReason) -> None:
    statuses = [(Purpose.DKIM, RecordStatus.FOUND), (Purpose.SPF, status)]
    conditions = Conditions(ownership=Evidence.GOOD)

    why = why_state(State.READY, conditions, statuses, Ownership.SOLE, signs=True)

    assert why.reason is reason
    assert why.parameters.get("purposes", ["SPF"]) == ["SPF"]


def test_a_ready_domain_is_degraded_six_hours_after_the_first_failed_check() -> None:
    failing = VerificationStatus(State.READY, first_failed_at=NOW)

    assert failing.degrades_at == NOW + timedelta(hours=6)
    assert VerificationStatus(State.READY).degrades_at is None
    assert VerificationStatus(State.DEGRADED, first_failed_at=NOW).degrades_at is None
