"""The texts of the pages: every state has a label, and a headline says what to do next."""

from datetime import UTC, datetime, timedelta

import pytest

from letterhead.events.v1.email_reason_pb2 import EMAIL_REASON_BOUNCED_ELSEWHERE
from letterhead.identity.v1.domains_pb2 import Domain
from letterhead.sender.v1.emails_pb2 import Address, Email, Recipient
from letterhead.verifier.v1.verifier_pb2 import RecordCheck
from services.console import chips, dates, texts


def test_every_state_has_a_chip_with_a_unique_label() -> None:
    shown = [
        [chips.domain_state(state) for state in Domain.State.values() if state],
        [chips.email_state(state) for state in Email.State.values() if state],
        [chips.recipient_state(state) for state in Recipient.State.values() if state],
        [chips.record(RecordCheck(status=status)) for status in RecordCheck.Status.values()],
    ]

    for kind in shown:
        assert len({chip.word for chip in kind}) == len(kind)
        assert chips.Chip("Unknown", "quiet", "question") not in kind


@pytest.mark.parametrize(
    ("distance", "text"),
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
def test_a_time_is_shown_relative_to_now(distance: dict[str, int], text: str) -> None:
    now = datetime(2026, 11, 28, 12, 0)  # noqa: DTZ001 - as protobuf returns them

    assert dates.when(now + timedelta(**distance), now) == text


def an_email(state: Email.State.ValueType, *recipient_states: Recipient.State.ValueType) -> Email:
    address = Address(address="a@example.com")
    recipients = [Recipient(address=address, state=each) for each in recipient_states]
    return Email(state=state, recipients=recipients)


@pytest.mark.parametrize(
    ("email", "journey", "moving", "outcome"),
    [
        (an_email(Email.STATE_QUEUED, Recipient.STATE_PENDING), "Sending", True, "Queued"),
        (
            an_email(Email.STATE_SENT, Recipient.STATE_PENDING),
            "Sent, waiting for delivery confirmation",
            True,
            "Sent",
        ),
        (an_email(Email.STATE_SENT, Recipient.STATE_DELIVERED), "Delivered", False, "Delivered"),
        (
            an_email(Email.STATE_SENT, Recipient.STATE_DELIVERED, Recipient.STATE_BOUNCED),
            "Sent",
            False,
            "Partly bounced",
        ),
        (
            an_email(Email.STATE_SENT, Recipient.STATE_DELIVERED, Recipient.STATE_SUPPRESSED),
            "Sent",
            False,
            "Partly delivered",
        ),
        (
            an_email(Email.STATE_SENT, Recipient.STATE_PENDING, Recipient.STATE_SUPPRESSED),
            "Sent, waiting for delivery confirmation",
            True,
            "Sent",
        ),
        (an_email(Email.STATE_HELD, Recipient.STATE_PENDING), "Held", False, "Held"),
        (an_email(Email.STATE_UNKNOWN, Recipient.STATE_PENDING), "Sending", True, "Unknown"),
    ],
)
def test_the_status_of_an_email_is_shown_in_a_few_words(
    email: Email, journey: str, moving: bool, outcome: str  # noqa: FBT001 - a table
) -> None:  # fmt: skip
    assert texts.journey(email) == journey
    assert texts.moving(email) is moving
    assert chips.outcome(email).word == outcome


@pytest.mark.parametrize(("hours", "word"), [(1, "Scheduled"), (-1, "Queued")])
def test_an_email_with_a_future_send_time_is_shown_as_scheduled(hours: int, word: str) -> None:
    email = an_email(Email.STATE_QUEUED, Recipient.STATE_PENDING)
    email.scheduled_time.FromDatetime(datetime.now(UTC) + timedelta(hours=hours))

    assert chips.outcome(email).word == word


def a_reported_email(*reports: tuple[str, str]) -> Email:
    """Return an email to Ada with a timeline of what was reported, as pairs of address and sentence."""
    email = Email(recipients=[Recipient(address=Address(address="Ada@example.com"))])
    email.timeline.add(state=Email.STATE_SENT, message="SES accepted it.")
    for address, message in reports:
        email.timeline.add(recipients=[address], message=message)
    return email


def test_reports_about_addresses_that_the_email_was_not_sent_to_are_shown_apart() -> None:
    email = a_reported_email(
        ("ada@example.com", "Delivered."), ("Forwarded@elsewhere.example", "Delayed."),
        ("forwarded@elsewhere.example", "Reported as spam."), ("other@elsewhere.example", "Bounced."),
    )  # fmt: skip

    shown = {address: [each.message for each in entries] for address, entries in texts.others(email).items()}

    assert shown == {
        "forwarded@elsewhere.example": ["Delayed.", "Reported as spam."],
        "other@elsewhere.example": ["Bounced."],
    }
    assert texts.last_message(email) == "Delivered."
    assert (
        texts.last_message(a_reported_email(("forwarded@elsewhere.example", "Bounced.")))
        == "SES accepted it."
    )


def test_a_bounce_elsewhere_is_the_last_message_of_an_email_without_a_response() -> None:
    email = a_reported_email(("forwarded@elsewhere.example", "Bounced."))
    email.state_reason = EMAIL_REASON_BOUNCED_ELSEWHERE
    email.state_parameters.address = "forwarded@elsewhere.example"

    assert texts.last_message(email).startswith("Bounced at forwarded@elsewhere.example")


@pytest.mark.parametrize(
    ("email", "word"),
    [
        (an_email(Email.STATE_QUEUED, Recipient.STATE_PENDING), "Pending"),
        (an_email(Email.STATE_SENT, Recipient.STATE_PENDING), "Pending"),
        (an_email(Email.STATE_SENT, Recipient.STATE_BOUNCED), "Bounced"),
        (an_email(Email.STATE_FAILED, Recipient.STATE_PENDING), "Not sent"),
        (an_email(Email.STATE_CANCELED, Recipient.STATE_PENDING), "Not sent"),
        (an_email(Email.STATE_EXPIRED, Recipient.STATE_PENDING), "Expired"),
        (an_email(Email.STATE_HELD, Recipient.STATE_PENDING), "Held"),
        (an_email(Email.STATE_UNKNOWN, Recipient.STATE_PENDING), "Unknown"),
        (an_email(Email.STATE_SUPPRESSED, Recipient.STATE_SUPPRESSED), "Suppressed"),
    ],
)
def test_a_recipient_never_waits_for_an_email_that_does_not_leave(email: Email, word: str) -> None:
    assert chips.recipient(email.recipients[0], email).word == word


@pytest.mark.parametrize(
    ("state", "arrives"), [(Recipient.STATE_DELIVERED, True), (Recipient.STATE_BOUNCED, False)]
)
def test_only_an_email_that_a_receiver_accepts_is_illustrated(
    state: Recipient.State.ValueType, arrives: bool  # noqa: FBT001 - a table
) -> None:  # fmt: skip
    assert texts.arrives(an_email(Email.STATE_SENT, state)) is arrives
