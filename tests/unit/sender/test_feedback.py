"""What SES's events say of recipients, and whom they put on the suppression list."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import pytest

from chassis.events import ReceivedEvent
from services.sender.events import FEEDBACK, read_report
from services.sender.model.emails import Reason, RecipientState
from services.sender.model.feedback import MAX_NOTE, Report, Word, to_suppress, word

EMAIL = uuid4()


def heard(subject: str, **data: Any) -> ReceivedEvent:
    """An event of webhooks about EMAIL, as it comes from NATS."""
    email = {"id": str(EMAIL), "tenantId": str(uuid4()), "sesId": "0100"}
    return ReceivedEvent(uuid4(), subject, datetime.now(UTC), None, str(EMAIL), {"email": email} | data)


def bounce(bounce_type: str, sub_type: str, *, hard: bool, status: str = "5.1.1") -> Report:
    recipients = [{"address": "Reader@Example.com", "status": status, "diagnosticCode": status and "550 no"}]
    data = {"bounceType": bounce_type, "bounceSubType": sub_type, "hard": hard, "recipients": recipients}
    return read_report(heard("bounce.received", **data))


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
def test_a_bounce_tells_against_an_address_when_it_is_hard(
    report: Report, state: RecipientState | None, suppress: Reason | None
) -> None:
    assert (report.email_id, report.ses_id) == (EMAIL, "0100")
    assert (report.state, report.suppress) == (state, suppress)
    assert [each.match for each in report.words] == ["reader@example.com"]


@pytest.mark.parametrize(("counted", "state"), [(True, RecipientState.COMPLAINED), (False, None)])
def test_a_complaint_counts_when_a_person_made_it(*, counted: bool, state: RecipientState | None) -> None:
    data = {"recipients": ["reader@example.com"], "feedbackType": "abuse", "counted": counted}

    report = read_report(heard("complaint.received", **data))

    assert report.state == state
    assert report.suppress == (Reason.COMPLAINT if counted else None)


def test_the_other_events_say_where_an_email_is() -> None:
    delivery = read_report(heard("delivery.received", recipients=["a@b.com"], smtpResponse="250 ok"))
    delay = read_report(heard("delay.received", recipients=["a@b.com"], delayType="MailboxFull"))

    assert (delivery.state, delivery.words) == (
        RecipientState.DELIVERED,
        [Word("a@b.com", "Delivered: 250 ok")],
    )
    assert delay.state == RecipientState.DELAYED
    assert {delivery.suppress, delay.suppress} == {None}


@pytest.mark.parametrize(
    ("subject", "sentence"),
    [
        ("reject.received", "SES rejected the content after it had accepted the email: Bad content."),
        ("rendering.failed", "SES could not render the template, so nothing was sent: Bad content"),
    ],
)
def test_what_ses_does_not_send_after_all_is_said_in_a_sentence(subject: str, sentence: str) -> None:
    report = read_report(heard(subject, reason="Bad content"))

    assert (report.state, report.suppress, report.rejected) == (None, None, sentence)


@pytest.mark.parametrize("subject", FEEDBACK)
def test_an_event_may_lack_everything(subject: str) -> None:
    report = read_report(ReceivedEvent(uuid4(), subject, datetime.now(UTC), None, "", {}))

    assert report.email_id is None
    assert not report.words


def report_on(*matches: str) -> Report:
    return Report(UUID(int=1), "0100", [Word(match, "") for match in matches], suppress=Reason.BOUNCE)


def test_only_an_emails_own_recipients_are_suppressed() -> None:
    chosen = to_suppress(report_on("a@b.com", "stranger@b.com"), ["a@b.com", "c@b.com"])

    assert [each.match for each in chosen] == ["a@b.com"]


@pytest.mark.parametrize("local_part", ["bounce", "bounce+label", "complaint", "suppressionlist"])
def test_the_simulators_addresses_are_never_suppressed(local_part: str) -> None:
    address = f"{local_part}@simulator.amazonses.com"

    assert to_suppress(report_on(address), [address]) == []


def test_what_a_receiver_said_is_kept_in_bounds() -> None:
    said = word(" Reader@Example.com ", "x" * 10_000)

    assert said.match == "reader@example.com"
    assert len(said.note) == MAX_NOTE
