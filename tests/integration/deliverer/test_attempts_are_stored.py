"""What was posted is stored, however slow Postgres or this process is; otherwise it would be posted again."""

import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta

import asyncpg
import pytest

from chassis.database import Database
from chassis.events import Outbox
from chassis.ids import uuid7
from letterhead.webhooks.v1 import webhook_service_pb2 as pb
from services.deliverer.model.messages import Answer, Attempt, Leased, Problem
from services.deliverer.store.attempts import AttemptStore
from services.deliverer.store.health import HealthStore
from services.deliverer.store.queue import MessageQueue
from tests.figures import Figure
from tests.integration.deliverer.conftest import Hooks, Settings
from tests.integration.deliverer.emails import a_bounce
from tests.waiting import eventually

MESSAGES = 100
TIMEOUT = Answer(None, Problem.TIMEOUT)


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """Allow as many posts to the endpoint as there are messages, with only two connections to Postgres."""
    posting = replace(settings.deliverer.posting, posts_per_endpoint=64)
    database = replace(settings.deliverer.database, database_pool_size=2)
    return replace(settings, deliverer=replace(settings.deliverer, posting=posting, database=database))


@asynccontextmanager
async def blocked(hooks: Hooks) -> AsyncIterator[None]:
    """Let no attempt be stored while the block runs."""
    connection = await asyncpg.connect(hooks.database.url("postgres"))
    async with connection.transaction():
        await connection.execute("LOCK TABLE deliverer.attempts IN EXCLUSIVE MODE")
        yield
    await connection.close()


async def test_attempts_are_stored_once_postgres_can_store_them(hooks: Hooks, figure: Figure) -> None:
    """Meanwhile storing them fails, because of the lock or because no connection of the pool is free."""
    await hooks.create("/hooks", "EMAIL_BOUNCED")
    async with blocked(hooks):
        await hooks.publish(*(a_bounce() for _ in range(MESSAGES)))
        first = await hooks.posts("/hooks", 64, within=30)
        before = await rolled_back(hooks)
        await eventually(lambda: _more_rolled_back(hooks, before), within=timedelta(seconds=30))

    started = time.monotonic()
    posts = await hooks.posts("/hooks", MESSAGES, within=30)
    await eventually(lambda: delivered(hooks, MESSAGES), within=timedelta(seconds=30))

    assert len(first) == 64
    assert len(posts) == len({each["headers"]["webhook-id"] for each in posts}) == MESSAGES
    figure(
        f"webhooks, attempts not storable for 5 s with 64 posts in flight and a pool of 2: {MESSAGES} posts,"
        f" 0 doubles; all stored {time.monotonic() - started:.1f} s after"
    )


async def rolled_back(hooks: Hooks) -> int:
    """Return how many transactions of the database were rolled back."""
    [row] = await hooks.database.fetch(
        "SELECT xact_rollback FROM pg_stat_database WHERE datname = current_database()"
    )
    count: int = row["xact_rollback"]
    return count


async def _more_rolled_back(hooks: Hooks, before: int) -> bool:
    return await rolled_back(hooks) > before


async def delivered(hooks: Hooks, count: int) -> bool:
    rows = await hooks.database.fetch(
        "SELECT FROM deliverer.messages WHERE state = 'DELIVERED' AND attempts = 1"
    )
    return len(rows) == count


async def test_an_answer_that_this_process_was_too_busy_to_read_is_no_timeout(hooks: Hooks) -> None:
    await hooks.internet.control.behave("/hooks", delay_seconds=0.3)
    endpoint = await hooks.create("/hooks", "EMAIL_BOUNCED")
    await hooks.publish(a_bounce())
    await hooks.posts("/hooks")

    time.sleep(2.5)  # noqa: ASYNC251 - longer than the timeout of a post, and it blocks the event loop

    event = await hooks.becomes(endpoint, "DELIVERED")
    [attempt] = await hooks.attempts(endpoint, event.id)
    assert attempt.status == 200


async def test_attempts_whose_storing_was_not_confirmed_are_stored_again_without_effect(
    idle_hooks: Hooks,
) -> None:
    endpoint = await idle_hooks.create("/hooks", "EMAIL_BOUNCED")
    async with idle_hooks.database.open("deliverer") as database:
        attempts = [attempt(each, TIMEOUT) for each in await leased(idle_hooks, database, endpoint, 2)]
        store = AttemptStore(database, HealthStore(Outbox("deliverer")))

        for _ in range(2):
            await store.store(attempts)

    rows = await idle_hooks.database.fetch(
        "SELECT m.retries,"
        " (SELECT count(*) FROM deliverer.attempts AS a WHERE a.message_id = m.id) AS stored,"
        " h.failures, h.timeouts"
        " FROM deliverer.messages AS m JOIN deliverer.endpoint_health AS h USING (endpoint_id)"
    )
    assert [tuple(row) for row in rows] == [(1, 1, 2, 2)] * 2


async def leased(hooks: Hooks, database: Database, endpoint: pb.Endpoint, count: int) -> Sequence[Leased]:
    """Store messages that are due, and lease them."""
    await hooks.database.execute(
        "INSERT INTO deliverer.messages (id, tenant_id, endpoint_id, type, payload, occurred_at)"
        " SELECT gen_random_uuid(), $1, $2, 'EMAIL_BOUNCED', '{}', now()"
        " FROM generate_series(1, $3::integer)",
        hooks.tenant_id,
        endpoint.id,
        count,
    )
    return await MessageQueue(database, per_endpoint=count, longest=timedelta(seconds=30)).lease(count)


def attempt(message: Leased, answer: Answer) -> Attempt:
    return Attempt(uuid7(), message, answer, "PENDING", timedelta(seconds=5), timedelta(seconds=1))
