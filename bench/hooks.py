"""Posting events to customers' endpoints: the step, and its floor."""

import ssl
import time
from datetime import UTC, datetime
from uuid import UUID

import aiohttp
import asyncpg

from bench.floors import BATCH, keep_session
from bench.loads import each
from bench.steps import none_left
from bench.world import World
from chassis.ids import uuid7, webhook_id
from chassis.sealing import Seal
from services.deliverer.model.messages import message_id
from services.deliverer.model.payloads import Email, bounce, email_event, payload
from services.deliverer.model.signatures import signed_headers

NOW = datetime(2026, 1, 1, tzinfo=UTC)
ENDPOINTS = 20  # the most of one tenant
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"  # noqa: S105 - of endpoints that exist only in the bench
EMAIL = Email(
    id="0198f6a2-0000-7000-8000-000000000000",
    claim_id=None,
    message_id="<0100019a-1@email.amazonses.com>",
    created_at=NOW,
    address="agent@inbox.mnexa.ai",
    name="Agent",
    to=["ada@example.com"],
    subject="Hello",
    tags={"order": "1042"},
)
EVENT = email_event("EMAIL_BOUNCED", EMAIL, **bounce("Permanent", "General", "smtp; 550 5.1.1 no such user"))
PAYLOAD = payload(EVENT, NOW)
WAITING = "SELECT count(*) FROM deliverer.messages WHERE state = 'PENDING'"


async def post(world: World, count: int) -> None:
    """Post messages: from their stored rows to the stored attempts."""
    endpoint_ids = await _endpoint_ids(world)
    ids = [message_id(uuid7(), endpoint_ids[number % ENDPOINTS], EVENT) for number in range(count)]
    await world.database.execute(
        "INSERT INTO deliverer.messages (id, tenant_id, endpoint_id, type, payload, occurred_at)"
        " SELECT id, $3, endpoint_id, $4, $5, now()"
        " FROM unnest($1::uuid[], $2::uuid[]) AS new (id, endpoint_id)",
        ids,
        [endpoint_ids[number % ENDPOINTS] for number in range(count)],
        world.tenant_id,
        EVENT.type,
        PAYLOAD,
    )
    await world.database.execute("NOTIFY deliverer_messages")
    await none_left(world, WAITING)


async def floor(world: World, count: int) -> None:
    """Make one signed POST per message, and store their outcomes in two statements for a hundred of them."""
    ids, body = [uuid7() for _ in range(count)], PAYLOAD.encode()
    await world.database.execute(
        "INSERT INTO public.floor (id, body) SELECT id, $2 FROM unnest($1::uuid[]) AS new (id)", ids, body
    )
    connector = aiohttp.TCPConnector(ssl=ssl.create_default_context(cafile=world.receiver.ca_file))
    async with (
        aiohttp.ClientSession(connector=connector) as session,
        asyncpg.create_pool(
            world.database.url("postgres"), min_size=1, max_size=2, reset=keep_session
        ) as pool,
    ):
        answered: list[UUID] = []

        async def one(number: int) -> None:
            headers = signed_headers(webhook_id(ids[number]), int(time.time()), body, [SECRET])
            async with session.post(world.receiver.url, data=body, headers=headers) as response:
                await response.read()
            answered.append(ids[number])
            if len(answered) == BATCH:
                batch = answered.copy()
                answered.clear()
                await _store(pool, batch)

        await each(count, one)
        await _store(pool, answered)


async def _store(pool: "asyncpg.Pool[asyncpg.Record]", ids: list[UUID]) -> None:
    await pool.execute(
        "INSERT INTO public.floor (id, body) SELECT id, 'ok' FROM unnest($1::uuid[]) AS new (id)",
        [uuid7() for _ in ids],
    )
    await pool.execute("UPDATE public.floor SET body = body WHERE id = ANY ($1::uuid[])", ids)


async def _endpoint_ids(world: World) -> list[UUID]:
    """Return the endpoints of the tenant; create them first."""
    rows = await world.database.fetch("SELECT id FROM webhooks.endpoints")
    if rows:
        return [row["id"] for row in rows]
    await world.database.execute(
        "INSERT INTO webhooks.endpoints (id, tenant_id, url, types, secret, content_hash)"
        " SELECT id, $2, $3, '{EMAIL_BOUNCED}', $4, '' FROM unnest($1::uuid[]) AS new (id)",
        [uuid7() for _ in range(ENDPOINTS)],
        world.tenant_id,
        world.receiver.url,
        Seal(world.receiver.keys).seal(SECRET),
    )
    return await _endpoint_ids(world)
