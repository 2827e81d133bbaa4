"""The sentence of each reason on the pages about emails, without the provider and its terms. Pure."""

from collections.abc import Mapping, Sequence

from chassis.sentences import Sentences
from letterhead.events.v1 import email_reason_pb2 as pb
from letterhead.events.v1.email_parameters_pb2 import EmailParameters
from letterhead.events.v1.suppression_reason_pb2 import SuppressionReason
from letterhead.sender.v1.emails_pb2 import Email, Recipient, TimelineEntry
from letterhead.sender.v1.suppressions_pb2 import Suppression

MESSAGES: Mapping[int, str] = {
    pb.EMAIL_REASON_ACCEPTED: "Accepted and queued.",
    pb.EMAIL_REASON_SCHEDULED: "Accepted and scheduled.",
    pb.EMAIL_REASON_RESCHEDULED: "Rescheduled.",
    pb.EMAIL_REASON_CANCELED: "Canceled. Nothing was sent.",
    pb.EMAIL_REASON_TENANT_PAUSED: "Waits while sending is paused. Ask the operator to resume it.",
    pb.EMAIL_REASON_TENANT_THROTTLED: "Waits because sending is throttled. {explanation}",
    pb.EMAIL_REASON_TENANT_RATE_REACHED: "Waits because your sending rate is reached.",
    pb.EMAIL_REASON_TENANT_DAILY_LIMIT_REACHED: (
        "Waits until tomorrow (00:00 UTC): your daily sending limit is reached."
    ),
    pb.EMAIL_REASON_ACCOUNT_UNKNOWN: "Waits until the mail service reports what may be sent.",
    pb.EMAIL_REASON_ACCOUNT_CLOSED: "Waits while the mail service does not accept email.",
    pb.EMAIL_REASON_SEND_SLOT_MISSED: "Waits because the sending rate of the mail service is reached.",
    pb.EMAIL_REASON_ATTEMPT_STARTED: "Attempt {attempt} to submit it to the mail service.",
    pb.EMAIL_REASON_ATTEMPT_NOT_STARTED: "It could not be submitted. Nothing was sent; it will be retried.",
    pb.EMAIL_REASON_PROCESS_ENDED: "It could not be submitted. Nothing was sent; it will be retried.",
    pb.EMAIL_REASON_MAY_CRASH_SENDERS: (
        "It repeatedly could not be submitted. Nothing was sent. The operator must decide."
    ),
    pb.EMAIL_REASON_PARSERS_DISAGREE: (
        "Its content would not be read the same way by every mail client. Nothing was sent."
    ),
    pb.EMAIL_REASON_BODY_ERASED: (
        "Its body was erased while the email was held. Nothing was sent; send it again."
    ),
    pb.EMAIL_REASON_ALL_RECIPIENTS_SUPPRESSED: (
        "Every recipient is on the suppression list. Nothing was sent."
    ),
    pb.EMAIL_REASON_DEADLINE_PASSED: "Its deadline passed before it could be submitted. Nothing was sent.",
    pb.EMAIL_REASON_DEADLINE_PASSED_PERHAPS_SENT: "Its deadline passed. It may have been sent.",
    pb.EMAIL_REASON_DOMAIN_NOT_READY: (
        "{domain} cannot send under its own name. The email is sent once the domain is ready: publish the "
        "records that its page shows."
    ),
    pb.EMAIL_REASON_DOMAIN_CAN_SEND: "Its domain can send again.",
    pb.EMAIL_REASON_DOMAIN_DELETED: "Its domain was deleted before the email was sent. Nothing was sent.",
    pb.EMAIL_REASON_DOMAIN_SUPERSEDED: (
        "Another account proved control of the domain, so you can no longer send from it. Nothing was sent."
    ),
    pb.EMAIL_REASON_SES_ACCEPTED: "The mail service accepted it.",
    pb.EMAIL_REASON_SES_EVENT_ARRIVED: "The mail service reported that it accepted the email.",
    pb.EMAIL_REASON_SES_RATE_EXCEEDED: (
        "The mail service asked to slow down. The email is retried within seconds."
    ),
    pb.EMAIL_REASON_SES_QUOTA_EXCEEDED: (
        "The daily quota of the mail service is used up. The email is retried as quota frees up."
    ),
    pb.EMAIL_REASON_SES_PAUSED: ("The mail service paused sending. The email is retried until its deadline."),
    pb.EMAIL_REASON_SES_SETUP_REJECTED: (
        "The mail service rejected its setup, not this email. The email is retried until its deadline."
    ),
    pb.EMAIL_REASON_SES_UNREACHABLE: (
        "The mail service could not be reached. Nothing was sent; the email is retried."
    ),
    pb.EMAIL_REASON_RETURN_PATH_MISSING: (
        "The mail service cannot find the MX record of the return path. Publish it as the page of the domain "
        "shows."
    ),
    pb.EMAIL_REASON_IDENTITY_NOT_VERIFIED: (
        "The mail service no longer accepts the domain. The email is sent once the domain is ready: publish "
        "the records that its page shows."
    ),
    pb.EMAIL_REASON_SES_REJECTED: "The mail service rejected this email.",
    pb.EMAIL_REASON_REQUEST_INVALID: "The mail service rejected this email: its request is not valid.",
    pb.EMAIL_REASON_CONTENT_REJECTED: "The mail service accepted the email, then rejected its content.",
    pb.EMAIL_REASON_RENDERING_FAILED: (
        "The mail service could not render the template, so nothing was sent."
    ),
    pb.EMAIL_REASON_ANSWER_LOST: (
        "The answer of the mail service was lost. Its reports will show whether the email was sent."
    ),
    pb.EMAIL_REASON_TAKEN_OVER: (
        "The answer of the mail service was lost. Its reports will show whether the email was sent."
    ),
    pb.EMAIL_REASON_NO_SES_EVENT: (
        "The answer of the mail service was lost and no report arrived. The email may have been sent, so it "
        "is not sent again automatically."
    ),
    pb.EMAIL_REASON_RESENT: (
        "The answer of the mail service was lost and no report arrived. The email is sent once more."
    ),
    pb.EMAIL_REASON_OPERATOR_HOLDS: (
        "The operator holds it until a decision. It may have been sent: {operator_reason}"
    ),
    pb.EMAIL_REASON_OPERATOR_DECIDED_SENT: "The operator decided that it was sent: {operator_reason}",
    pb.EMAIL_REASON_OPERATOR_DECIDED_NOT_SENT: (
        "The operator decided that it was not sent and must not be: {operator_reason}"
    ),
    pb.EMAIL_REASON_OPERATOR_DECIDED_RESEND: (
        "The operator decided that it must be sent once more: {operator_reason}"
    ),
    pb.EMAIL_REASON_RECIPIENT_SUPPRESSED: "On the suppression list: not sent.",
    pb.EMAIL_REASON_DELIVERY_STARTED: "The mail service accepted it and starts delivery.",
    pb.EMAIL_REASON_DELAYED: "Delayed. The mail service retries.",
    pb.EMAIL_REASON_DELIVERED: "Delivered.",
    pb.EMAIL_REASON_BOUNCED: "Bounced.",
    pb.EMAIL_REASON_COMPLAINED: "Reported as spam.",
    pb.EMAIL_REASON_OPENED: "Opened by a person or a machine.",
    pb.EMAIL_REASON_CLICKED: "A link was clicked.",
    pb.EMAIL_REASON_SUBSCRIPTION_CHANGED: "A subscription changed.",
    pb.EMAIL_REASON_UNKNOWN_EVENT: "The mail service reported an event of an unknown type.",
    pb.EMAIL_REASON_BOUNCED_ELSEWHERE: (
        "Bounced at {address}, which this email was not sent to; a recipient may forward email there. "
        "No address was suppressed."
    ),
}
DETAILED: Mapping[int, Sequence[str]] = {
    pb.EMAIL_REASON_TENANT_PAUSED: (
        "Waits while sending is paused ({explanation}). Ask the operator to resume it.",
    ),
    pb.EMAIL_REASON_SES_REJECTED: ("The mail service rejected this email: {ses_message}",),
    pb.EMAIL_REASON_CONTENT_REJECTED: (
        "The mail service accepted the email, then rejected its content: {ses_message}.",
    ),
    pb.EMAIL_REASON_RENDERING_FAILED: (
        "The mail service could not render the template, so nothing was sent: {ses_message}",
    ),
    pb.EMAIL_REASON_DELAYED: ("Delayed ({delay_type}). The mail service retries.",),
    pb.EMAIL_REASON_DELIVERED: ("Delivered: {response}",),
    pb.EMAIL_REASON_BOUNCED: (
        "Bounced ({bounce_type}/{bounce_sub_type}): {response}",
        "Bounced ({bounce_type}/{bounce_sub_type}).",
    ),
    pb.EMAIL_REASON_BOUNCED_ELSEWHERE: (
        (
            "Bounced at {address}, which this email was not sent to; a recipient may forward email there. "
            "No address was suppressed. The response was: {response}"
        ),
    ),
    pb.EMAIL_REASON_COMPLAINED: ("Reported as spam ({feedback_type}).",),
    pb.EMAIL_REASON_OPENED: ("Opened by a person or a machine: {user_agent}",),
    pb.EMAIL_REASON_CLICKED: ("A link was clicked: {link}",),
    pb.EMAIL_REASON_SUBSCRIPTION_CHANGED: ("A subscription changed: {contact_list}",),
}
SENTENCES = Sentences(MESSAGES, DETAILED)
_OF_SUPPRESSION = {
    SuppressionReason.SUPPRESSION_REASON_BOUNCE: pb.EMAIL_REASON_BOUNCED,
    SuppressionReason.SUPPRESSION_REASON_COMPLAINT: pb.EMAIL_REASON_COMPLAINED,
}


def of_state(thing: Email | Recipient) -> str:
    """Return why an email or a recipient is in its state."""
    return _sentence(thing.state_reason, thing.state_parameters, thing.state_message)


def of_entry(entry: TimelineEntry) -> str:
    """Return what an entry of a timeline is about."""
    return _sentence(entry.reason, entry.parameters, entry.message)


def of_suppression(suppression: Suppression) -> str:
    """Return why an address is suppressed: what a person noted, or what the receiver reported."""
    if suppression.reason not in _OF_SUPPRESSION or not suppression.HasField("parameters"):
        return suppression.note or suppression.message
    return _sentence(_OF_SUPPRESSION[suppression.reason], suppression.parameters, suppression.message)


def _sentence(reason: int, parameters: EmailParameters, message: str) -> str:
    """Return the sentence of a reason; sender's message if another release stored one unknown here."""
    if reason not in SENTENCES:
        return message
    return SENTENCES.sentence(reason, {field.name: value for field, value in parameters.ListFields()})
