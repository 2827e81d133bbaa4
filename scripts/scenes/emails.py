"""Emails that are sent, delayed, rejected, read, held and lost, with what SES reports on each."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

from cli.polling import until
from letterhead.sender.v1.emails_pb2 import (
    Address,
    CancelEmailRequest,
    Email,
    GetEmailRequest,
    SendEmailRequest,
)
from letterhead.sender.v1.suppressions_pb2 import RemoveSuppressionRequest
from scripts.scenes.domains import BROKEN, READY, a_ready_domain, loses_a_record
from scripts.scenes.stage import READERS, Stage

# The sandbox's mail server treats these local parts as sandbox/README.md says.
ADA, SLOW, BOUNCING = f"ada@{READERS}", f"slow@{READERS}", f"bounce@{READERS}"
COMPLAINING = "complaint@simulator.amazonses.com"
IS_DUE = "UPDATE sender.emails SET send_at = now(), not_before = now() WHERE id = $1"
DEADLINE_PASSES = "UPDATE sender.emails SET expires_at = now() WHERE id = $1"


async def is_read(stage: Stage) -> None:
    """Deliver an email, open it, and follow a link in it."""
    email = await sent(stage, ADA)
    await stage.record(email.id, "email.sent", "delivery.received", "email.delivered")
    await stage.inject("Open", email.ses_id)
    await stage.record(email.id, "open.received", "email.opened")
    tags = {"campaign": ["spring"]}
    await stage.inject("Click", email.ses_id, link="https://mnexa.ai/offer", linkTags=tags)
    await stage.record(email.id, "click.received", "email.clicked")


async def is_delayed(stage: Stage) -> None:
    """Send an email that the receiving server defers."""
    email = await send(stage, SLOW)
    await stage.record(email.id, "delay.received", "email.delivery_delayed")


async def bounces(stage: Stage) -> None:
    """Send to an address that bounces, send to it again, and end its suppression."""
    email = await send(stage, BOUNCING)
    await stage.record(email.id, "bounce.received", "email.bounced")
    await stage.record(BOUNCING, "suppression.added")
    second = await send(stage, BOUNCING)
    await stage.record(second.id, "email.suppressed")
    await stage.tenant.suppressions.RemoveSuppression(RemoveSuppressionRequest(address=BOUNCING))
    await stage.record(BOUNCING, "suppression.removed")


async def is_reported_as_spam(stage: Stage) -> None:
    """Send to a recipient who complains."""
    email = await send(stage, COMPLAINING)
    await stage.record(email.id, "complaint.received", "email.complained")


async def is_rejected(stage: Stage) -> None:
    """Have SES reject an email that it had accepted, and fail to render another."""
    email = await sent(stage, ADA)
    await stage.inject("Reject", email.ses_id)
    await stage.record(email.id, "reject.received", "email.rejected", "email.failed")
    other = await sent(stage, ADA)
    await stage.inject("Rendering Failure", other.ses_id)
    await stage.record(other.id, "rendering.failed")


async def is_canceled(stage: Stage) -> None:
    """Schedule an email, and cancel it."""
    email = await send(stage, ADA, after=timedelta(days=1))
    await stage.record(email.id, "email.scheduled")
    await stage.tenant.sender.CancelEmail(CancelEmailRequest(email_id=email.id))
    await stage.record(email.id, "email.canceled")


async def outlives_its_domain(stage: Stage) -> None:
    """Schedule an email whose domain is LOST when it is due, until it expires."""
    domain = await a_ready_domain(stage, BROKEN)
    email = await send(stage, ADA, domain=BROKEN, after=timedelta(days=1))
    await loses_a_record(stage, domain)
    await stage.database.execute(IS_DUE, UUID(email.id))
    await stage.record(email.id, "email.held")
    await stage.database.execute(DEADLINE_PASSES, UUID(email.id))
    await stage.record(email.id, "email.expired")


async def loses_its_answer(stage: Stage) -> None:
    """Send an email that SES accepts, and lose SES's answer and events."""
    await stage.sandbox.call("POST", "/events/faults", {"kind": "drop"})
    await stage.sandbox.call(
        "POST", "/ses/faults", {"operation": "SendEmail", "kind": "accept_then_reset", "count": 1}
    )
    email = await send(stage, ADA)
    await stage.record(email.id, "email.unknown")
    await stage.sandbox.call("DELETE", "/events/faults")


async def send(stage: Stage, *recipients: str, domain: str = READY, after: timedelta | None = None) -> Email:
    """Send an email, or schedule it, and return it as it was accepted."""
    request = SendEmailRequest(
        to=[Address(address=each) for each in recipients],
        subject="Your invoice",
        text="It is attached.\n",
        tags={"kind": "invoice"},
    )
    getattr(request, "from").CopyFrom(Address(address=f"agent@{domain}", name="The Mnexa agent"))
    if after is not None:
        request.send_time.FromDatetime(datetime.now(UTC) + after)
    return (await stage.tenant.sender.SendEmail(request)).email


async def sent(stage: Stage, *recipients: str) -> Email:
    """Send an email, and return it once SES has accepted it."""
    email = await send(stage, *recipients)

    async def accepted() -> Email | None:
        now = (await stage.tenant.sender.GetEmail(GetEmailRequest(email_id=email.id))).email
        return now if now.state == Email.STATE_SENT else None

    return await until("the email is SENT", accepted)
