"""Publishes events as identity, webhooks, verifier and deliverer would."""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from google.protobuf import json_format
from google.protobuf.message import Message

from chassis.events import Stream, open_stream
from chassis.events.envelope import envelope, source_of
from chassis.events.subjects import OWNERS
from chassis.ids import uuid7
from letterhead.events.v1 import domain_events_pb2 as domains
from letterhead.events.v1 import email_events_pb2 as pb
from letterhead.sender.v1.emails_pb2 import Email
from tests.factories import Domain
from tests.streams import FreshStream
from tests.waiting import eventually


class FeedbackSource:
    """Publishes events in the name of the services that own them."""

    def __init__(self, streams: Mapping[str, Stream]) -> None:
        self._streams = streams

    async def publish(
        self,
        subject: str,
        data: Message,
        tenant_id: UUID | str,
        event_id: UUID | None = None,
        *,
        at: datetime | None = None,
    ) -> UUID:
        """Publish an event with a new or a given id, that happened now or at a given time; return the id."""
        row: dict[str, Any] = {
            "id": event_id or uuid7(),
            "subject": subject,
            "source": source_of(OWNERS[subject]),
            "resource": "",
            "tenant_id": tenant_id,
            "data": json_format.MessageToDict(data),
            "schema_name": data.DESCRIPTOR.full_name,
            "occurred_at": at or datetime.now(UTC),
        }
        published: UUID = row["id"]
        await self._streams[OWNERS[subject]].publish(subject, envelope(row), published)
        return published

    async def ready(self, domain: Domain) -> None:
        """Publish `domain.ready`."""
        reference = domains.DomainReference(
            id=str(domain.claim_id), name=domain.name, tenant_id=str(domain.tenant_id), generation=1
        )
        await self.publish("domain.ready", domains.DomainReady(domain=reference), domain.tenant_id)

    async def of(
        self,
        email: Email,
        kind: str,
        *addresses: str,
        ses_id: str = "",
        at: datetime | None = None,
        **fields: Any,
    ) -> None:
        """Publish an SES event about an email, `kind` from _EVENTS; without tags if the email has no id."""
        reference = pb.EmailReference(id=email.id, tenant_id=email.tenant_id, ses_id=ses_id or email.ses_id)
        data = _EVENTS[kind](email=reference, **(_recipients(kind, addresses) | fields))
        subject = "rendering.failed" if kind == "rendering" else f"{kind}.received"
        await self.publish(subject, data, email.tenant_id, at=at)


_EVENTS: dict[str, Callable[..., Message]] = {
    "bounce": pb.BounceReceived,
    "complaint": pb.ComplaintReceived,
    "delivery": pb.DeliveryReceived,
    "delay": pb.DelayReceived,
    "reject": pb.RejectReceived,
    "rendering": pb.RenderingFailed,
    "open": pb.OpenReceived,
    "click": pb.ClickReceived,
}


def _recipients(kind: str, addresses: tuple[str, ...]) -> dict[str, Any]:
    if kind in {"reject", "rendering"}:
        return {"reason": "Bad content"}
    if kind in {"open", "click"}:
        return {}
    if kind != "bounce":
        return {"recipients": addresses} | ({"counted": True} if kind == "complaint" else {})
    bounced = [
        pb.BouncedRecipient(address=each, status="5.1.1", diagnostic_code="550 no") for each in addresses
    ]
    return {"recipients": bounced, "bounce_type": "Permanent", "bounce_sub_type": "General", "hard": True}


@asynccontextmanager
async def open_feedback_source(stream: FreshStream) -> AsyncIterator[FeedbackSource]:
    """Connect to the test's own stream as each of the services."""
    async with AsyncExitStack() as exits:
        streams = {
            service: await exits.enter_async_context(open_stream(stream.settings(service), service))
            for service in ("identity", "webhooks", "verifier", "deliverer")
        }
        await eventually(lambda: all(each.connected for each in streams.values()))
        yield FeedbackSource(streams)
