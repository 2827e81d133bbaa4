"""Events from one service's Postgres to another's: outbox, relay to JetStream, consumer with inbox.

Postgres is the source of truth, JetStream the transport. Delivery is at least once and unordered. Each
consumer applies an event exactly once, because it writes an inbox row in the same transaction. External
subscribers must deduplicate by event id.
"""

from chassis.events.consumer import Consumer
from chassis.events.envelope import Event, ReceivedEvent
from chassis.events.outbox import Outbox
from chassis.events.relay import Relay
from chassis.events.stream import RETENTION, Stream, open_stream

__all__ = ["RETENTION", "Consumer", "Event", "Outbox", "ReceivedEvent", "Relay", "Stream", "open_stream"]
