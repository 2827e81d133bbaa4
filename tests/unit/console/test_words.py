"""What people read: every state has a word, and nothing says what carries the email."""

import re
from datetime import UTC, datetime, timedelta

import pytest

from letterhead.identity.v1.domains_pb2 import Domain
from letterhead.sender.v1.emails_pb2 import Address, Email, Recipient
from letterhead.verifier.v1.verifier_pb2 import RecordCheck, Verification
from services.console import chips, words
from services.verifier.model.hints import HINTS
from services.verifier.model.records import Reason
from tests.unit.console.records import DOMAIN, TOKENS, ZONE, checks, cname, mx, seen

CARRIER = re.compile(r"\b(SES|AWS|Amazon|ARN)\b")


def test_every_state_has_a_chip_of_its_own_word() -> None:
    shown = [
        [chips.domain_state(state) for state in Domain.State.values() if state],
        [chips.email_state(state) for state in Email.State.values() if state],
        [chips.recipient_state(state) for state in Recipient.State.values() if state],
        [chips.verdict(RecordCheck(verdict=verdict)) for verdict in RecordCheck.Verdict.values()],
    ]

    for kind in shown:
        assert len({chip.word for chip in kind}) == len(kind)
        assert chips.Chip("Unknown", "quiet", "question") not in kind


@pytest.mark.parametrize("reason", Reason)
def test_no_hint_names_the_carrier(reason: Reason) -> None:
    assert not CARRIER.search(words.plain(HINTS[reason]))


@pytest.mark.parametrize(
    ("said", "plain"),
    [
        ("SES accepted it.", "The mail service accepted it."),
        ("DNS is right; waiting for SES to see it.", "DNS is right; waiting for the mail service to see it."),
        ("Then call VerifyDomain.", "Then choose Check again."),
        ("ns1.example.com failed to answer.", "ns1.example.com failed to answer."),
        ("SESAME opens", "SESAME opens"),
        (
            "You have it already; GetDomain shows it and its records",
            "You have it already; it is in your list",
        ),
        ("Publish it as GetDomain shows; it is sent then.", "Publish it as its page shows; it is sent then."),
        ("Add it with CreateDomain first.", "Add it first."),
        (
            "this request_id was used before for something else; use a new one for a new request",
            "this form was sent before, and what it made is in the list; send it again to make another",
        ),
    ],
)
def test_a_services_sentence_is_said_plainly(said: str, plain: str) -> None:
    assert words.plain(said) == plain


def test_a_long_token_is_cut_in_advice_because_it_stands_beside_it() -> None:
    check = seen(cname(TOKENS[0]), RecordCheck.VERDICT_MISMATCH, hint=f"Points at {TOKENS[1]}.example.com.")

    assert words.advice(check) == "Points at bbbbbb….example.com."


def test_a_record_that_is_not_there_is_added_as_it_stands_beside_the_advice() -> None:
    hint = HINTS[Reason.NOT_THERE].format(type="MX", name=f"send.{DOMAIN}", zone=ZONE, host="send.inbox")

    said = words.advice(seen(mx(), RecordCheck.VERDICT_MISSING, hint=hint))

    assert said == "Not there yet. Add it in the DNS of mnexa.ai."


@pytest.mark.parametrize(
    ("distance", "said"),
    [
        ({"seconds": -59}, "just now"),
        ({"seconds": 59}, "in a moment"),
        ({"minutes": -2}, "2 min ago"),
        ({"minutes": -59, "seconds": -40}, "1 h ago"),
        ({"hours": -23}, "23 h ago"),
        ({"hours": -23, "minutes": -45}, "1 day ago"),
        ({"days": 3}, "in 3 days"),
        ({"days": -6, "hours": -23}, "7 days ago"),
        ({"days": -7}, "21 Nov 2026"),
        ({"days": 30}, "28 Dec 2026"),
    ],
)
def test_a_time_is_told_as_people_do(distance: dict[str, int], said: str) -> None:
    now = datetime(2026, 11, 28, 12, 0)  # noqa: DTZ001 - as protobuf gives them

    assert words.when(now + timedelta(**distance), now) == said


def test_the_headline_says_what_comes_next() -> None:
    pending = Verification(
        state=Domain.STATE_PENDING, records=checks(), state_note="DNS is right; waiting for SES to see it."
    )
    for check in pending.records[:5]:
        check.verdict = RecordCheck.VERDICT_FOUND

    assert words.found(pending.records) == (5, 5)
    assert words.headline(pending) == (
        "All records are found",
        "DNS is right; waiting for the mail service to see it.",
    )
    assert words.headline(Verification(state=Domain.STATE_READY))[0] == "Ready to send"
    assert (
        words.headline(Verification(state=Domain.STATE_PENDING, records=checks()))[0] == "Add these records"
    )


def an_email(state: Email.State.ValueType, *readers: Recipient.State.ValueType) -> Email:
    recipients = [Recipient(address=Address(address="a@example.com"), state=each) for each in readers]
    return Email(state=state, recipients=recipients)


@pytest.mark.parametrize(
    ("email", "journey", "moving", "outcome"),
    [
        (an_email(Email.STATE_QUEUED, Recipient.STATE_PENDING), "On its way", True, "Queued"),
        (
            an_email(Email.STATE_SENT, Recipient.STATE_PENDING),
            "Sent. Waiting to hear from the receiver",
            True,
            "Sent",
        ),
        (an_email(Email.STATE_SENT, Recipient.STATE_DELIVERED), "Delivered", False, "Delivered"),
        (
            an_email(Email.STATE_SENT, Recipient.STATE_DELIVERED, Recipient.STATE_BOUNCED),
            "Sent",
            False,
            "Bounced",
        ),
        (an_email(Email.STATE_HELD, Recipient.STATE_PENDING), "Held", False, "Held"),
        (an_email(Email.STATE_UNKNOWN, Recipient.STATE_PENDING), "On its way", True, "Unknown"),
    ],
)
def test_an_emails_journey_is_told_in_a_few_words(
    email: Email, journey: str, moving: bool, outcome: str  # noqa: FBT001 - a table
) -> None:  # fmt: skip
    assert words.journey(email) == journey
    assert words.moving(email) is moving
    assert chips.outcome(email).word == outcome


@pytest.mark.parametrize(("hours", "word"), [(1, "Scheduled"), (-1, "Queued")])
def test_an_email_that_is_to_leave_later_says_so(hours: int, word: str) -> None:
    email = an_email(Email.STATE_QUEUED, Recipient.STATE_PENDING)
    email.scheduled_time.FromDatetime(datetime.now(UTC) + timedelta(hours=hours))

    assert chips.outcome(email).word == word
