"""The rate limiter in Postgres enforces one rate for all its users together."""

import asyncio
import time
from datetime import timedelta
from itertools import pairwise

import pytest

from chassis.bucket import RateBucket
from chassis.database import Database
from tests.stores import FreshDatabase

PATIENT = timedelta(minutes=1)
NOW = timedelta(0)


async def test_two_processes_never_get_slots_closer_than_the_rate_allows(database: FreshDatabase) -> None:
    """Run six callers on each of two pools; a slot is at the time of the request plus the returned wait."""
    async with database.open("identity") as one, database.open("verifier") as other:

        async def take(bucket: RateBucket) -> tuple[float, float]:
            requested_at = time.monotonic()
            wait = await bucket.take("ses", rate=50, capacity=1, patience=PATIENT)
            assert wait is not None
            return requested_at + wait.total_seconds(), time.monotonic() + wait.total_seconds()

        buckets = [RateBucket(one), RateBucket(other)] * 6
        slots = sorted(await asyncio.gather(*map(take, buckets)), key=lambda slot: slot[1])

    # The actual slot lies between the two readings; no pair may be closer than 20 ms wherever it lies.
    for (earliest, _), (_, latest) in pairwise(slots):
        assert latest - earliest >= 0.02
    assert slots[-1][1] - slots[0][0] >= 11 * 0.02


async def test_slots_are_exact_by_the_database_clock(identity: Database) -> None:
    bucket = RateBucket(identity)

    waits = [await bucket.take("ses", rate=0.001, capacity=1, patience=timedelta(days=1)) for _ in range(4)]

    seconds = [wait.total_seconds() for wait in waits if wait is not None]
    assert seconds[0] == 0
    assert seconds[1:] == pytest.approx([1000, 2000, 3000], abs=5)


async def test_a_burst_of_the_capacity_is_allowed_immediately(identity: Database) -> None:
    bucket = RateBucket(identity)

    waits = [await bucket.take("send", rate=0.01, capacity=3, patience=NOW) for _ in range(4)]

    assert waits == [NOW, NOW, NOW, None]


async def test_a_slot_beyond_the_patience_is_not_reserved(identity: Database) -> None:
    bucket = RateBucket(identity)
    await bucket.take("ses", rate=0.01, capacity=1, patience=NOW)

    for _ in range(5):
        assert await bucket.take("ses", rate=0.01, capacity=1, patience=timedelta(seconds=50)) is None
    wait = await bucket.take("ses", rate=0.01, capacity=1, patience=timedelta(seconds=101))

    assert wait is not None
    assert wait.total_seconds() == pytest.approx(100, abs=5)


async def test_a_request_with_a_higher_cost_waits_longer(identity: Database) -> None:
    bucket = RateBucket(identity)
    await bucket.take("send", rate=0.01, capacity=10, cost=10, patience=NOW)

    wait = await bucket.take("send", rate=0.01, capacity=10, cost=5, patience=timedelta(days=1))

    assert wait is not None
    assert wait.total_seconds() == pytest.approx(500, abs=5)


async def test_keys_have_independent_rates(identity: Database) -> None:
    bucket = RateBucket(identity)

    waits = [
        await bucket.take(key, rate=0.01, capacity=1, patience=NOW) for key in ("us-east-1", "eu-west-1")
    ]

    assert waits == [NOW, NOW]


async def test_capacity_refills_over_time(identity: Database, database: FreshDatabase) -> None:
    bucket = RateBucket(identity)
    await bucket.take("send", rate=0.01, capacity=2, cost=2, patience=NOW)

    await database.execute("UPDATE chassis.rate_bucket SET arrival_at = arrival_at - interval '1 hour'")

    waits = [await bucket.take("send", rate=0.01, capacity=2, patience=NOW) for _ in range(3)]
    assert waits == [NOW, NOW, None]


@pytest.mark.parametrize(("rate", "capacity", "cost"), [(0, 1, 1), (-1, 1, 1), (1, 1, 2), (1, 1, 0)])
async def test_invalid_parameters_are_rejected(
    identity: Database, rate: float, capacity: float, cost: float
) -> None:
    with pytest.raises(ValueError, match="rate limiter ses"):
        await RateBucket(identity).take("ses", rate=rate, capacity=capacity, cost=cost, patience=NOW)
