"""Events about emails, as sender publishes them."""

from typing import Any
from uuid import uuid4

from letterhead.events.v1 import email_events_pb2 as pb

ADDRESS = "ada@reader-of-letters.com"


def a_reference(**more: Any) -> pb.EmailReference:
    """Return an email to two addresses."""
    fields: dict[str, Any] = {
        "id": str(uuid4()),
        "tenant_id": str(uuid4()),
        "ses_id": "0100019a-1",
        "domain_id": str(uuid4()),
        "domain": "inbox.mnexa.ai",
        "from": pb.Mailbox(address="agent@inbox.mnexa.ai", name="Agent"),
        "to": [ADDRESS, "bob@reader-of-letters.com"],
        "subject": "Hello",
        "tags": {"order": "1042"},
        "message_id": "<0100019a-1@email.amazonses.com>",
    }
    reference = pb.EmailReference(**(fields | more))
    reference.create_time.FromJsonString("2026-11-29T10:00:00.123456Z")
    return reference


def a_bounce(**more: Any) -> pb.EmailBounced:
    """Return the event that the email bounced for one of them."""
    return pb.EmailBounced(
        email=a_reference(**more),
        recipient=ADDRESS,
        bounce_type="Permanent",
        bounce_sub_type="General",
        status="5.1.1",
        diagnostic_code="smtp; 550 5.1.1 no such user",
        hard=True,
    )


def a_delivery(**more: Any) -> pb.EmailDelivered:
    """Return the event that the email was delivered to one of them."""
    return pb.EmailDelivered(email=a_reference(**more), recipient=ADDRESS, smtp_response="250 ok")
