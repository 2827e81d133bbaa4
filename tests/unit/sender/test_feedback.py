"""The effect of SES's events on recipients and on the suppression list."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import pytest

from chassis.events import ReceivedEvent
from services.sender.events.feedback import FEEDBACK, read_report
from services.sender.model.emails import Reason
from services.sender.model.feedback import Report, Word, to_suppress, word
from services.sender.model.messages import MAX_TEXT, explain
from services.sender.model.reasons import EmailReason, Explanation
from services.sender.model.states import RecipientState

EMAIL = uuid4()


def received(subject: str, **data: Any) -> ReceivedEvent:
    """Return an event of webhooks about EMAIL, as received from NATS."""
    email = {"id": str(EMAIL), "tenantId": str(uuid4()), "sesId": "0100"}
    return ReceivedEvent(uuid4(), subject, datetime.now(UTC), None, str(EMAIL), {"email": email} | data)


def bounce(bounce_type: str, sub_type: str, *, hard: bool, status: str = "5.1.1") -> Report:
    recipients = [{"address": "Reader@Example.com", "status": status, "diagnosticCode": status and "550 no"}]
    data = {"bounceType": bounce_type, "bounceSubType": sub_type, "hard": hard, "recipients": recipients}
    return read_report(received("bounce.received", **data))


BOUNCES = [
    (bounce("Permanent", "General", hard=True), RecipientState.BOUNCED, Reason.BOUNCE),
    (bounce("Permanent", "NoEmail", hard=True), RecipientState.BOUNCED, Reason.BOUNCE),
    (bounce("Permanent", "OnAccountSuppressionList", hard=False), RecipientState.BOUNCED, None),
    (bounce("Permanent", "Suppressed", hard=False), RecipientState.BOUNCED, None),
    (bounce("Transient", "MailboxFull", hard=False), RecipientState.BOUNCED, None),
    (bounce("Transient", "General", hard=False), RecipientState.BOUNCED, None),
    (bounce("Transient", "General", hard=False, status=""), None, None),  # an automatic reply
    (bounce("Undetermined", "Undetermined", hard=False), RecipientState.BOUNCED, None),
    (bounce("Novel", "Kind", hard=False), RecipientState.BOUNCED, None),
]


@pytest.mark.parametrize(("report", "state", "suppress"), BOUNCES)
def test_only_a_hard_bounce_suppresses_an_address(
    report: Report, state: RecipientState | None, suppress: Reason | None
) -> None:
    assert (report.email_id, report.ses_id) == (EMAIL, "0100")
    assert (report.state, report.suppress) == (state, suppress)
    assert [each.match for each in report.words] == ["reader@example.com"]


@pytest.mark.parametrize(
    ("bounce_type", "sub_type", "status", "soft"),
    [
        ("Transient", "MailboxFull", "4.2.2", True),
        ("Transient", "MailboxFull", "", True),
        ("Transient", "General", "4.0.0", True),
        ("Transient", "General", "", False),  # an automatic reply
        ("Transient", "MessageTooLarge", "5.3.4", False),
        ("Transient", "ContentRejected", "5.6.1", False),
        ("Transient", "AttachmentRejected", "5.6.1", False),
        ("Transient", "CustomTimeoutExceeded", "4.4.7", False),
        ("Undetermined", "Undetermined", "4.0.0", False),
        ("Permanent", "General", "5.1.1", False),
    ],
)
def test_a_soft_bounce_counts_if_it_is_about_the_mailbox(
    bounce_type: str, sub_type: str, status: str, *, soft: bool
) -> None:
    report = bounce(bounce_type, sub_type, hard=bounce_type == "Permanent", status=status)

    assert report.soft == soft


@pytest.mark.parametrize(("counted", "state"), [(True, RecipientState.COMPLAINED), (False, None)])
def test_a_complaint_counts_only_if_a_person_made_it(*, counted: bool, state: RecipientState | None) -> None:
    data = {"recipients": ["reader@example.com"], "feedbackType": "abuse", "counted": counted}

    report = read_report(received("complaint.received", **data))

    assert report.state == state
    assert report.suppress == (Reason.COMPLAINT if counted else None)


def test_deliveries_and_delays_set_the_recipient_state() -> None:
    delivery = read_report(received("delivery.received", recipients=["a@b.com"], smtpResponse="250 ok"))
    delay = read_report(received("delay.received", recipients=["a@b.com"], delayType="MailboxFull"))

    assert (delivery.state, delivery.words) == (
        RecipientState.DELIVERED,
        [Word("a@b.com", explain(EmailReason.DELIVERED, response="250 ok"))],
    )
    assert delay.state == RecipientState.DELAYED
    assert {delivery.suppress, delay.suppress} == {None}


@pytest.mark.parametrize(
    ("subject", "reason"),
    [
        ("reject.received", EmailReason.CONTENT_REJECTED),
        ("rendering.failed", EmailReason.RENDERING_FAILED),
    ],
)
def test_an_email_that_ses_rejects_later_gets_a_reason(subject: str, reason: EmailReason) -> None:
    report = read_report(received(subject, reason="Bad content"))

    why = explain(reason, ses_message="Bad content")
    assert (report.state, report.suppress, report.rejected) == (None, None, why)
    assert "Bad content" in why.message


def test_a_bounce_says_what_the_receiver_answered() -> None:
    [word] = bounce("Permanent", "NoEmail", hard=True).words

    assert word.why.message == "Bounced (Permanent/NoEmail): 550 no"
    assert word.why.parameters == {
        "bounce_type": "Permanent",
        "bounce_sub_type": "NoEmail",
        "enhanced_status": "5.1.1",
        "response": "550 no",
    }


@pytest.mark.parametrize("subject", FEEDBACK)
def test_an_event_without_data_is_read(subject: str) -> None:
    report = read_report(ReceivedEvent(uuid4(), subject, datetime.now(UTC), None, "", {}))

    assert report.email_id is None
    assert not report.words


def report_on(*matches: str) -> Report:
    return Report(
        UUID(int=1), "0100", [Word(match, Explanation()) for match in matches], suppress=Reason.BOUNCE
    )


def test_only_an_emails_own_recipients_are_suppressed() -> None:
    chosen = to_suppress(report_on("a@b.com", "stranger@b.com"), ["a@b.com", "c@b.com"])

    assert [each.match for each in chosen] == ["a@b.com"]


@pytest.mark.parametrize("local_part", ["bounce", "bounce+label", "complaint", "suppressionlist"])
def test_simulator_addresses_are_never_suppressed(local_part: str) -> None:
    address = f"{local_part}@simulator.amazonses.com"

    assert to_suppress(report_on(address), [address]) == []


def test_a_long_receiver_response_is_cut() -> None:
    cut = word(" Reader@Example.com ", explain(EmailReason.DELIVERED, response="x" * 10_000))

    assert cut.match == "reader@example.com"
    assert len(cut.why.parameters["response"]) == MAX_TEXT
    assert len(cut.why.message) == len("Delivered: ") + MAX_TEXT
