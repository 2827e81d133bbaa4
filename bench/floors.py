"""Floors: the lowest cost of each step with the same libraries, with which the steps are compared."""

import asyncio
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import asyncpg
import boto3
import grpc
from botocore.config import Config

from bench import floor_server
from bench.loads import each, each_batch, feedback_bodies, send_batch_request, send_request
from bench.world import World
from chassis.ids import uuid7
from tests.factories import REGION

THREADS = 16
BATCH = 100


async def accept(world: World, count: int) -> None:
    """Make one unary call per email with the same bytes, which inserts one row."""
    call: grpc.aio.UnaryUnaryMultiCallable[bytes, bytes] = world.floor.unary_unary(floor_server.SINGLE)
    request = send_request(world).SerializeToString()
    await each(count, lambda _: call(request))


async def accept_batches(world: World, count: int) -> None:
    """Make one unary call per batch with the same bytes, which inserts one row per email in one statement."""
    call: grpc.aio.UnaryUnaryMultiCallable[bytes, bytes] = world.floor.unary_unary(floor_server.BATCH)
    request = send_batch_request(world).SerializeToString()
    await each_batch(count, lambda _: call(request))


async def submit(world: World, count: int) -> None:
    """Make one signed POST with boto3 and two updates of one row per email."""
    client = boto3.session.Session("bench", "bench", region_name=REGION).client(
        "sesv2", endpoint_url=world.ses_url, config=Config(max_pool_connections=THREADS)
    )
    loop = asyncio.get_running_loop()
    async with asyncpg.create_pool(
        world.database.url("postgres"), max_size=THREADS, reset=keep_session
    ) as pool:
        ids = [row["id"] for row in await pool.fetch("SELECT id FROM public.floor LIMIT $1", count)]
        with ThreadPoolExecutor(THREADS) as threads:

            async def one(number: int) -> None:
                await pool.execute("UPDATE public.floor SET body = body WHERE id = $1", ids[number])
                await loop.run_in_executor(threads, _post, client, world.domain)
                await pool.execute("UPDATE public.floor SET body = body WHERE id = $1", ids[number])

            await each(count, one)


def _post(client: object, domain: str) -> None:
    client.send_email(  # type: ignore[attr-defined]
        FromEmailAddress=f"agent@{domain}",
        Destination={"ToAddresses": ["reader@example.com"]},
        Content={"Raw": {"Data": b"Subject: Hello\r\n\r\n" + b"Good day.\r\n" * 200}},
    )


async def feedback(world: World, count: int) -> None:
    """Insert one row per notification, a hundred at a time."""
    bodies = [body.encode() for body in await feedback_bodies(world, count)]
    connection = await asyncpg.connect(world.database.url("postgres"))
    for start in range(0, count, BATCH):
        await _insert(connection, bodies[start : start + BATCH])
    await connection.close()


async def _insert(connection: "asyncpg.Connection[asyncpg.Record]", bodies: Sequence[bytes]) -> None:
    await connection.execute(
        "INSERT INTO public.floor (id, body) SELECT * FROM unnest($1::uuid[], $2::bytea[])",
        [uuid7() for _ in bodies],
        bodies,
    )


async def keep_session(_: object) -> None:
    """Skip the reset query, as the services do."""
