"""When the verifier requests a repair from identity, and how often."""

from dataclasses import replace
from itertools import pairwise

import pytest

from services.verifier.model.decisions import Case, after_ses_check
from services.verifier.model.evidence import RepairCause, SesIdentity
from services.verifier.model.ownership import HOLDERS, Ownership
from services.verifier.model.records import RecordStatus
from services.verifier.model.schedule import REPAIRS
from services.verifier.model.states import State
from tests.unit.verifier.cases import GOOD_IDENTITY, NOW, REQUIRED, WANTED, a_case

DKIM_FAILED = replace(GOOD_IDENTITY, dkim_status="FAILED")


def with_dns(case: Case, status: RecordStatus) -> Case:
    return replace(case, statuses=tuple((record.expected.purpose, status) for record in REQUIRED))


@pytest.mark.parametrize(
    ("identity", "cause"),
    [
        (GOOD_IDENTITY, None),
        (SesIdentity(exists=False), RepairCause.IDENTITY_MISSING),
        (replace(GOOD_IDENTITY, tokens=("a", "b", "c")), RepairCause.TOKENS_CHANGED),
        (replace(GOOD_IDENTITY, tokens=()), RepairCause.TOKENS_CHANGED),
        (replace(GOOD_IDENTITY, mail_from_domain=None), RepairCause.MAIL_FROM_DRIFTED),
        (replace(GOOD_IDENTITY, mail_from_domain="x.mnexa.ai"), RepairCause.MAIL_FROM_DRIFTED),
        (replace(GOOD_IDENTITY, rejects_on_mx_failure=True), RepairCause.MAIL_FROM_DRIFTED),
        (DKIM_FAILED, RepairCause.DKIM_FAILED),
        (replace(GOOD_IDENTITY, mail_from_status="FAILED"), RepairCause.MAIL_FROM_FAILED),
    ],
)
@pytest.mark.parametrize("state", State)
def test_a_difference_from_the_desired_state_requests_a_repair(
    state: State, identity: SesIdentity, cause: RepairCause | None
) -> None:
    decision = after_ses_check(a_case(state), identity, jitter=0.5)

    assert decision.repair is cause


def test_a_failed_status_in_ses_requests_no_repair_while_dns_is_wrong() -> None:
    for status in (RecordStatus.MISSING, RecordStatus.UNREACHABLE):
        case = with_dns(a_case(State.PENDING), status)
        assert after_ses_check(case, DKIM_FAILED, jitter=0.5).repair is None


def test_no_repair_is_requested_while_identity_is_changing_ses() -> None:
    case = replace(a_case(State.READY), wanted=replace(WANTED, settled=False))

    assert after_ses_check(case, SesIdentity(exists=False), jitter=0.5).repair is None


def test_a_claim_without_ownership_requests_no_repair() -> None:
    for ownership in Ownership:
        case = a_case(State.PENDING, ownership=ownership)
        repair = after_ses_check(case, SesIdentity(exists=False), jitter=0.5).repair

        assert (repair is None) == (ownership not in HOLDERS)


def test_repairs_are_limited_and_spaced_ever_further_apart() -> None:
    case, requested = a_case(State.READY), []
    for _ in range(100):
        decision = after_ses_check(case, DKIM_FAILED, jitter=0.5)
        if decision.repair is not None:
            requested.append(case.now)
        assert decision.repair_due_at is not None
        case = replace(
            case,
            verification=decision.verification,
            repairs=decision.repairs,
            repair_due_at=decision.repair_due_at,
            now=max(case.now, decision.repair_due_at),
        )

    assert [later - earlier for earlier, later in pairwise(requested)] == list(REPAIRS[:-1])


def test_a_repaired_identity_resets_the_repair_count() -> None:
    case = replace(a_case(State.READY), repairs=4, repair_due_at=NOW)

    decision = after_ses_check(case, GOOD_IDENTITY, jitter=0.5)

    assert (decision.repairs, decision.repair_due_at) == (0, None)
