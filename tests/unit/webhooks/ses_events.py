"""Builds events as SES publishes them, modeled on its documented examples.

https://docs.aws.amazon.com/ses/latest/dg/event-publishing-retrieving-sns-examples.html
"""

import json
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID, uuid4

AT = "2026-03-01T12:30:45.678Z"
# https://docs.aws.amazon.com/ses/latest/dg/monitoring-eventbridge.html
DETAIL_TYPES = {
    "Send": "Email Sent",
    "Delivery": "Email Delivered",
    "Bounce": "Email Bounced",
    "Complaint": "Email Complaint Received",
    "DeliveryDelay": "Email Delivery Delayed",
}


@dataclass(frozen=True)
class SentEmail:
    """An email that SES accepted from us, with our own tags."""

    tenant_id: UUID = field(default_factory=uuid4)
    email_id: UUID = field(default_factory=uuid4)
    attempt_id: UUID = field(default_factory=uuid4)
    ses_id: str = field(default_factory=lambda: f"0100019{uuid4().hex[:9]}-{uuid4()}-000000")
    to: tuple[str, ...] = ("ada@example.com",)

    @property
    def mail(self) -> dict[str, Any]:
        """Return SES's `mail` object."""
        return {
            "timestamp": "2026-03-01T12:30:40.000Z",
            "source": "Agent <agent@inbox.mnexa.ai>",
            "sourceArn": "arn:aws:ses:us-east-1:123456789012:identity/inbox.mnexa.ai",
            "sendingAccountId": "123456789012",
            "messageId": self.ses_id,
            "destination": list(self.to),
            "headersTruncated": False,
            "headers": [{"name": "From", "value": "Agent <agent@inbox.mnexa.ai>"}],
            "commonHeaders": {"from": ["Agent <agent@inbox.mnexa.ai>"], "subject": "Hello"},
            "tags": {
                "ses:configuration-set": ["letterhead"],
                "lh-tenant": [str(self.tenant_id)],
                "lh-email": [str(self.email_id)],
                "lh-attempt": [str(self.attempt_id)],
            },
        }

    def event(self, event_type: str, key: str, block: dict[str, Any]) -> dict[str, Any]:
        """Return an event in the format of event publishing."""
        return {"eventType": event_type, "mail": self.mail, key: block}

    def send(self) -> dict[str, Any]:
        return self.event("Send", "send", {})

    def delivery(self) -> dict[str, Any]:
        return self.event(
            "Delivery",
            "delivery",
            {
                "timestamp": AT,
                "processingTimeMillis": 1642,
                "recipients": list(self.to),
                "smtpResponse": "250 2.6.0 Message received",
                "reportingMTA": "a8-1.smtp-out.amazonses.com",
                "remoteMtaIp": "203.0.113.7",
            },
        )

    def bounce(self, bounce_type: str = "Permanent", sub_type: str = "General") -> dict[str, Any]:
        recipients = [
            {
                "emailAddress": each,
                "action": "failed",
                "status": "5.1.1",
                "diagnosticCode": "smtp; 550 5.1.1 user unknown",
            }
            for each in self.to
        ]
        return self.event(
            "Bounce",
            "bounce",
            {
                "bounceType": bounce_type,
                "bounceSubType": sub_type,
                "bouncedRecipients": recipients,
                "timestamp": AT,
                "feedbackId": f"0100017{self.ses_id[7:]}",
                "reportingMTA": "dsn; a8-1.smtp-out.amazonses.com",
            },
        )

    def complaint(self, feedback_type: str | None = "abuse", sub_type: str | None = None) -> dict[str, Any]:
        block: dict[str, Any] = {
            "complainedRecipients": [{"emailAddress": each} for each in self.to],
            "timestamp": AT,
            "feedbackId": f"0100018{self.ses_id[7:]}",
            "complaintSubType": sub_type,
            "userAgent": "ExampleCorp Feedback Loop (V0.01)",
            "arrivalDate": AT,
        }
        if feedback_type is not None:
            block["complaintFeedbackType"] = feedback_type
        return self.event("Complaint", "complaint", block)

    def reject(self) -> dict[str, Any]:
        return self.event("Reject", "reject", {"reason": "Bad content"})

    def opened(self) -> dict[str, Any]:
        return self.event(
            "Open", "open", {"ipAddress": "203.0.113.9", "timestamp": AT, "userAgent": "Mozilla/5.0"}
        )

    def click(self, link: str = "https://example.com/offer") -> dict[str, Any]:
        return self.event(
            "Click",
            "click",
            {
                "ipAddress": "203.0.113.9",
                "timestamp": AT,
                "userAgent": "Mozilla/5.0",
                "link": link,
                "linkTags": {"campaign": ["spring", "sale"]},
            },
        )

    def delay(self) -> dict[str, Any]:
        recipients = [
            {"emailAddress": each, "status": "4.4.1", "diagnosticCode": "smtp; 421 4.4.1 Unable to connect"}
            for each in self.to
        ]
        return self.event(
            "DeliveryDelay",
            "deliveryDelay",
            {
                "timestamp": AT,
                "delayType": "TransientCommunicationFailure",
                "expirationTime": "2026-03-02T12:30:45.678Z",
                "delayedRecipients": recipients,
            },
        )

    def rendering_failure(self) -> dict[str, Any]:
        return self.event(
            "Rendering Failure",
            "failure",
            {"templateName": "welcome", "errorMessage": "Attribute 'name' is not present."},
        )

    def subscription(self) -> dict[str, Any]:
        return self.event(
            "Subscription",
            "subscription",
            {"contactList": "news", "timestamp": AT, "source": "UnsubscribeHeader"},
        )

    def every_kind(self) -> list[dict[str, Any]]:
        """Return one event of each kind that SES has."""
        return [
            self.send(),
            self.delivery(),
            self.bounce(),
            self.complaint(),
            self.reject(),
            self.opened(),
            self.click(),
            self.delay(),
            self.rendering_failure(),
            self.subscription(),
        ]


def as_notification(event: dict[str, Any]) -> dict[str, Any]:
    """Return the event as an identity's older feedback notification: another type key, and no tags."""
    old = {"notificationType" if key == "eventType" else key: value for key, value in event.items()}
    old["mail"] = {key: value for key, value in event["mail"].items() if key != "tags"}
    return old


def envelope(event: dict[str, Any], topic_arn: str, sns_id: str | None = None) -> str:
    """Return an event in SNS's envelope, as SQS delivers it."""
    return json.dumps(
        {
            "Type": "Notification",
            "MessageId": sns_id or str(uuid4()),
            "TopicArn": topic_arn,
            "Subject": "Amazon SES Email Event Notification",
            "Message": json.dumps(event),
            "Timestamp": AT,
            "SignatureVersion": "2",
            "Signature": "c2lnbmF0dXJl",
            "SigningCertURL": "https://sns.us-east-1.amazonaws.com/SimpleNotificationService-0.pem",
            "UnsubscribeURL": "https://sns.us-east-1.amazonaws.com/?Action=Unsubscribe",
        }
    )


def in_event_bridge(
    event: dict[str, Any], account: str = "123456789012", region: str = "us-east-1"
) -> dict[str, Any]:
    """Return an event in EventBridge's envelope, as a rule sends it to a queue."""
    return {
        "version": "0",
        "id": str(uuid4()),
        "detail-type": DETAIL_TYPES[event["eventType"]],
        "source": "aws.ses",
        "account": account,
        "time": "2026-03-01T12:30:46Z",
        "region": region,
        "resources": [f"arn:aws:ses:{region}:{account}:configuration-set/letterhead"],
        "detail": event,
    }
