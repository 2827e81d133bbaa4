"""The sentences of the pages about emails, chosen by reason."""

import pytest

from letterhead.events.v1 import email_reason_pb2 as reasons
from letterhead.events.v1.email_parameters_pb2 import EmailParameters
from letterhead.events.v1.suppression_reason_pb2 import SuppressionReason
from letterhead.sender.v1.emails_pb2 import Email, Recipient, TimelineEntry
from letterhead.sender.v1.suppressions_pb2 import Suppression
from services.console import email_messages, texts

BOUNCE = EmailParameters(bounce_type="Permanent", bounce_sub_type="NoEmail", response="550 no")


def test_a_sentence_is_chosen_by_reason_and_mentions_the_parameters() -> None:
    email = Email(
        state_reason=reasons.EMAIL_REASON_ATTEMPT_STARTED,
        state_parameters=EmailParameters(attempt=2),
        state_message="Attempt 2 to submit it to SES.",
    )

    assert email_messages.of_state(email) == "Attempt 2 to submit it to the mail service."


@pytest.mark.parametrize(
    ("parameters", "sentence"),
    [
        (BOUNCE, "Bounced (Permanent/NoEmail): 550 no"),
        (EmailParameters(bounce_type="Transient", bounce_sub_type="General"), "Bounced (Transient/General)."),
        (EmailParameters(), "Bounced."),
    ],
)
def test_details_that_are_not_known_are_left_out(parameters: EmailParameters, sentence: str) -> None:
    entry = TimelineEntry(reason=reasons.EMAIL_REASON_BOUNCED, parameters=parameters)

    assert email_messages.of_entry(entry) == sentence


@pytest.mark.parametrize("reason", [reasons.EMAIL_REASON_UNSPECIFIED, 4_711])
def test_the_message_is_shown_for_a_reason_of_another_release(reason: reasons.EmailReason.ValueType) -> None:
    recipient = Recipient(state_message="Greylisted.")
    recipient.MergeFromString(Recipient(state_reason=reason).SerializeToString())

    assert email_messages.of_state(recipient) == "Greylisted."


@pytest.mark.parametrize(
    ("suppression", "sentence"),
    [
        (Suppression(reason=SuppressionReason.SUPPRESSION_REASON_MANUAL, note="Asked SES"), "Asked SES"),
        (Suppression(reason=SuppressionReason.SUPPRESSION_REASON_MANUAL), ""),
        (
            Suppression(
                reason=SuppressionReason.SUPPRESSION_REASON_BOUNCE, message="Bounced.", parameters=BOUNCE
            ),
            "Bounced (Permanent/NoEmail): 550 no",
        ),
        (
            Suppression(
                reason=SuppressionReason.SUPPRESSION_REASON_COMPLAINT,
                message="Reported as spam (abuse).",
            ),
            "Reported as spam (abuse).",
        ),
    ],
)
def test_a_suppression_says_what_a_person_noted_or_the_receiver_reported(
    suppression: Suppression, sentence: str
) -> None:
    assert email_messages.of_suppression(suppression) == sentence


def test_the_last_message_is_that_of_a_receiver_then_of_the_timeline_then_of_the_email() -> None:
    email = Email(state_message="SES accepted it.", state_reason=reasons.EMAIL_REASON_SES_ACCEPTED)
    own = texts.last_message(email)
    email.timeline.add(message="Accepted and queued.", reason=reasons.EMAIL_REASON_ACCEPTED)
    entry = texts.last_message(email)
    email.recipients.add(
        state_message="Delivered.",
        state_reason=reasons.EMAIL_REASON_DELIVERED,
        state_parameters=EmailParameters(response="250 ok"),
    )

    assert (own, entry, texts.last_message(email)) == (
        "The mail service accepted it.",
        "Accepted and queued.",
        "Delivered: 250 ok",
    )
