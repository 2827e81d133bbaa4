"""The content of events: the `mail` object and the block of each type, as in SES's developer guide."""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.utils import getaddresses
from typing import Any

from sandbox.aws.emails import Email, new_id
from sandbox.aws.times import milliseconds

REPORTING_MTA = "a8-31.smtp-out.amazonses.com"
OUTGOING_IP = "203.0.113.10"
SUPPRESSED = (
    "Amazon SES did not send the message to this address because it is on the suppression list for your "
    "account. For more information about removing addresses from the suppression list, see the Amazon SES "
    "Developer Guide at https://docs.aws.amazon.com/ses/latest/DeveloperGuide/sending-email-suppression-list.html"
)
_EXPIRES_AFTER = timedelta(hours=14)  # SES stops retrying a deferred email after about 14 hours
_HEADERS_LIMIT = 10 * 1024  # bytes of headers in an event; with more, all are omitted
_ENHANCED = re.compile(r"\b([245]\.\d{1,3}\.\d{1,3})\b")
_SUBTYPES = {"5.2.2": ("Transient", "MailboxFull"), "5.3.4": ("Transient", "MessageTooLarge")}

Block = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Response:
    """A mail server's response for one recipient; code 0 if there was none."""

    recipient: str
    code: int
    text: str
    known_status: str | None = None

    @property
    def taken(self) -> bool:
        """Return whether the server accepted the email for the recipient."""
        return 200 <= self.code < 300

    @property
    def refused(self) -> bool:
        """Return whether the server refused it permanently."""
        return 500 <= self.code < 600

    @property
    def status(self) -> str:
        """Return the enhanced status code, RFC 3463; the class's X.0.0 if the server gave none."""
        found = _ENHANCED.search(self.text)
        return self.known_status or (found[1] if found else f"{str(self.code)[0] if self.code else 4}.0.0")

    @property
    def diagnostic_code(self) -> str:
        """Return the response in the form of a DSN's Diagnostic-Code."""
        return f"smtp; {self.verbatim()}" if self.code else self.text

    def verbatim(self) -> str:
        """Return the response as the server sent it."""
        return f"{self.code} {self.text}" if self.code else self.text


def mail(email: Email, account: str, region: str) -> Block:
    """Return the `mail` object that every event has."""
    headers = [{"name": name, "value": email.header(name) or value} for name, value in email.headers]
    truncated = sum(len(header["name"]) + len(header["value"]) for header in headers) > _HEADERS_LIMIT
    return {
        "timestamp": milliseconds(email.accepted_at),
        "source": email.source,
        "sourceArn": f"arn:aws:ses:{region}:{account}:identity/{email.identity}",
        "sendingAccountId": account,
        "messageId": email.message_id,
        "destination": email.recipients,
        "headersTruncated": truncated,
        "headers": [] if truncated else headers,
        "commonHeaders": _common_headers(email),
        "tags": _tags(email),
    }


def _common_headers(email: Email) -> Block:
    common: Block = {"returnPath": email.envelope_from, "messageId": email.message_id}
    for key, name in (("from", "From"), ("to", "To"), ("cc", "Cc"), ("replyTo", "Reply-To")):
        if value := email.header(name):
            common[key] = [
                f"{label} <{address}>" if label else address for label, address in getaddresses([value])
            ]
    common |= {
        key: value
        for key, name in (("subject", "Subject"), ("date", "Date"))
        if (value := email.header(name))
    }
    return common


def _tags(email: Email) -> dict[str, list[str]]:
    known = {
        "ses:source-tls-version": "TLSv1.3",
        "ses:operation": "SendEmail",
        "ses:configuration-set": email.configuration_set,
        "ses:source-ip": email.source_ip,
        "ses:from-domain": email.from_domain,
        "ses:caller-identity": "letterhead-sandbox",
        **email.tags,
    }
    return {name: [value] for name, value in known.items() if value is not None}


def delivery(email: Email, responses: list[Response], remote_ip: str, now: datetime) -> Block:
    """Return the delivery block for these recipients, with the SMTP response of the first."""
    return {
        "timestamp": milliseconds(now),
        "processingTimeMillis": max(0, int((now - email.accepted_at).total_seconds() * 1000)),
        "recipients": [response.recipient for response in responses],
        "smtpResponse": responses[0].verbatim(),
        "remoteMtaIp": remote_ip,
        "reportingMTA": REPORTING_MTA,
    }


def bounce(responses: list[Response], remote_ip: str | None, now: datetime) -> Block:
    """Return the bounce block for recipients that the receiving server refused."""
    kind, subtype = _SUBTYPES.get(responses[0].status, ("Permanent", "General"))
    return bounced(kind, subtype, responses, now) | ({"remoteMtaIp": remote_ip} if remote_ip else {})


def bounced(kind: str, subtype: str, responses: list[Response], now: datetime) -> Block:
    """Return a bounce block of that type and subtype."""
    return {
        "feedbackId": new_id(now),
        "bounceType": kind,
        "bounceSubType": subtype,
        "bouncedRecipients": [
            {
                "emailAddress": response.recipient,
                "action": "failed",
                "status": response.status,
                "diagnosticCode": response.diagnostic_code,
            }
            for response in responses
        ],
        "timestamp": milliseconds(now),
        "reportingMTA": f"dns; {REPORTING_MTA}",
    }


def complaint(email: Email, recipients: list[str], now: datetime) -> Block:
    """Return the complaint block for an email that one of these recipients reported as spam."""
    return {
        "feedbackId": new_id(now),
        "complaintSubType": None,
        "complainedRecipients": [{"emailAddress": recipient} for recipient in recipients],
        "timestamp": milliseconds(now),
        "userAgent": "Amazon SES Mailbox Simulator",
        "complaintFeedbackType": "abuse",
        "arrivalDate": milliseconds(email.accepted_at),
    }


def delay(email: Email, responses: list[Response], now: datetime) -> Block:
    """Return the delay block for recipients that were deferred or whose server was unreachable."""
    kind = "General" if responses[0].code else "TransientCommunicationFailure"
    return {
        "timestamp": milliseconds(now),
        "delayType": "MailboxFull" if responses[0].status == "4.2.2" else kind,
        "expirationTime": milliseconds(email.accepted_at + _EXPIRES_AFTER),
        "reportingMTA": REPORTING_MTA,
        "delayedRecipients": [
            {
                "emailAddress": response.recipient,
                "status": response.status,
                "diagnosticCode": response.diagnostic_code,
            }
            for response in responses
        ],
    }
