"""Pairs of equal requests to two senders that are killed again and again create one email each."""

import asyncio
import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import grpc
import pytest
from google.protobuf.timestamp_pb2 import Timestamp

from tests.chaos.conftest import Scale
from tests.chaos.load import Load, a_load
from tests.chaos.nursery import Nursery, nursery
from tests.chaos.outcomes import database
from tests.e2e.conftest import World
from tests.figures import Figure

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(900)]

CALLERS = 64  # concurrent pairs
DISAGREEING = 10  # every tenth pair differs in content
KILL_EVERY = (0.2, 0.8)  # seconds
# So late that no email is sent during the test, only accepted.
SEND_IN = timedelta(days=29)
COUNT = """
    SELECT count(*) FROM sender.emails AS e JOIN identity.claims AS c ON c.id = e.claim_id WHERE c.name = $1
"""


async def _kill_on(senders: Nursery, seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311 - not a secret
    while True:
        await asyncio.sleep(chance.uniform(*KILL_EVERY))
        victim = chance.randrange(len(senders.addresses))
        await senders.serving(victim)
        senders.kill(victim)


async def _answers(load: Load, numbers: Iterator[int]) -> list[set[str | None]]:
    """Return the answers to each pair; None means ALREADY_EXISTS."""
    answers = []
    for number in numbers:
        other = " of another kind" if number % DISAGREEING == 0 else ""
        sides = ((0, "Good day"), (1, f"Good day{other}"))
        answers.append(set(await asyncio.gather(*(_ask(load, number, *side) for side in sides))))
    return answers


async def _ask(load: Load, number: int, side: int, subject: str) -> str | None:
    try:
        return await load.ask(number, first=side, subject=subject)
    except grpc.aio.AioRpcError as error:
        if error.code() is not grpc.StatusCode.ALREADY_EXISTS:
            raise
        return None


async def _stored(world: World, domain: str) -> int:
    connection = await database(world)
    try:
        return int(await connection.fetchval(COUNT, domain))
    finally:
        await connection.close()


async def test_equal_requests_create_no_second_email_while_senders_are_killed(
    chaotic: World, workspace: Path, scale: Scale, seed: int, figure: Figure
) -> None:
    pairs = scale.of(300, 10_000)
    later = Timestamp()
    later.FromDatetime(datetime.now(UTC) + SEND_IN)
    async with (
        nursery(chaotic, "sender", workspace / "pairs", copies=2) as senders,
        a_load(chaotic, senders.addresses, send_time=later) as load,
    ):
        numbers = iter(range(pairs))
        killing = asyncio.create_task(_kill_on(senders, seed))
        batches = await asyncio.gather(*(_answers(load, numbers) for _ in range(CALLERS)))
        killing.cancel()
        await asyncio.gather(killing, return_exceptions=True)
        second = await _stored(chaotic, load.domain) - pairs

    answers = [answer for batch in batches for answer in batch]
    refused = sum(None in answer for answer in answers)
    figure(
        f"{pairs:,} concurrent pairs of equal request_ids, seed {seed}: {senders.kills} kills,"
        f" {load.refused:,} calls unanswered, {second} second emails; of {pairs // DISAGREEING:,} with other"
        f" content, {refused:,} ALREADY_EXISTS"
    )
    assert second == 0
    assert all(len(answer - {None}) == 1 for answer in answers)
    assert refused == pairs // DISAGREEING
