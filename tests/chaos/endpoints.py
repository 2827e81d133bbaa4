"""Fifty endpoints of a tenant, some of which misbehave; the events for them, and what arrived."""

import asyncio
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from google.protobuf import json_format

from chassis.ids import uuid7
from letterhead.events.v1.email_events_pb2 import EmailHeld, EmailReference
from letterhead.webhooks.v1 import webhook_service_pb2 as pb
from tests.chaos.outcomes import database
from tests.e2e.conftest import World
from tests.waiting import eventually

ENDPOINTS = 50
HOST = "hooks.letterhead-mailbox.com"
MISBEHAVIOR: Sequence[Mapping[str, Any]] = (
    {"manner": "hang"}, {"manner": "trickle"}, {"manner": "close"}, {"manner": "garbage"}, {"status": 500},
)  # fmt: skip
REST_WITHIN = timedelta(minutes=15)  # only against hanging, as all bounds here
POLL_SECONDS = 0.1
NEVER = datetime(1970, 1, 1, tzinfo=UTC)

WRITE = """
    INSERT INTO sender.outbox (id, subject, source, resource, tenant_id, data, schema_name, occurred_at)
    SELECT id, 'email.held', '/letterhead/sender', 'x', $3, data, $4, now()
    FROM unnest($1::uuid[], $2::jsonb[]) AS event (id, data)
"""
# Stored are the messages of an event with its inbox row; posted are those that are no longer pending.
UNSTORED = """
    SELECT cardinality($1::uuid[]) - (SELECT count(*) FROM deliverer.inbox WHERE event_id = ANY ($1::uuid[]))
"""
# In whatever state they are now, so that a broken deliverer is at work too.
AT_WORK = """
    SELECT EXISTS (
        SELECT FROM deliverer.messages
        WHERE endpoint_id = ANY ($1::uuid[]) AND created_at >= $2 AND lease_token > 0
    )
"""
WAITING = "SELECT count(*) FROM deliverer.messages WHERE endpoint_id = ANY ($1::uuid[]) AND state = 'PENDING'"
# What the passing of time does to the leases of a process that has died, without waiting for it.
EXPIRE = "UPDATE deliverer.messages SET leased_until = now() WHERE state = 'PENDING' AND leased_until > now()"
# Likewise, for posts that timed out because this machine is busy; the next pause would be five minutes.
RETRY = """
    UPDATE deliverer.messages SET due_at = now()
    WHERE endpoint_id = ANY ($1::uuid[]) AND state = 'PENDING' AND due_at > now() + interval '10 seconds'
"""
RETRY_SECONDS = 10


@dataclass(frozen=True)
class Arrived:
    """What became of the deliveries to the endpoints that behave, and to the others."""

    deliveries: int
    lost: int
    doubles: int
    renamed: int  # deliveries that arrived under more than one id
    waiting: int  # to endpoints that misbehave: stored, and still to be posted
    missing: int  # to those: neither

    def __str__(self) -> str:
        return (
            f"{self.deliveries} deliveries to endpoints that behave: {self.lost} lost,"
            f" {self.doubles} doubles, {self.renamed} under two ids;"
            f" to the others: {self.waiting} still to be posted, {self.missing} missing"
        )

    @property
    def clean(self) -> bool:
        """Return whether everything arrived, each under one id, or will be posted."""
        return not (self.lost or self.renamed or self.missing)


@dataclass
class Endpoints:
    """New endpoints of the tenant, and the events published since."""

    world: World
    tenant_id: UUID
    good: dict[str, str]  # paths by endpoint id
    bad: dict[str, str]
    emails: dict[UUID, str] = field(default_factory=dict)  # ids of emails by event
    published_at: datetime = NEVER  # when the last events were

    async def publish(self, count: int) -> None:
        """Write this many events to sender's outbox, each about an email of its own."""
        events = {uuid7(): str(uuid4()) for _ in range(count)}
        reports = [self._report(email_id) for email_id in events.values()]
        self.published_at = await self._value("SELECT now()")
        await self._execute(WRITE, list(events), reports, self.tenant_id, EmailHeld.DESCRIPTOR.full_name)
        self.emails |= events

    async def at_work(self) -> bool:
        """Return whether deliverer posts what was published last, to the endpoints that behave."""
        await asyncio.sleep(POLL_SECONDS)
        return bool(await self._value(AT_WORK, list(self.good), self.published_at))

    async def expire_leases(self) -> None:
        """Let the leases of a process that was killed expire at once."""
        await self._execute(EXPIRE)

    async def arrived(self) -> Arrived:
        """Wait until all that can be posted is, and compare it with the events."""
        retrying = asyncio.create_task(self._retry_soon())
        try:
            await eventually(self._at_rest, REST_WITHIN)
        finally:
            retrying.cancel()
            await asyncio.wait([retrying])
        posts = [post for path in self.good.values() for post in await self.world.sandbox.posts(path)]
        ids: dict[tuple[str, str], Counter[str]] = {}
        for post in posts:
            key = (post["path"], json.loads(post["body"])["data"]["email_id"])
            ids.setdefault(key, Counter())[post["headers"]["webhook-id"]] += 1
        wanted = {(path, email) for path in self.good.values() for email in self.emails.values()}
        waiting = await self._value(WAITING, list(self.bad))
        return Arrived(
            deliveries=len(wanted),
            lost=len(wanted - ids.keys()),
            doubles=sum(sum(each.values()) - len(each) for each in ids.values()),
            renamed=sum(len(each) > 1 for each in ids.values()),
            waiting=waiting,
            missing=len(self.bad) * len(self.emails) - waiting,
        )

    async def delete(self) -> None:
        """Delete the endpoints, so that they get nothing of a later test."""
        ids = [*self.good, *self.bad]
        await self._execute(
            "UPDATE webhooks.endpoints SET deleted_at = now() WHERE id = ANY ($1::uuid[])", ids
        )

    async def _at_rest(self) -> bool:
        await asyncio.sleep(POLL_SECONDS)
        unstored = await self._value(UNSTORED, list(self.emails))
        waiting = await self._value(WAITING, list(self.good))
        if unstored or waiting:
            raise AssertionError(f"{unstored} events are not stored, {waiting} messages wait")
        return True

    async def _retry_soon(self) -> None:
        while True:
            await asyncio.sleep(RETRY_SECONDS)
            await self._execute(RETRY, list(self.good))

    def _report(self, email_id: str) -> str:
        reference = EmailReference(id=email_id, tenant_id=str(self.tenant_id), domain="x.ai", subject="Hello")
        reference.create_time.GetCurrentTime()
        return json.dumps(json_format.MessageToDict(EmailHeld(email=reference, message="Held.")))

    async def _execute(self, statement: str, *values: Any) -> None:
        connection = await database(self.world)
        try:
            await connection.execute(statement, *values)
        finally:
            await connection.close()

    async def _value(self, statement: str, *values: Any) -> Any:
        connection = await database(self.world)
        try:
            return await connection.fetchval(statement, *values)
        finally:
            await connection.close()


async def new_endpoints(world: World) -> Endpoints:
    """Create the endpoints; the first of them misbehave."""
    await world.sandbox.publish("A", HOST, "127.0.0.1")
    run = uuid4().hex
    paths = [f"/{run}/{number}" for number in range(ENDPOINTS)]
    for path, behavior in zip(paths, MISBEHAVIOR, strict=False):
        await world.sandbox.behave(path, **behavior)
    created = [(await _create(world, path), path) for path in paths]
    connection = await database(world)
    tenant_id = await connection.fetchval(
        "SELECT tenant_id FROM webhooks.endpoints WHERE id = $1", created[0][0]
    )
    await connection.close()
    split = len(MISBEHAVIOR)
    return Endpoints(world, tenant_id, good=dict(created[split:]), bad=dict(created[:split]))


async def _create(world: World, path: str) -> str:
    port = world.installation.receiver.rpartition(":")[2]
    request = pb.CreateEndpointRequest(
        url=f"https://{HOST}:{port}{path}", event_types=[pb.EVENT_TYPE_EMAIL_HELD]
    )
    return str((await world.services.webhooks.CreateEndpoint(request)).endpoint.id)
