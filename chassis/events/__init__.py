"""Events from one service's Postgres to another's: outbox, relay to JetStream, consumer with inbox.

Postgres is the record, JetStream the wire. Delivery is at least once and in no promised order; every
consumer applies an event once, because its inbox row is written with the effect. Subscribers outside
dedupe by the event's id.
"""

from chassis.events.consumer import Consumer
from chassis.events.envelope import Event, ReceivedEvent
from chassis.events.outbox import Outbox
from chassis.events.relay import Relay
from chassis.events.stream import RETENTION, Stream, open_stream

__all__ = ["RETENTION", "Consumer", "Event", "Outbox", "ReceivedEvent", "Relay", "Stream", "open_stream"]
