"""Who is posted to next: tenants take turns, and an endpoint that times out is left alone for a while."""

from collections import Counter
from datetime import timedelta
from typing import Any
from uuid import UUID

from chassis.ids import uuid7
from letterhead.webhooks.v1 import webhook_service_pb2 as pb
from services.deliverer.store.queue import CIRCUIT_AFTER, PROBE, SLOW_AFTER, MessageQueue
from tests.factories import a_tenant
from tests.integration.deliverer.conftest import Hooks
from tests.integration.deliverer.emails import a_bounce
from tests.waiting import eventually

PER_ENDPOINT = 4


async def waiting(hooks: Hooks, count: int, *, tenant_id: UUID | None = None) -> UUID:
    """Store messages that are due to a new endpoint; return its id. The older ones are due first."""
    endpoint_id = uuid7()
    owner = tenant_id or hooks.tenant_id
    await hooks.database.execute(
        "INSERT INTO webhooks.endpoints (id, tenant_id, url, types, secret, content_hash)"
        " VALUES ($1, $2, 'https://hooks.acme.com/', '{EMAIL_SENT}', '', '')",
        endpoint_id,
        owner,
    )
    await hooks.database.execute(
        "INSERT INTO deliverer.messages (id, tenant_id, endpoint_id, type, payload, due_at, occurred_at)"
        " SELECT gen_random_uuid(), $2, $1, 'EMAIL_SENT', '{}', now() - interval '1 second' * number, now()"
        " FROM generate_series(1, $3::integer) AS number",
        endpoint_id,
        owner,
        count,
    )
    return endpoint_id


async def leased(hooks: Hooks, limit: int = 100) -> Counter[UUID]:
    """Lease messages as deliverer does; return how many of each endpoint."""
    async with hooks.database.open("deliverer") as database:
        queue = MessageQueue(database, per_endpoint=PER_ENDPOINT, longest=timedelta(seconds=30))
        return Counter(each.endpoint_id for each in await queue.lease(limit))


async def timed_out(
    hooks: Hooks, endpoint_id: UUID | str, timeouts: int, ago: timedelta = timedelta(0)
) -> None:
    """Write the health of an endpoint that timed out so often in a row."""
    await hooks.database.execute(
        "INSERT INTO deliverer.endpoint_health"
        " (endpoint_id, tenant_id, timeouts, failures, failing_since, last_failure_at)"
        " VALUES ($1, $2, $3, $3, now() - $4::interval, now() - $4::interval)"
        " ON CONFLICT (endpoint_id) DO UPDATE SET timeouts = $3, last_failure_at = now() - $4::interval",
        endpoint_id,
        hooks.tenant_id,
        timeouts,
        ago,
    )


async def test_a_tenant_with_many_endpoints_and_messages_delays_no_other(idle_hooks: Hooks) -> None:
    busy = [await waiting(idle_hooks, 50) for _ in range(10)]
    quiet = await waiting(idle_hooks, 2, tenant_id=await a_tenant(idle_hooks.database))

    first = await leased(idle_hooks, 4)
    rest = await leased(idle_hooks, 100)

    assert first[quiet] == 2
    assert sum(first[each] for each in busy) == 2
    assert {first[each] + rest[each] for each in busy} == {PER_ENDPOINT}


async def test_the_endpoints_of_a_tenant_alternate(idle_hooks: Hooks) -> None:
    endpoints = [await waiting(idle_hooks, 50) for _ in range(3)]

    assert await leased(idle_hooks, 6) == dict.fromkeys(endpoints, 2)


async def test_an_endpoint_that_times_out_gets_one_post_at_a_time(idle_hooks: Hooks) -> None:
    slow, almost = await waiting(idle_hooks, 10), await waiting(idle_hooks, 10)
    await timed_out(idle_hooks, slow, SLOW_AFTER)
    await timed_out(idle_hooks, almost, SLOW_AFTER - 1)

    assert await leased(idle_hooks) == {slow: 1, almost: PER_ENDPOINT}
    assert await leased(idle_hooks) == {}


async def test_the_circuit_opens_after_repeated_timeouts_and_a_probe_closes_it(hooks: Hooks) -> None:
    await hooks.internet.control.behave("/stuck", manner="hang")
    stuck = await hooks.create("/stuck", "EMAIL_BOUNCED")
    await hooks.create("/well", "EMAIL_BOUNCED")
    await timed_out(hooks, stuck.id, CIRCUIT_AFTER - 1)
    await hooks.publish(a_bounce())
    await eventually(lambda: _timeouts(hooks, stuck, CIRCUIT_AFTER))

    await hooks.publish(*(a_bounce() for _ in range(5)))
    await hooks.posts("/well", 6)
    during = len(await hooks.internet.control.posts("/stuck"))
    await hooks.internet.control.behave("/stuck")
    await hooks.database.execute("UPDATE deliverer.messages SET due_at = now() WHERE state = 'PENDING'")
    await timed_out(hooks, stuck.id, CIRCUIT_AFTER, PROBE + timedelta(seconds=1))

    posts = await hooks.posts("/stuck", during + 6)
    assert during == 1
    assert len({each["headers"]["webhook-id"] for each in posts}) == 6
    assert await eventually(lambda: _timeouts(hooks, stuck, 0))


async def _timeouts(hooks: Hooks, endpoint: pb.Endpoint, count: int) -> bool:
    rows: list[Any] = await hooks.database.fetch(
        "SELECT timeouts FROM deliverer.endpoint_health WHERE endpoint_id = $1", endpoint.id
    )
    return bool(rows) and rows[0]["timeouts"] == count
