"""Events to publish, and a consumer that records applied events in a table, as a service would."""

from collections.abc import Sequence
from datetime import timedelta
from uuid import uuid4

from google.protobuf.message_factory import GetMessageClass

from chassis.database import Connection, Database
from chassis.events import Consumer, Event, Outbox, ReceivedEvent, Stream
from chassis.events.consumer import Handle
from chassis.events.subjects import MESSAGES
from tests.stores import FreshDatabase

TABLE = """
CREATE TABLE identity.journal (event_id uuid NOT NULL, subject text NOT NULL);
GRANT SELECT, INSERT ON identity.journal TO letterhead_identity
"""


def an_event(subject: str = "domain.created") -> Event:
    """Return an event of identity about a domain."""
    data = GetMessageClass(MESSAGES[subject])(domain={"name": "inbox.mnexa.ai"})
    return Event(data=data, tenant_id=uuid4(), resource="inbox.mnexa.ai")


async def publish(database: Database, *events: Event) -> None:
    """Write events to the outbox as a service does, in one transaction."""
    async with database.transaction() as connection:
        await Outbox("identity").write(connection, *events)


async def make_journal(database: FreshDatabase) -> None:
    for statement in TABLE.split(";"):
        await database.execute(statement)


async def write_down(connection: Connection, events: Sequence[ReceivedEvent]) -> None:
    """Record events: the simplest handler whose effect must not be repeated."""
    for event in events:
        await connection.execute("INSERT INTO identity.journal VALUES ($1, $2)", event.id, event.subject)


async def written(database: FreshDatabase) -> list[str]:
    """Return the ids applied so far; an id that was applied twice occurs twice."""
    rows = await database.fetch("SELECT event_id FROM identity.journal ORDER BY event_id")
    return [str(row["event_id"]) for row in rows]


def a_consumer(database: Database, stream: Stream, handle: Handle = write_down) -> Consumer:
    """Return a consumer of all domain events with short retry delays."""
    delays = [timedelta(milliseconds=20)] * 4
    return Consumer(
        database,
        stream,
        "identity",
        "journal",
        ["domain.>"],
        handle,
        retry_delays=delays,
    )
