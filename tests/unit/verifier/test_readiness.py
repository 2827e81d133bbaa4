"""Readiness over every possible SES response: botocore's enum values, unknown values and absent values."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from itertools import product

import botocore.session
import pytest

from services.verifier.model.decisions import after_ses_check
from services.verifier.model.evidence import SesIdentity
from services.verifier.model.ownership import HOLDERS, Ownership
from services.verifier.model.reasons import DomainReason
from services.verifier.model.records import Purpose, RecordStatus
from services.verifier.model.state_reasons import UNPROVEN
from services.verifier.model.states import TRANSITIONS, State
from tests.figures import Figure
from tests.unit.verifier.cases import REQUIRED, SEND, TOKENS, a_case


def values_of(shape: str) -> list[str | None]:
    """Return the values SES may return: those of botocore's model, a value added later, and none."""
    model = botocore.session.get_session().get_service_model("sesv2").shape_for(shape)
    return [*model.enum, "A_NEW_WORD", None]


def all_ses_identities() -> Iterator[SesIdentity]:
    statuses = (values_of("VerificationStatus"), values_of("DkimStatus"), values_of("MailFromDomainStatus"))
    yield SesIdentity(exists=False)
    for identity, dkim, mail_from, sending in product(*statuses, (True, False, None)):
        yield SesIdentity(
            verification_status=identity,
            dkim_status=dkim,
            mail_from_status=mail_from,
            mail_from_domain=SEND,
            verified_for_sending=sending,
            tokens=TOKENS,
        )


IDENTITIES = list(all_ses_identities())
RESULTS = (RecordStatus.FOUND, RecordStatus.MISSING, RecordStatus.UNREACHABLE)


def in_dns(dkim: RecordStatus, mail_from: RecordStatus) -> tuple[tuple[Purpose, RecordStatus], ...]:
    purposes = [record.expected.purpose for record in REQUIRED]
    return tuple((each, dkim if each is Purpose.DKIM else mail_from) for each in purposes)


def verified(identity: SesIdentity) -> bool:
    statuses = {identity.verification_status, identity.dkim_status, identity.mail_from_status}
    return identity.exists and statuses == {"SUCCESS"} and identity.verified_for_sending is True


@pytest.mark.parametrize("state", State)
def test_a_domain_becomes_ready_only_when_all_conditions_are_met(state: State, figure: Figure) -> None:
    counts: Counter[State] = Counter()

    for identity, dkim, mail_from in product(IDENTITIES, RESULTS, RESULTS):
        case = replace(a_case(state), statuses=in_dns(dkim, mail_from))
        after = after_ses_check(case, identity, jitter=0.5).verification.state
        counts[after] += 1
        ready = verified(identity) and dkim is mail_from is RecordStatus.FOUND
        assert (after is State.READY) == ready or state is State.READY
        assert after is state or after in TRANSITIONS[state]

    summary = ", ".join(f"{count} {after}" for after, count in sorted(counts.items()))
    figure(f"{state:8} after each of {counts.total()} combinations of DNS and SES: {summary}")


def test_a_verified_parent_does_not_make_its_subdomain_ready(figure: Figure) -> None:
    """SES allows a subdomain of a verified domain to send before its own DKIM is verified."""
    inherited = [each for each in IDENTITIES if each.verified_for_sending and each.dkim_status != "SUCCESS"]
    not_found = [dkim for dkim in RESULTS if dkim is not RecordStatus.FOUND]

    at_ses = [after_ses_check(a_case(State.PENDING), each, jitter=0.5) for each in inherited]
    in_dns_ = [
        after_ses_check(
            replace(a_case(State.PENDING), statuses=in_dns(dkim, RecordStatus.FOUND)), each, jitter=0.5
        )
        for dkim, each in product(not_found, IDENTITIES)
    ]

    states = [decision.verification.state for decision in (*at_ses, *in_dns_)]
    summary = f"{len(states)} cases, {states.count(State.READY)} READY"
    figure(f"PENDING, verified only through its parent or without its own DKIM: {summary}")
    assert set(states) == {State.PENDING}


def test_a_failure_reported_by_ses_degrades_a_ready_domain_at_once() -> None:
    for identity in IDENTITIES:
        after = after_ses_check(a_case(State.READY), identity, jitter=0.5).verification
        negative = (
            not identity.exists
            or identity.verified_for_sending is False
            or "FAILED" in (identity.dkim_status, identity.mail_from_status)
        )
        assert after.state is (State.DEGRADED if negative else State.READY)


def test_a_degraded_domain_with_failed_dkim_cannot_send() -> None:
    for identity in IDENTITIES:
        after = after_ses_check(a_case(State.DEGRADED), identity, jitter=0.5).verification
        if identity.dkim_status == "FAILED" or not identity.exists:
            assert after.dkim_valid is False


def test_a_claim_without_ownership_never_becomes_ready() -> None:
    for identity, ownership in product(IDENTITIES, Ownership):
        if ownership in HOLDERS:
            continue
        decision = after_ses_check(a_case(State.PENDING, ownership=ownership), identity, jitter=0.5)
        assert decision.verification.state is State.PENDING
        assert decision.why.reason is UNPROVEN.get(ownership, DomainReason.DISPUTED)
