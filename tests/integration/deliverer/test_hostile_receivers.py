"""Receivers that send whatever may harm who posts to them; healthy ones receive their events meanwhile."""

import asyncio
import json
import os
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from statistics import median

import pytest
from yarl import URL

from chassis.ids import uuid7
from chassis.time_limits import LONGEST
from letterhead.webhooks.v1 import webhook_service_pb2 as pb
from services.deliverer.model.messages import LONGEST_ANSWER
from services.deliverer.store.queue import TIME_TO_STORE
from tests.figures import Figure, memory
from tests.integration.deliverer.conftest import Hooks, Settings
from tests.integration.deliverer.emails import a_bounce, a_delivery
from tests.integration.deliverer.hostile_receivers import (
    HANDSHAKES,
    HEALTHY,
    Arrived,
    Receivers,
    hostile_receivers,
)
from tests.integration.deliverer.hostilities import KINDS
from tests.waiting import eventually

VARIATIONS, HANDSHAKE_VARIATIONS = 12, 2  # 500 receivers
HEALTHY_ENDPOINTS, EVENTS = 5, 20
TIMEOUT = timedelta(seconds=3)
MOST_GROWTH = 256  # MB: a process of about 100 then stays below the 384 MiB of its manifest


@pytest.fixture
async def receivers(tmp_path: Path) -> AsyncIterator[Receivers]:
    async with hostile_receivers(tmp_path) as running:
        yield running


@pytest.fixture
def settings(settings: Settings, receivers: Receivers) -> Settings:
    """Let webhooks and deliverer use these receivers."""
    ports = tuple(str(port) for port in receivers.ports.values())
    posting = replace(
        settings.deliverer.posting,
        webhook_ports=ports,
        webhook_ca_file=receivers.ca_file,
        webhook_timeout=TIMEOUT,
    )
    return replace(
        settings,
        webhooks=replace(settings.webhooks, webhook_ports=ports, endpoints_per_tenant=1000),
        deliverer=replace(settings.deliverer, posting=posting),
    )


def hostile_urls(receivers: Receivers, *, every: bool) -> Sequence[str]:
    """Return the URLs of all receivers, or of one of each kind."""
    variations, handshakes = (VARIATIONS, HANDSHAKE_VARIATIONS) if every else (1, 1)
    return [
        *(receivers.url(f"/{kind}/{number}") for kind in KINDS for number in range(variations)),
        *(receivers.url(f"/{number}", name) for name in HANDSHAKES for number in range(handshakes)),
    ]


@pytest.mark.timeout(300)
async def test_hostile_receivers_harm_nobody(
    hooks: Hooks, receivers: Receivers, figure: Figure, *, all_receivers: bool
) -> None:
    urls = hostile_urls(receivers, every=all_receivers)
    await subscribe(hooks, urls, "EMAIL_BOUNCED")
    healthy = [receivers.url(f"{HEALTHY}{number}") for number in range(HEALTHY_ENDPOINTS)]
    await subscribe(hooks, healthy, "EMAIL_DELIVERED")
    before = memory()

    await hooks.publish(a_bounce())
    await hooks.publish(*(a_delivery() for _ in range(EVENTS)))

    await eventually(lambda: attempted(hooks, len(urls)), within=timedelta(seconds=200))
    await eventually(lambda: delivered(hooks, len(healthy) * EVENTS), within=timedelta(seconds=60))
    growth = memory() - before
    attempts = await hooks.database.fetch(
        "SELECT a.problem, a.status, a.answer, a.duration FROM deliverer.attempts AS a"
        " JOIN deliverer.messages AS m ON m.id = a.message_id WHERE m.type = 'EMAIL_BOUNCED'"
    )
    outcomes = Counter(each["problem"] or f"{each['status'] // 100}xx" for each in attempts)
    longest = max(each["duration"] for each in attempts)
    arrived = receivers.arrived()
    waited = [seconds_to(each) for each in arrived if each.path.startswith(HEALTHY)]
    figure(
        f"{len(urls)} hostile receivers: {dict(sorted(outcomes.items()))}; longest post"
        f" {longest.total_seconds():.1f} s of {TIMEOUT.total_seconds():.0f} s; healthy endpoints after"
        f" p50 {median(waited):.1f} s, max {max(waited):.1f} s; memory {growth:+.0f} MB;"
        f" load {os.getloadavg()[0]:.0f}"
    )
    assert all(len(each["answer"]) <= LONGEST_ANSWER and is_printable(each["answer"]) for each in attempts)
    assert longest < TIMEOUT * LONGEST + TIME_TO_STORE  # before its lease ends, however busy the machine is
    assert {each.path for each in arrived} <= {URL(url).path for url in (*urls, *healthy)}
    assert growth < MOST_GROWTH


def is_printable(text: str) -> bool:
    return all(each.isprintable() or each == "\n" for each in text)


def seconds_to(post: Arrived) -> float:
    """Return the time from an event to its post."""
    return (post.at - datetime.fromisoformat(json.loads(post.body)["created_at"])).total_seconds()


async def subscribe(hooks: Hooks, urls: Sequence[str], event_type: str) -> None:
    """Create endpoints."""
    number = pb.EventType.Value(f"EVENT_TYPE_{event_type}")
    requests = [
        pb.CreateEndpointRequest(url=url, event_types=[number], request_id=str(uuid7())) for url in urls
    ]
    for start in range(0, len(requests), 16):
        await asyncio.gather(
            *(hooks.stub.CreateEndpoint(each, metadata=hooks.key) for each in requests[start : start + 16])
        )


async def attempted(hooks: Hooks, count: int) -> bool:
    """Return whether so many messages to hostile receivers were posted."""
    rows = await hooks.database.fetch(
        "SELECT FROM deliverer.messages WHERE type = 'EMAIL_BOUNCED' AND attempts > 0"
    )
    return len(rows) == count


async def delivered(hooks: Hooks, count: int) -> bool:
    rows = await hooks.database.fetch(
        "SELECT FROM deliverer.messages WHERE type = 'EMAIL_DELIVERED' AND state = 'DELIVERED'"
    )
    return len(rows) == count
