"""The measured steps. Each ends when its effect is in the database."""

import asyncio
import time
from collections.abc import Awaitable, Callable

from bench.loads import each, each_batch, feedback_bodies, send_batch_request, send_request
from bench.world import World
from chassis.ids import uuid7
from letterhead.sender.v1 import emails_pb2_grpc
from tests.factories import bearer

PATIENCE_SECONDS = 300.0
POLL_SECONDS = 0.25  # each poll reads every row, which counts as CPU time of Postgres

WAITING = "SELECT count(*) FROM sender.emails WHERE state IN ('QUEUED', 'SENDING')"
PENDING = (
    "SELECT count(*) FROM sender.recipients AS r JOIN sender.emails AS e ON e.id = r.email_id"
    " WHERE e.state = 'SENT' AND r.state = 'PENDING'"
)


async def accept(world: World, count: int) -> None:
    """Accept emails one by one; nothing is submitted meanwhile."""
    stub = emails_pb2_grpc.SenderServiceStub(world.channel)
    request, metadata = send_request(world), bearer(world.token)
    await each(count, lambda _: stub.SendEmail(request, metadata=metadata))


async def accept_batches(world: World, count: int) -> None:
    """Accept the same emails, `EMAILS` per request; nothing is submitted meanwhile."""
    stub = emails_pb2_grpc.SenderServiceStub(world.channel)
    request, metadata = send_batch_request(world), bearer(world.token)
    await each_batch(count, lambda _: stub.SendEmails(request, metadata=metadata))


async def submit(world: World, _: int) -> None:
    """Submit all queued emails to SES."""
    await world.set_account("READY")
    await none_left(world, WAITING)
    await world.set_account("PAUSED")


async def feedback(world: World, count: int) -> None:
    """Process one notification per sent email: from its stored row to the state of the recipient."""
    bodies = await feedback_bodies(world, count)
    await world.database.execute(
        "INSERT INTO webhooks.notifications (id, sns_id, topic_arn, body)"
        " SELECT id, id::text, 'bench', body FROM unnest($1::uuid[], $2::text[]) AS arrived (id, body)",
        [uuid7() for _ in bodies],
        bodies,
    )
    await none_left(world, PENDING)


async def whole_path(world: World, count: int) -> None:
    """Accept emails, submit them and process their feedback; the first two concurrently."""
    await world.set_account("READY")
    await accept(world, count)
    await none_left(world, WAITING)
    await feedback(world, count)
    await world.set_account("PAUSED")


async def none_left(world: World, counting: str) -> None:
    """Wait until a query returns 0."""
    await _until(lambda: world.fetchval(counting))


async def _until(left: Callable[[], Awaitable[int]]) -> None:
    give_up = time.monotonic() + PATIENCE_SECONDS
    while remaining := await left():
        if time.monotonic() > give_up:
            raise TimeoutError(f"{remaining} rows not processed after {PATIENCE_SECONDS:.0f} s")
        await asyncio.sleep(POLL_SECONDS)
