"""The sentence of each reason: what happened to an email or a recipient, and what to do next. Pure."""

from collections.abc import Mapping, Sequence
from typing import Unpack, cast

from chassis.sentences import Sentences
from services.sender.model.reasons import EmailReason, Explanation, Parameters

MAX_TEXT = 500  # characters of a parameter: receivers and SES may send more

MESSAGES: Mapping[EmailReason, str] = {
    EmailReason.UNSPECIFIED: "",
    EmailReason.ACCEPTED: "Accepted and queued.",
    EmailReason.SCHEDULED: "Accepted and scheduled.",
    EmailReason.RESCHEDULED: "Rescheduled.",
    EmailReason.CANCELED: "Canceled before it was submitted to SES. Nothing was sent.",
    EmailReason.TENANT_PAUSED: "Waits while the tenant is paused. Ask the operator to resume it.",
    EmailReason.TENANT_THROTTLED: "Waits because the tenant is throttled. {explanation}",
    EmailReason.TENANT_RATE_REACHED: "Waits because the tenant has reached its sending rate.",
    EmailReason.TENANT_DAILY_LIMIT_REACHED: (
        "Waits until tomorrow (00:00 UTC): the tenant has reached its daily sending limit."
    ),
    EmailReason.ACCOUNT_UNKNOWN: "Waits until SES reports what the account may send.",
    EmailReason.ACCOUNT_CLOSED: "Waits while SES does not accept email from this account.",
    EmailReason.SEND_SLOT_MISSED: "Waits because SES's sending rate is reached.",
    EmailReason.ATTEMPT_STARTED: "Attempt {attempt} to submit it to SES.",
    EmailReason.ATTEMPT_NOT_STARTED: (
        "The attempt could not be started; nothing was sent, and it will be retried."
    ),
    EmailReason.PROCESS_ENDED: (
        "The process ended before it submitted the email; nothing was sent, and it will be retried."
    ),
    EmailReason.MAY_CRASH_SENDERS: (
        "Five processes ended just before they submitted it, so this email may be what crashes them. "
        "Nothing was sent. An operator must decide."
    ),
    EmailReason.PARSERS_DISAGREE: (
        "Its MIME message would not be parsed the same way by every mail client; nothing was sent."
    ),
    EmailReason.BODY_ERASED: (
        "Its body was erased while the email was held. Nothing was sent; send it again."
    ),
    EmailReason.ALL_RECIPIENTS_SUPPRESSED: "Every recipient is on the suppression list. Nothing was sent.",
    EmailReason.DEADLINE_PASSED: "Its deadline passed before it could be submitted; nothing was sent.",
    EmailReason.DEADLINE_PASSED_PERHAPS_SENT: (
        "Its deadline passed. Whether it was sent is unknown: it may have been."
    ),
    EmailReason.DOMAIN_NOT_READY: (
        "{domain} is {domain_state} and cannot send under its own name. It is sent once the domain is ready: "
        "publish the records that GetDomain shows."
    ),
    EmailReason.DOMAIN_CAN_SEND: "Its domain can send again.",
    EmailReason.DOMAIN_DELETED: "Its domain was deleted before the email could be sent. Nothing was sent.",
    EmailReason.DOMAIN_SUPERSEDED: (
        "Another account proved control of the domain, so this account can no longer send from it. "
        "Nothing was sent."
    ),
    EmailReason.SES_ACCEPTED: "SES accepted it.",
    EmailReason.SES_EVENT_ARRIVED: "An SES event shows that SES accepted the email.",
    EmailReason.SES_RATE_EXCEEDED: "SES asked to slow down; the email is retried within seconds.",
    EmailReason.SES_QUOTA_EXCEEDED: (
        "SES's daily quota is used up; the email is retried as quota frees up. AWS raises it on request."
    ),
    EmailReason.SES_PAUSED: (
        "SES paused this account's sending; the email is retried until its deadline. "
        "The AWS console says why."
    ),
    EmailReason.SES_SETUP_REJECTED: (
        "SES rejected the account's setup, not this email: see the logs. It is retried until its deadline."
    ),
    EmailReason.SES_UNREACHABLE: "SES could not be reached, so nothing was sent; the email is retried.",
    EmailReason.RETURN_PATH_MISSING: (
        "SES cannot find the MX record of the return path. Publish it as GetDomain shows to send the email."
    ),
    EmailReason.IDENTITY_NOT_VERIFIED: (
        "SES does not accept the domain, because its identity was deleted there or is no longer verified. "
        "The email is sent once the domain is ready: publish the records that GetDomain shows."
    ),
    EmailReason.SES_REJECTED: "SES rejected this email.",
    EmailReason.REQUEST_INVALID: "SES rejected this email: its request is not valid.",
    EmailReason.CONTENT_REJECTED: "SES rejected the content after it had accepted the email.",
    EmailReason.RENDERING_FAILED: "SES could not render the template, so nothing was sent.",
    EmailReason.ANSWER_LOST: (
        "SES's answer was lost. The email is not sent again; an SES event will show whether it was sent."
    ),
    EmailReason.TAKEN_OVER: (
        "The process that submitted it ended before SES answered; waiting for SES's event."
    ),
    EmailReason.NO_SES_EVENT: (
        "SES's answer was lost and no event arrived. It may have been sent, so it is not resent "
        "automatically. If SES's event still arrives, it becomes SENT."
    ),
    EmailReason.RESENT: (
        "SES's answer was lost, and no event arrived while those of later emails did. It is sent once more."
    ),
    EmailReason.OPERATOR_HOLDS: (
        "The operator with key {operator_key} holds it until an operator decides; it may have been sent: "
        "{operator_reason}"
    ),
    EmailReason.OPERATOR_DECIDED_SENT: (
        "The operator with key {operator_key} decided that it was sent: {operator_reason}"
    ),
    EmailReason.OPERATOR_DECIDED_NOT_SENT: (
        "The operator with key {operator_key} decided that it was not sent and must not be: {operator_reason}"
    ),
    EmailReason.OPERATOR_DECIDED_RESEND: (
        "The operator with key {operator_key} decided that it must be sent once more: {operator_reason}"
    ),
    EmailReason.RECIPIENT_SUPPRESSED: "On the suppression list: not sent.",
    EmailReason.DELIVERY_STARTED: "SES accepted it and starts delivery.",
    EmailReason.DELAYED: "Delayed; SES retries.",
    EmailReason.DELIVERED: "Delivered.",
    EmailReason.BOUNCED: "Bounced.",
    EmailReason.COMPLAINED: "Reported as spam.",
    EmailReason.OPENED: "Opened by a person or a machine.",
    EmailReason.CLICKED: "A link was clicked.",
    EmailReason.SUBSCRIPTION_CHANGED: "A subscription changed.",
    EmailReason.UNKNOWN_EVENT: "SES reported an event of an unknown type.",
    EmailReason.BOUNCED_ELSEWHERE: (
        "Bounced at {address}, which this email was not sent to; a recipient may forward email there. "
        "Nobody was suppressed."
    ),
}
# Sentences with details that others report and may leave out. The first one whose parameters are all known
# replaces that of MESSAGES.
DETAILED: Mapping[EmailReason, Sequence[str]] = {
    EmailReason.TENANT_PAUSED: (
        "Waits while the tenant is paused ({explanation}). Ask the operator to resume it.",
    ),
    EmailReason.ACCOUNT_UNKNOWN: ("Waits until SES reports what the account may send. {explanation}",),
    EmailReason.ACCOUNT_CLOSED: ("Waits while SES does not accept email from this account. {explanation}",),
    EmailReason.SES_REJECTED: (
        "SES rejected this email: {ses_message}",
        "SES rejected this email: {ses_code}.",
    ),
    EmailReason.CONTENT_REJECTED: (
        "SES rejected the content after it had accepted the email: {ses_message}.",
    ),
    EmailReason.RENDERING_FAILED: ("SES could not render the template, so nothing was sent: {ses_message}",),
    EmailReason.DELAYED: ("Delayed ({delay_type}); SES retries.",),
    EmailReason.DELIVERED: ("Delivered: {response}",),
    EmailReason.BOUNCED: (
        "Bounced ({bounce_type}/{bounce_sub_type}): {response}",
        "Bounced ({bounce_type}/{bounce_sub_type}).",
    ),
    EmailReason.BOUNCED_ELSEWHERE: (
        (
            "Bounced at {address}, which this email was not sent to; a recipient may forward email there. "
            "Nobody was suppressed. The response was: {response}"
        ),
    ),
    EmailReason.COMPLAINED: ("Reported as spam ({feedback_type}).",),
    EmailReason.OPENED: ("Opened by a person or a machine: {user_agent}",),
    EmailReason.CLICKED: ("A link was clicked: {link}",),
    EmailReason.SUBSCRIPTION_CHANGED: ("A subscription changed: {contact_list}",),
}


SENTENCES = Sentences(MESSAGES, DETAILED)


def explain(reason: EmailReason, **parameters: Unpack[Parameters]) -> Explanation:
    """Return a reason with its sentence and its parameters, without empty ones and with long texts cut."""
    known = {name: _cut(value) for name, value in parameters.items() if value}
    return Explanation(reason, cast("Parameters", known), SENTENCES.sentence(reason, known))


def _cut(value: object) -> object:
    return f"{value[: MAX_TEXT - 1]}…" if isinstance(value, str) and len(value) > MAX_TEXT else value
