"""Twenty of fifty endpoints hang or trickle; how long it takes from an event to its post at the others."""

import asyncio
import json
import os
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from statistics import median, quantiles

import pytest

from chassis.background import supervised
from chassis.events import Event, Outbox, Relay, open_stream
from letterhead.events.v1 import email_events_pb2 as emails_pb
from tests.figures import Figure, memory
from tests.integration.deliverer.conftest import Hooks, Settings
from tests.integration.deliverer.emails import a_bounce
from tests.waiting import eventually

ENDPOINTS, SLOW = 50, 20
EVENTS = 40
ROUND_SECONDS = 0.25  # between two events
WARM_UP = EVENTS // 2
MOST_GROWTH = 64  # MB in the second half, with what the receiver in this process keeps


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """Allow this many endpoints, and give a post as long as in production."""
    posting = replace(settings.deliverer.posting, webhook_timeout=timedelta(seconds=15))
    return replace(
        settings,
        webhooks=replace(settings.webhooks, endpoints_per_tenant=ENDPOINTS),
        deliverer=replace(settings.deliverer, posting=posting),
    )


async def test_endpoints_that_hang_or_trickle_delay_no_other(hooks: Hooks, figure: Figure) -> None:
    for number in range(ENDPOINTS):
        if number < SLOW:
            await hooks.internet.control.behave(f"/{number}", manner=("hang", "trickle")[number % 2])
        await hooks.create(f"/{number}", "EMAIL_BOUNCED")

    megabytes = await publish_all(hooks)

    latencies: list[float] = []
    for number in range(SLOW, ENDPOINTS):
        posts = await hooks.posts(f"/{number}", EVENTS)
        assert len({each["headers"]["webhook-id"] for each in posts}) == EVENTS
        latencies += map(seconds_to, posts)
    growth = megabytes[-1] - megabytes[WARM_UP]
    p50, p99, longest = median(latencies), quantiles(latencies, n=100)[98], max(latencies)
    figure(
        f"webhooks, {SLOW} of {ENDPOINTS} endpoints hang or trickle: {len(latencies)} posts to the others"
        f" after p50 {p50 * 1000:.0f} ms, p99 {p99 * 1000:.0f} ms, max {longest * 1000:.0f} ms;"
        f" load {os.getloadavg()[0]:.0f}; memory {megabytes[WARM_UP]:.0f} MB, then {growth:+.0f} MB"
    )
    assert growth < MOST_GROWTH


async def publish_all(hooks: Hooks) -> Sequence[float]:
    """Publish event after event as sender does; return the memory of this process after each, in MB."""
    megabytes = []
    async with (
        hooks.database.open("sender") as database,
        open_stream(hooks.stream.settings("sender"), "sender") as stream,
    ):
        relay = Relay(database, stream, "sender")
        async with supervised([relay.run], asyncio.Event(), drain=timedelta(seconds=2)):
            for _ in range(EVENTS):
                async with database.transaction() as connection:
                    await Outbox("sender").write(connection, an_event(hooks))
                await asyncio.sleep(ROUND_SECONDS)
                megabytes.append(memory())
            await eventually(lambda: _all_published(hooks))
    return megabytes


def an_event(hooks: Hooks) -> Event:
    bounce: emails_pb.EmailBounced = a_bounce()
    bounce.email.tenant_id = str(hooks.tenant_id)
    return Event(bounce, hooks.tenant_id, resource="x")


async def _all_published(hooks: Hooks) -> bool:
    return not await hooks.database.fetch("SELECT FROM sender.outbox WHERE published_at IS NULL LIMIT 1")


def seconds_to(post: dict[str, str]) -> float:
    """Return the time from an event to its post."""
    created_at = datetime.fromisoformat(json.loads(post["body"])["created_at"])
    return (datetime.fromisoformat(post["received_at"]) - created_at).total_seconds()
