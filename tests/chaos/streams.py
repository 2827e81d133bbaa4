"""Reads the ids of all events in the NATS stream, for checks after an outage."""

import json
from collections.abc import Collection
from contextlib import suppress

import nats
from nats.errors import Error as NatsError
from nats.js.api import ConsumerConfig, DeliverPolicy

from chassis.events.authorization import SUBSCRIBER
from chassis.events.stream import credentials
from tests.e2e.conftest import World

QUIET_SECONDS = 1  # without another event, the end of the stream is reached
FROM_THE_FIRST = ConsumerConfig(deliver_policy=DeliverPolicy.ALL)


async def holds(world: World, wanted: Collection[str]) -> bool:
    """Return whether the stream has all of these events; False if there is no stream."""
    missing = set(wanted)
    with suppress(NatsError, OSError):
        client = await nats.connect(**credentials(world.installation.wire, SUBSCRIBER), allow_reconnect=False)
        try:
            reader = await client.jetstream().subscribe(
                ">", stream=world.installation.nats_stream, ordered_consumer=True, config=FROM_THE_FIRST
            )
            while missing:
                event = await reader.next_msg(timeout=QUIET_SECONDS)
                missing.discard(json.loads(event.data)["id"])
        finally:
            await client.close()
    return not missing
