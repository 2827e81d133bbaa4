"""Readiness over everything SES can say: botocore's enums, unknown words and absent values."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from itertools import product

import botocore.session
import pytest

from services.verifier.model.decisions import after_ses_look
from services.verifier.model.evidence import SesIdentity
from services.verifier.model.notes import REVIVED, UNPROVEN
from services.verifier.model.ownership import HOLDERS, Ownership
from services.verifier.model.records import Purpose, Verdict
from services.verifier.model.states import TRANSITIONS, State
from tests.figures import Figure
from tests.unit.verifier.cases import REQUIRED, SEND, TOKENS, a_case


def values_of(shape: str) -> list[str | None]:
    """What SES may write there: the model's enum, a word that a later model adds, nothing."""
    model = botocore.session.get_session().get_service_model("sesv2").shape_for(shape)
    return [*model.enum, "A_NEW_WORD", None]


def everything_ses_says() -> Iterator[SesIdentity]:
    axes = (values_of("VerificationStatus"), values_of("DkimStatus"), values_of("MailFromDomainStatus"))
    yield SesIdentity(exists=False)
    for identity, dkim, mail_from, sending in product(*axes, (True, False, None)):
        yield SesIdentity(
            verification_status=identity,
            dkim_status=dkim,
            mail_from_status=mail_from,
            mail_from_domain=SEND,
            verified_for_sending=sending,
            tokens=TOKENS,
        )


EVERYTHING = list(everything_ses_says())
VERDICTS = (Verdict.FOUND, Verdict.MISSING, Verdict.UNREACHABLE)


def in_dns(dkim: Verdict, mail_from: Verdict) -> tuple[tuple[Purpose, Verdict], ...]:
    purposes = [record.expected.purpose for record in REQUIRED]
    return tuple((each, dkim if each is Purpose.DKIM else mail_from) for each in purposes)


def right(identity: SesIdentity) -> bool:
    statuses = {identity.verification_status, identity.dkim_status, identity.mail_from_status}
    return identity.exists and statuses == {"SUCCESS"} and identity.verified_for_sending is True


@pytest.mark.parametrize("state", State)
def test_a_domain_is_ready_only_when_every_axis_is_good(state: State, figure: Figure) -> None:
    counts: Counter[State] = Counter()

    for identity, dkim, mail_from in product(EVERYTHING, VERDICTS, VERDICTS):
        case = replace(a_case(state), verdicts=in_dns(dkim, mail_from))
        after = after_ses_look(case, identity, jitter=0.5).standing.state
        counts[after] += 1
        ready = right(identity) and dkim is mail_from is Verdict.FOUND
        assert (after is State.READY) == ready or state is State.READY
        assert after is state or after in TRANSITIONS[state]

    told = ", ".join(f"{count} {after}" for after, count in sorted(counts.items()))
    figure(f"{state:8} after each of {counts.total()} combinations of DNS and SES: {told}")


def test_a_parents_verification_makes_no_child_ready(figure: Figure) -> None:
    """SES lets a child of a verified domain send before its own DKIM is there."""
    borrowed = [each for each in EVERYTHING if each.verified_for_sending and each.dkim_status != "SUCCESS"]
    unseen = [dkim for dkim in VERDICTS if dkim is not Verdict.FOUND]

    at_ses = [after_ses_look(a_case(State.PENDING), each, jitter=0.5) for each in borrowed]
    in_dns_ = [
        after_ses_look(replace(a_case(State.PENDING), verdicts=in_dns(dkim, Verdict.FOUND)), each, jitter=0.5)
        for dkim, each in product(unseen, EVERYTHING)
    ]

    states = [decision.standing.state for decision in (*at_ses, *in_dns_)]
    told = f"{len(states)} cases, {states.count(State.READY)} READY"
    figure(f"PENDING, verified for a parent's sake or without its own DKIM: {told}")
    assert set(states) == {State.PENDING}


def test_sess_own_negative_demotes_at_once() -> None:
    for identity in EVERYTHING:
        after = after_ses_look(a_case(State.READY), identity, jitter=0.5).standing
        negative = (
            not identity.exists
            or identity.verified_for_sending is False
            or "FAILED" in (identity.dkim_status, identity.mail_from_status)
        )
        assert after.state is (State.DEGRADED if negative else State.READY)


def test_a_degraded_domain_signs_as_itself_only_while_dkim_is_good() -> None:
    for identity in EVERYTHING:
        after = after_ses_look(a_case(State.DEGRADED), identity, jitter=0.5).standing
        if identity.dkim_status == "FAILED" or not identity.exists:
            assert after.dkim_good is False


def test_a_claim_that_may_not_own_is_never_ready() -> None:
    for identity, ownership in product(EVERYTHING, Ownership):
        if ownership in HOLDERS:
            continue
        decision = after_ses_look(a_case(State.PENDING, ownership=ownership), identity, jitter=0.5)
        assert decision.standing.state is State.PENDING
        assert decision.note == UNPROVEN.get(ownership, REVIVED)
