"""Load of the measured steps: requests, notifications, and their concurrency."""

import asyncio
import json
from collections.abc import Awaitable, Callable

from bench.floor_server import EMAILS
from bench.world import World
from letterhead.sender.v1.emails_pb2 import Address, SendEmailRequest, SendEmailsRequest

IN_FLIGHT = 32
BATCHES_IN_FLIGHT = 4
TEXT = "Good day, this is a line of an ordinary email.\n" * 40  # about 2 KB


async def each(count: int, call: Callable[[int], Awaitable[object]], *, in_flight: int = IN_FLIGHT) -> None:
    """Make `count` calls, `in_flight` of them concurrently."""
    numbers = iter(range(count))

    async def caller() -> None:
        for number in numbers:
            await call(number)

    await asyncio.gather(*(caller() for _ in range(in_flight)))


async def each_batch(count: int, call: Callable[[int], Awaitable[object]]) -> None:
    """Make as many calls as `count` emails need with `EMAILS` emails per call."""
    await each(-(-count // EMAILS), call, in_flight=BATCHES_IN_FLIGHT)


def send_request(world: World) -> SendEmailRequest:
    """Return a request to send a typical email."""
    request = SendEmailRequest(to=[Address(address="reader@example.com")], subject="Hello", text=TEXT)
    getattr(request, "from").address = f"agent@{world.domain}"
    return request


def send_batch_request(world: World) -> SendEmailsRequest:
    """Return a request to send `EMAILS` typical emails."""
    return SendEmailsRequest(emails=[send_request(world)] * EMAILS)


async def feedback_bodies(world: World, count: int) -> list[str]:
    """Return delivery notifications of SES for sent emails that are still pending."""
    rows = await world.database.fetch(
        "SELECT a.id, a.email_id, a.tenant_id, a.ses_id FROM sender.attempts AS a"
        " JOIN sender.recipients AS r ON r.email_id = a.email_id"
        " WHERE a.state = 'ACCEPTED' AND r.state = 'PENDING' ORDER BY a.id LIMIT $1",
        count,
    )
    return [_delivery(*map(str, row)) for row in rows]


def _delivery(attempt_id: str, email_id: str, tenant_id: str, ses_id: str) -> str:
    tags = {"lh-attempt": [attempt_id], "lh-email": [email_id], "lh-tenant": [tenant_id]}
    mail = {"messageId": ses_id, "destination": ["reader@example.com"], "tags": tags}
    delivery = {
        "timestamp": "2026-01-01T00:00:00.000Z",
        "recipients": ["reader@example.com"],
        "smtpResponse": "250 2.0.0 OK",
    }
    return json.dumps({"eventType": "Delivery", "mail": mail, "delivery": delivery})
