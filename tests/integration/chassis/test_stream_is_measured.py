"""The size and the replicas of the stream are measured while NATS answers, and unknown while it does not."""

import math

import pytest
from prometheus_client import REGISTRY

from chassis.database import Database
from chassis.errors import Unavailable
from chassis.events import Relay, Stream
from tests.integration.chassis.conftest import Start
from tests.integration.chassis.journal import an_event, publish
from tests.streams import FreshStream
from tests.waiting import eventually


def measured() -> list[float]:
    """Return size, limit, and configured and current replicas."""
    names = ("letterhead_stream_bytes", "letterhead_stream_limit_bytes")
    replicas = ({"state": state} for state in ("configured", "current"))
    found = [
        *(REGISTRY.get_sample_value(name) for name in names),
        *(REGISTRY.get_sample_value("letterhead_stream_replicas", labels) for labels in replicas),
    ]
    return [math.nan if each is None else each for each in found]


async def test_a_stream_is_measured_by_each_check(
    identity: Database, wire: Stream, stream: FreshStream, start: Start
) -> None:
    start(Relay(identity, wire, "identity").run)
    await publish(identity, an_event())
    await eventually(stream.published)

    await wire.check()

    size, *others = measured()
    assert size > 0
    assert others == [-1, 1, 1]


async def test_a_missing_stream_has_no_size(wire: Stream, stream: FreshStream) -> None:
    await eventually(lambda: wire.connected)
    await stream.lose()

    with pytest.raises(Unavailable):
        await wire.check()

    assert all(map(math.isnan, measured()))
