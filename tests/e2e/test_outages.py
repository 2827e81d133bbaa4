"""Postgres killed and NATS wiped under load: acknowledged emails are kept and sent once."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from uuid import uuid4

import asyncpg
import grpc
import pytest

from cli.events import Tail
from cli.polling import TRANSIENT
from letterhead.identity.v1.domains_pb2 import CreateDomainRequest
from letterhead.sender.v1.emails_pb2 import Address, Email, GetEmailRequest, SendEmailRequest
from services import schemas
from tests.e2e.conftest import World
from tests.e2e.ledgers import nothing_was_done_twice
from tests.figures import Figure
from tests.waiting import eventually

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(180)]

RECOVERY = timedelta(seconds=10)


@dataclass
class Load:
    """A continuous load of emails: the acknowledged ones with their times, and the number of failed calls."""

    domain: str
    acknowledged: dict[str, float] = field(default_factory=dict)
    failed: int = 0


@asynccontextmanager
async def load(world: World) -> AsyncIterator[Load]:
    """Send emails one after the other while the block runs; retry failed calls with the same request_id."""
    name = f"load.d{uuid4().hex[:10]}.ai"
    await world.services.domains.CreateDomain(CreateDomainRequest(name=name))
    sending = Load(name)
    task = asyncio.create_task(_send_on(world, sending))
    try:
        await eventually(lambda: len(sending.acknowledged) >= 5)
        yield sending
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def _send_on(world: World, load: Load) -> None:
    number = 0
    while True:
        request = SendEmailRequest(
            to=[Address(address="success@simulator.amazonses.com")],
            subject=f"Number {number}",
            text="x",
            request_id=f"{load.domain}-{number}",
        )
        getattr(request, "from").address = f"agent@{load.domain}"
        try:
            email = (await world.services.sender.SendEmail(request, timeout=5)).email
            load.acknowledged[email.id] = time.monotonic()
            number += 1
        except grpc.aio.AioRpcError as error:
            if error.code() not in TRANSIENT:
                raise
            load.failed += 1
        await asyncio.sleep(0.1)


async def _are_sent(world: World, email_ids: set[str]) -> bool:
    for email_id in email_ids:
        email = (await world.services.sender.GetEmail(GetEmailRequest(email_id=email_id))).email
        if email.state != Email.STATE_SENT:
            return False
    return True


async def _event_ids(world: World) -> set[str]:
    """Return the ids of all events in the outboxes."""
    connection = await asyncpg.connect(world.stack.postgres.url(database="letterhead"))
    try:
        rows = [await connection.fetch(f"SELECT id FROM {schema}.outbox") for schema in schemas()]  # noqa: S608
    finally:
        await connection.close()
    return {str(row["id"]) for each in rows for row in each}


async def _effects(world: World) -> list[tuple[object, ...]]:
    """Return every email's state and number of transitions."""
    connection = await asyncpg.connect(world.stack.postgres.url(database="letterhead"))
    try:
        rows = await connection.fetch(
            "SELECT e.id, e.state, count(*) FROM sender.emails AS e"
            " JOIN sender.email_transitions AS t ON t.email_id = e.id GROUP BY e.id ORDER BY e.id"
        )
    finally:
        await connection.close()
    return [tuple(row) for row in rows]


async def test_postgres_killed_under_load_loses_nothing_acknowledged(world: World, figure: Figure) -> None:
    async with load(world) as sending:
        world.stack.postgres.kill()
        await eventually(lambda: sending.failed)
        world.stack.postgres.restart()
        back = time.monotonic()
        await eventually(lambda: max(sending.acknowledged.values()) > back, RECOVERY)
        recovered = time.monotonic() - back
        await eventually(lambda: sum(at > back for at in sending.acknowledged.values()) >= 5)

    await eventually(lambda: _are_sent(world, set(sending.acknowledged)), timedelta(seconds=60))
    await nothing_was_done_twice(world)
    figure(
        f"Postgres back: acknowledging after {recovered:.2f} s; {len(sending.acknowledged)} emails, all SENT"
    )


async def test_nats_wiped_under_load_gets_every_event_again(world: World, figure: Figure) -> None:
    async with load(world) as sending:
        before = await _event_ids(world)
        world.stack.nats.wipe()
        back = time.monotonic()
        async with Tail.open(world.installation.wire, everything=True) as fresh:
            await eventually(lambda: before <= fresh.ids(), RECOVERY)
            recovered = time.monotonic() - back

    await eventually(lambda: _are_sent(world, set(sending.acknowledged)), timedelta(seconds=60))
    effects = await _effects(world)
    await eventually(lambda: _is_unchanged(world, effects))
    await nothing_was_done_twice(world)
    figure(f"NATS wiped: all {len(before)} events again after {recovered:.2f} s")


async def _is_unchanged(world: World, effects: list[tuple[object, ...]]) -> bool:
    return await _effects(world) == effects
