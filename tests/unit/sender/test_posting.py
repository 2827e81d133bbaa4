"""What happens to a dequeued email, and what an SES answer means for it."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from services.sender.model.account import Account, Allowance, current
from services.sender.model.emails import Address, Content, RecipientKind
from services.sender.model.messages import explain
from services.sender.model.origin import Domain, Sender, SharedSender, VerificationStatus
from services.sender.model.posting import (
    Accepted,
    Addressee,
    Answer,
    Candidate,
    Lost,
    Posting,
    decide,
    message,
    outcome,
    post,
)
from services.sender.model.reasons import EmailReason
from services.sender.model.states import AttemptState, Move, SentAs, State
from services.sender.ses import PAUSED, REJECTED, RETURN_PATH

RETRIED = explain(EmailReason.SES_RATE_EXCEEDED)
SHARED = SharedSender("send.e2a.dev", "e2a")
TO = Addressee(0, RecipientKind.TO, Address("to@example.com"), suppressed=False)
CC = Addressee(1, RecipientKind.CC, Address("cc@example.com"), suppressed=False)
BCC = Addressee(2, RecipientKind.BCC, Address("bcc@example.com"), suppressed=False)
EMAIL = Candidate(
    id=uuid4(),
    tenant_id=uuid4(),
    claim_id=uuid4(),
    sender=Address("agent@inbox.mnexa.ai", "Agent"),
    content=Content("Hello", text="Good day."),
    attempts=0,
    claimed_at=datetime.now(UTC),
    addressees=[TO, CC, BCC],
)
READY = Domain(
    EMAIL.claim_id, EMAIL.tenant_id, "inbox.mnexa.ai", None, VerificationStatus("READY", ownership="SOLE")
)
PENDING = replace(READY, verification=VerificationStatus("PENDING", ownership="SOLE"))
SHARING = replace(READY, verification=VerificationStatus("PENDING", False, "SOLE", "SHARED", True))
ALL_SUPPRESSED = replace(EMAIL, addressees=[replace(TO, suppressed=True), replace(BCC, suppressed=True)])


def moved_to(decision: Sender | Move | None) -> State | None:
    return decision.to if isinstance(decision, Move) else None


def sent_as(decision: Sender | Move | None) -> SentAs | None:
    return decision.sent_as if isinstance(decision, Sender) else None


def test_email_from_a_ready_domain_is_sent_as_its_own() -> None:
    assert sent_as(decide(EMAIL, READY, SHARED)) is SentAs.OWN


def test_an_own_domain_uses_the_requested_from_even_with_a_reserved_local_part() -> None:
    requested, replies = Address("postmaster@inbox.mnexa.ai"), (Address("help@inbox.mnexa.ai"),)
    email = replace(EMAIL, sender=requested, content=replace(EMAIL.content, reply_to=replies))

    assert decide(email, READY, SHARED) == Sender(SentAs.OWN, requested, replies)


def test_email_from_an_unready_domain_uses_the_shared_sender_or_is_held() -> None:
    assert sent_as(decide(EMAIL, SHARING, SHARED)) is SentAs.SHARED
    assert moved_to(decide(EMAIL, SHARING, None)) is State.HELD
    assert moved_to(decide(EMAIL, PENDING, SHARED)) is State.HELD


def test_email_from_a_deleted_domain_fails() -> None:
    assert moved_to(decide(EMAIL, None, SHARED)) is State.FAILED
    for state in ("DELETING", "DELETED"):
        deleted = replace(READY, verification=VerificationStatus(state))
        assert moved_to(decide(EMAIL, deleted, SHARED)) is State.FAILED


def test_email_of_a_paused_tenant_stays_queued() -> None:
    assert decide(EMAIL, replace(READY, pause_reason=""), SHARED) is None
    assert decide(ALL_SUPPRESSED, replace(READY, pause_reason="bills"), SHARED) is None


def test_an_email_with_only_suppressed_recipients_is_suppressed() -> None:
    decision = decide(ALL_SUPPRESSED, READY, SHARED)

    assert moved_to(decision) is State.SUPPRESSED
    assert isinstance(decision, Move)
    assert decision.suppressed == ("to@example.com", "bcc@example.com")


def test_an_email_with_an_erased_body_fails() -> None:
    assert moved_to(decide(replace(EMAIL, content=Content("Hello")), READY, SHARED)) is State.FAILED


def a_posting(candidate: Candidate = EMAIL) -> Posting:
    sender = decide(candidate, READY, SHARED)
    assert isinstance(sender, Sender)
    return Posting(uuid4(), 1, candidate, sender)


def test_suppressed_recipients_stay_in_the_headers_but_are_not_sent_to() -> None:
    posting = a_posting(replace(EMAIL, addressees=[replace(TO, suppressed=True), CC, BCC]))

    written, posted = message(posting, EMAIL.content), post(posting, b"")

    assert [each.address for each in (*written.to, *written.cc)] == ["to@example.com", "cc@example.com"]
    assert (posted.to, posted.cc, posted.bcc) == ([], ["cc@example.com"], ["bcc@example.com"])


def test_an_address_given_twice_is_sent_to_once() -> None:
    again = replace(CC, address=Address("TO@example.com"))
    posting = a_posting(replace(EMAIL, addressees=[TO, again, CC, replace(BCC, address=CC.address)]))

    written, posted = message(posting, EMAIL.content), post(posting, b"")

    assert [each.address for each in written.cc] == ["TO@example.com", "cc@example.com"]
    assert (posted.to, posted.cc, posted.bcc) == (["to@example.com"], ["cc@example.com"], [])


def test_a_request_carries_the_tags_that_identify_its_events() -> None:
    posting = a_posting()

    assert post(posting, b"").tags == {
        "lh-tenant": str(EMAIL.tenant_id),
        "lh-email": str(EMAIL.id),
        "lh-attempt": str(posting.attempt_id),
    }


def test_a_few_documented_tags_of_the_caller_go_to_ses_too() -> None:
    email = replace(EMAIL, tags={"category": "invoice", "order": "1042", "campaign": "spring"})
    posting = a_posting(email)

    passed = {name: value for name, value in post(posting, b"").tags.items() if not name.startswith("lh-")}

    assert passed == {"category": "invoice", "campaign": "spring"}


@pytest.mark.parametrize(
    ("answer", "attempt", "email"),
    [
        (Accepted("0100"), AttemptState.ACCEPTED, State.SENT),
        (PAUSED, AttemptState.REFUSED, State.QUEUED),
        (RETURN_PATH, AttemptState.REFUSED, State.HELD),
        (REJECTED, AttemptState.REFUSED, State.FAILED),
        (Lost("ReadTimeoutError"), AttemptState.UNKNOWN, State.UNKNOWN),
    ],
)
def test_an_answer_resolves_the_attempt_and_its_email(
    answer: Answer, attempt: AttemptState, email: State
) -> None:
    resolved = outcome(a_posting(), answer)

    assert (resolved.to, resolved.move.to) == (attempt, email)
    assert resolved.move.why.message


def test_a_temporary_rejection_waits_longer_each_time() -> None:
    third = replace(a_posting(), number=3)

    assert outcome(third, PAUSED).move.delay == timedelta(minutes=2)


OPEN = [
    Account("READY"),
    Account("UNDER_REVIEW"),
    Account("SANDBOXED"),
    Account("UNREACHABLE", sending_enabled=True, enforcement_status="HEALTHY"),
    Account("UNREACHABLE", sending_enabled=True, enforcement_status="PROBATION"),
]
CLOSED = [
    Account(),
    Account("PAUSED", "SES has paused it."),
    Account("PAUSED", sending_enabled=True, enforcement_status="HEALTHY"),
    Account("UNREACHABLE", sending_enabled=False, enforcement_status="HEALTHY"),
    Account("UNREACHABLE", sending_enabled=True, enforcement_status="SHUTDOWN"),
    Account("ASLEEP", sending_enabled=True, enforcement_status="HEALTHY"),
]


@pytest.mark.parametrize("account", OPEN)
def test_an_account_that_may_send_does_not_block_email(account: Account) -> None:
    assert account.obstacle is None


@pytest.mark.parametrize("account", CLOSED)
def test_any_other_account_makes_email_wait_with_a_reason(account: Account) -> None:
    assert account.obstacle is not None
    assert account.obstacle.message.startswith("Waits ")
    assert current(State.QUEUED, RETRIED, None, account, Allowance()) == account.obstacle


def test_a_queued_email_says_what_it_waits_for_now() -> None:
    paused, ready = Account("PAUSED"), Account("READY")

    assert "(bills)" in current(State.QUEUED, RETRIED, "bills", paused, Allowance()).message
    assert current(State.QUEUED, RETRIED, None, ready, Allowance()) == RETRIED
    today = current(State.QUEUED, RETRIED, None, ready, Allowance(left_today=0))
    assert today.reason is EmailReason.TENANT_DAILY_LIMIT_REACHED
    now = current(State.QUEUED, RETRIED, None, ready, Allowance(left_today=1, left_now=0))
    assert now.reason is EmailReason.TENANT_RATE_REACHED
    slow = current(State.QUEUED, RETRIED, None, ready, Allowance(left_now=0, slow_reason="Bounces."))
    assert (slow.reason, slow.message.endswith("Bounces.")) == (EmailReason.TENANT_THROTTLED, True)
    accepted = explain(EmailReason.SES_ACCEPTED)
    assert current(State.SENT, accepted, "bills", paused, Allowance()) == accepted
