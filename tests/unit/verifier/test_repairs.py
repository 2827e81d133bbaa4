"""When identity is asked to bring SES back to what it should be, and how often."""

from dataclasses import replace
from itertools import pairwise

import pytest

from services.verifier.model.decisions import Case, after_ses_look
from services.verifier.model.evidence import RepairCause, SesIdentity
from services.verifier.model.ownership import HOLDERS, Ownership
from services.verifier.model.records import Verdict
from services.verifier.model.schedule import REPAIRS
from services.verifier.model.states import State
from tests.unit.verifier.cases import GOOD_IDENTITY, NOW, REQUIRED, WANTED, a_case

DKIM_FAILED = replace(GOOD_IDENTITY, dkim_status="FAILED")


def with_dns(case: Case, verdict: Verdict) -> Case:
    return replace(case, verdicts=tuple((record.expected.purpose, verdict) for record in REQUIRED))


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
def test_what_is_not_as_wanted_is_repaired(
    state: State, identity: SesIdentity, cause: RepairCause | None
) -> None:
    decision = after_ses_look(a_case(state), identity, jitter=0.5)

    assert decision.repair is cause


def test_that_ses_gave_up_is_no_reason_while_dns_is_wrong() -> None:
    for verdict in (Verdict.MISSING, Verdict.UNREACHABLE):
        case = with_dns(a_case(State.PENDING), verdict)
        assert after_ses_look(case, DKIM_FAILED, jitter=0.5).repair is None


def test_nothing_is_repaired_while_identity_is_at_it() -> None:
    case = replace(a_case(State.READY), wanted=replace(WANTED, settled=False))

    assert after_ses_look(case, SesIdentity(exists=False), jitter=0.5).repair is None


def test_a_claim_that_may_not_own_touches_nothing() -> None:
    for ownership in Ownership:
        case = a_case(State.PENDING, ownership=ownership)
        repair = after_ses_look(case, SesIdentity(exists=False), jitter=0.5).repair

        assert (repair is None) == (ownership not in HOLDERS)


def test_repairs_are_few_and_ever_further_apart() -> None:
    case, asked = a_case(State.READY), []
    for _ in range(100):
        decision = after_ses_look(case, DKIM_FAILED, jitter=0.5)
        if decision.repair is not None:
            asked.append(case.now)
        assert decision.repair_due_at is not None
        case = replace(
            case,
            standing=decision.standing,
            repairs=decision.repairs,
            repair_due_at=decision.repair_due_at,
            now=max(case.now, decision.repair_due_at),
        )

    assert [later - earlier for earlier, later in pairwise(asked)] == list(REPAIRS[:-1])


def test_a_mended_identity_has_all_its_repairs_again() -> None:
    case = replace(a_case(State.READY), repairs=4, repair_due_at=NOW)

    decision = after_ses_look(case, GOOD_IDENTITY, jitter=0.5)

    assert (decision.repairs, decision.repair_due_at) == (0, None)
