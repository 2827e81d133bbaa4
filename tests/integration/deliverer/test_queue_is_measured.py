"""Events that are due and not posted are measured, except those for endpoints that fail."""

from datetime import timedelta
from uuid import uuid4

from prometheus_client import REGISTRY

from letterhead.webhooks.v1 import webhook_service_pb2 as pb
from services.deliverer.store.queue import MessageQueue
from tests.integration.deliverer.conftest import Hooks


async def measured(hooks: Hooks) -> list[float | None]:
    """Measure, and return how long the first event has been due, and the active and failing endpoints."""
    async with hooks.database.open("deliverer") as own:
        await MessageQueue(own, per_endpoint=1, longest=timedelta(seconds=1)).measure()
    endpoints = [
        REGISTRY.get_sample_value("letterhead_webhook_endpoints", {"state": state})
        for state in ("active", "failing")
    ]
    return [REGISTRY.get_sample_value("letterhead_webhook_oldest_due_seconds"), *endpoints]


async def health(hooks: Hooks, endpoint: pb.Endpoint, **since: str) -> None:
    """Store when an endpoint last succeeded and failed, and since when it fails."""
    columns = ", ".join(since)
    values = ", ".join(f"now() - interval '{age}'" for age in since.values())
    await hooks.database.execute("DELETE FROM deliverer.endpoint_health WHERE endpoint_id = $1", endpoint.id)
    await hooks.database.execute(
        f"INSERT INTO deliverer.endpoint_health (endpoint_id, tenant_id, {columns})"  # noqa: S608
        f" VALUES ($1, $2, {values})",
        endpoint.id,
        hooks.tenant_id,
    )


async def test_an_event_for_a_healthy_endpoint_is_late_and_one_for_a_failing_endpoint_is_not(
    hooks: Hooks,
) -> None:
    endpoint = await hooks.create("/ok", "EMAIL_BOUNCED")
    await hooks.database.execute(
        "INSERT INTO deliverer.messages"
        " (id, tenant_id, endpoint_id, type, payload, occurred_at, due_at, leased_until)"
        " VALUES ($1, $2, $3, 'email.bounced', '{}', now(),"
        " now() - interval '10 minutes', now() + interval '1 hour')",
        uuid4(),
        hooks.tenant_id,
        endpoint.id,
    )

    await health(hooks, endpoint, last_success_at="1 minute")
    late, *endpoints = await measured(hooks)
    assert 600 <= (late or 0) < 700
    assert endpoints == [1, 0]

    await health(hooks, endpoint, last_failure_at="1 minute", failing_since="20 minutes")
    assert await measured(hooks) == [0, 1, 1]

    await health(hooks, endpoint, last_success_at="2 days")
    assert (await measured(hooks))[1:] == [0, 0]
