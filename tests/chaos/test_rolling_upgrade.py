"""An upgrade and its roll-back lose nothing, while two versions of each process run side by side under load.

The previous version is real code: a commit of this project's history. It runs on the schema of today, because
a deployment migrates first.
"""

import asyncio
import json
import random
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import pytest
import pytest_asyncio

from services import PROCESSES, schemas
from tests.chaos.conftest import Scale
from tests.chaos.lives import living
from tests.chaos.outcomes import all_settled, database, outcome_of
from tests.chaos.rollout import CURRENT, Rollout, rolling
from tests.chaos.traffic import TYPES, an_endpoint, flowing
from tests.e2e.conftest import World
from tests.figures import Figure
from tests.waiting import eventually

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(3600)]

PREVIOUS = "668e8e93a2740e6758890813b9e4e2eb01515c44"  # the first commit that has all processes of today
DOMAINS = 3  # at the same time, from creation to deletion
SETTLED_WITHIN = timedelta(minutes=15)  # only against hanging
POLL_SECONDS = 0.5
OUTBOXES = " UNION ALL ".join(f"SELECT id::text FROM {schema}.outbox" for schema in schemas())  # noqa: S608 - of the source


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def rollout(workspace: Path) -> AsyncIterator[Rollout]:
    async with rolling(workspace / "rollout", PREVIOUS) as rollout:
        yield rollout


@dataclass
class Subscriber:
    """The ids of all events that arrived at a subscriber on NATS."""

    world: World
    ids: set[str] = field(default_factory=set)

    @classmethod
    @asynccontextmanager
    async def following(cls, world: World) -> "AsyncIterator[Subscriber]":
        """Follow the events as long as the block runs."""
        subscriber = cls(world)
        task = asyncio.create_task(subscriber._follow())
        await asyncio.sleep(0)  # it follows from now on
        subscriber.ids |= world.tail.ids()
        yield subscriber
        task.cancel()

    async def _follow(self) -> None:
        async for event in self.world.tail.follow():
            self.ids.add(event.id)

    async def missing(self) -> set[str]:
        """Return the ids of events that are in an outbox and did not arrive."""
        connection = await database(self.world)
        try:
            return {row["id"] for row in await connection.fetch(OUTBOXES)} - self.ids
        finally:
            await connection.close()


async def posted(world: World, path: str) -> Counter[tuple[str, str]]:
    """Return how often each event of an email was posted, by its type and the id of the email."""
    bodies = [json.loads(post["body"]) for post in await world.sandbox.posts(path)]
    return Counter((body["type"], body["data"]["email_id"]) for body in bodies)


async def test_an_upgrade_and_a_roll_back_lose_nothing(
    rollout: Rollout, scale: Scale, seed: int, figure: Figure
) -> None:
    world, chance = rollout.world, random.Random(seed)  # noqa: S311 - not a secret
    path = await an_endpoint(world)
    async with Subscriber.following(world) as subscriber:
        async with living(world, DOMAINS) as lives, flowing(world, rollout.ingress) as traffic:
            await rollout.all_at_once(CURRENT)
            await rollout.all_at_once(rollout.previous)
            for _ in range(scale.of(0, 3)):
                await rollout.one_by_one(CURRENT, chance)
                await rollout.one_by_one(rollout.previous, chance)
        await eventually(lambda: all_settled(world, traffic.emails), SETTLED_WITHIN)
        wanted = {(kind, email) for kind in TYPES for email in traffic.emails}

        async def everything_arrived() -> bool:
            await asyncio.sleep(POLL_SECONDS)
            missing, unposted = await subscriber.missing(), wanted - (await posted(world, path)).keys()
            assert not missing, f"{len(missing)} events did not arrive"
            assert not unposted, f"{len(unposted)} posts did not arrive"
            return True

        await eventually(everything_arrived, SETTLED_WITHIN)
    outcome, lived, posts = (
        await outcome_of(world, traffic.emails),
        await lives.outcome(),
        await posted(world, path),
    )
    doubles = sum(count - 1 for key, count in posts.items() if key in wanted)
    figure(
        f"upgrade and roll-back: {rollout}; {traffic.calls}; {outcome}; {lived};"
        f" {len(subscriber.ids)} events and {len(wanted)} webhooks, none lost, {doubles} posted again;"
        f" a page opened {traffic.page_opened} times got {traffic.page_updates} updates (seed {seed})"
    )
    assert traffic.calls.failed == []
    assert rollout.unclean == []
    assert outcome.clean, outcome
    assert lived.clean, lived.astray
    assert set(rollout.stops) == {each.name for each in PROCESSES}
