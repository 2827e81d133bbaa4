"""Intake: events from NATS become messages."""

from chassis.assembly import Assembly, Platform
from chassis.events import Consumer
from chassis.events.subjects import CONSUMED
from services.deliverer.worker import receive


def intake(platform: Platform) -> Assembly:
    """Return the consumer of the events that endpoints can choose."""
    consumer = Consumer(
        platform.database,
        platform.stream,
        platform.schema,
        "events",
        CONSUMED["deliverer"]["events"],
        receive,
    )
    return Assembly(background=[consumer.run])
