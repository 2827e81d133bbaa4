"""Events reach their consumers and are applied exactly once."""

import asyncio
import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from uuid import UUID

import pytest

from chassis.database import Connection, Database
from chassis.events import Event, Outbox, ReceivedEvent, Relay, Stream
from chassis.events.envelope import envelope
from letterhead.events.v1.domain_events_pb2 import DomainProvisioned
from tests.integration.chassis.conftest import Start
from tests.integration.chassis.journal import a_consumer, an_event, make_journal, publish, write_down, written
from tests.stores import FreshDatabase
from tests.streams import FreshStream
from tests.waiting import eventually


async def test_an_event_is_published_as_a_cloudevent(
    identity: Database, wire: Stream, stream: FreshStream, start: Start
) -> None:
    event = an_event()
    start(Relay(identity, wire, "identity").run)

    await publish(identity, event)

    [published] = await eventually(stream.published)
    assert datetime.fromisoformat(published.pop("time")) - datetime.now(UTC) < timedelta(minutes=1)
    assert published == {
        "specversion": "1.0",
        "id": str(event.id),
        "source": "/letterhead/identity",
        "type": "domain.created",
        "subject": "inbox.mnexa.ai",
        "datacontenttype": "application/json",
        "dataschema": "letterhead.events.v1.DomainCreated",
        "tenantid": str(event.tenant_id),
        "data": {"domain": {"name": "inbox.mnexa.ai"}},
    }


async def test_events_of_a_failed_transaction_are_not_published(
    identity: Database, wire: Stream, stream: FreshStream, start: Start
) -> None:
    start(Relay(identity, wire, "identity").run)
    undone, done = an_event(), an_event()

    async def fail() -> None:
        async with identity.transaction() as connection:
            await Outbox("identity").write(connection, undone)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail()
    await publish(identity, done)

    published = await eventually(stream.published)
    assert [each["id"] for each in published] == [str(done.id)]


async def test_a_commit_wakes_the_relay(
    identity: Database, database: FreshDatabase, wire: Stream, start: Start
) -> None:
    """Ten events one after the other take far less time than ten polls."""
    await make_journal(database)
    start(Relay(identity, wire, "identity").run)
    start(a_consumer(identity, wire).run)
    await publish(identity, first := an_event())
    await eventually(lambda: _includes(database, str(first.id)))
    started = asyncio.get_running_loop().time()

    for _ in range(10):
        event_id = str((event := an_event()).id)
        await publish(identity, event)
        await eventually(partial(_includes, database, event_id))

    assert asyncio.get_running_loop().time() - started < 5


async def test_two_relays_publish_each_event_once(
    identity: Database, wire: Stream, stream: FreshStream, start: Start
) -> None:
    for _ in range(2):
        start(Relay(identity, wire, "identity").run)

    for _ in range(10):
        await publish(identity, *(an_event() for _ in range(100)))

    published = await eventually(lambda: _at_least(stream, 1000))
    assert len({each["id"] for each in published}) == len(published) == 1000


async def test_an_event_is_applied_once_when_it_is_delivered_twice(
    identity: Database, database: FreshDatabase, wire: Stream, stream: FreshStream, start: Start
) -> None:
    await make_journal(database)
    start(Relay(identity, wire, "identity").run)
    event = an_event()
    await publish(identity, event)
    await eventually(lambda: _published(database))

    [published] = await eventually(stream.published)
    await wire.publish("domain.created", json.dumps(published).encode(), UUID(int=1))
    start(a_consumer(identity, wire).run)
    last = an_event("domain.deleted")
    await publish(identity, last)

    await eventually(lambda: _includes(database, str(last.id)))
    assert await written(database) == sorted([str(event.id), str(last.id)])


async def test_two_consumers_share_the_events(
    identity: Database, database: FreshDatabase, wire: Stream, start: Start
) -> None:
    await make_journal(database)
    events = [an_event() for _ in range(300)]
    start(Relay(identity, wire, "identity").run)
    for _ in range(2):
        start(a_consumer(identity, wire).run)

    await publish(identity, *events)

    await eventually(lambda: _count(database, 300))
    assert await written(database) == sorted(str(event.id) for event in events)


async def test_a_handler_receives_the_event_as_it_was_written(
    identity: Database, wire: Stream, start: Start
) -> None:
    event = an_event("domain.provisioned")
    seen: list[ReceivedEvent] = []

    async def handle(_: Connection, received: Sequence[ReceivedEvent]) -> None:
        seen.extend(received)

    start(Relay(identity, wire, "identity").run)
    start(a_consumer(identity, wire, handle).run)
    await publish(identity, event)

    await eventually(lambda: seen)
    assert (seen[0].id, seen[0].subject, seen[0].resource) == (event.id, event.subject, event.resource)
    assert seen[0].tenant_id == event.tenant_id
    assert seen[0].parse(DomainProvisioned) == event.data


async def test_an_event_that_fails_is_dead_lettered_and_the_others_are_applied(
    identity: Database, database: FreshDatabase, wire: Stream, start: Start
) -> None:
    await make_journal(database)
    tries: list[int] = []

    async def fail_deleted(connection: Connection, events: Sequence[ReceivedEvent]) -> None:
        await write_down(connection, events)
        if "domain.deleted" in {event.subject for event in events}:
            tries.append(len(events))
            raise ValueError("no such domain")

    bad, good = an_event("domain.deleted"), [an_event() for _ in range(20)]
    start(Relay(identity, wire, "identity").run)
    start(a_consumer(identity, wire, fail_deleted).run)
    await publish(identity, bad, *good)

    [dead_letters] = await eventually(lambda: database.fetch("SELECT * FROM identity.dead_letters"))
    assert tries.count(1) == dead_letters["deliveries"] == 5
    assert (dead_letters["consumer"], dead_letters["event_id"]) == ("journal", bad.id)
    assert "no such domain" in dead_letters["error"]
    await eventually(lambda: _count(database, 20))
    assert str(bad.id) not in await written(database)


async def test_a_dead_lettered_event_is_retried_and_removed_once_it_is_applied(
    identity: Database, database: FreshDatabase, wire: Stream, start: Start
) -> None:
    """Replicas of a release that fixes the cause start, and one of them applies the event once."""
    await make_journal(database)
    event = an_event()
    fixed = asyncio.Event()

    async def handle(connection: Connection, events: Sequence[ReceivedEvent]) -> None:
        await (write_down if fixed.is_set() else fail)(connection, events)

    start(Relay(identity, wire, "identity").run)
    start(a_consumer(identity, wire, handle).run)
    await publish(identity, event)
    await eventually(lambda: database.fetch("SELECT FROM identity.dead_letters"))

    fixed.set()
    await database.execute("UPDATE identity.dead_letters SET tried_at = now() - interval '61 minutes'")
    for _ in range(2):
        start(a_consumer(identity, wire, handle).run)

    await eventually(lambda: _count(database, 1))
    assert await written(database) == [str(event.id)]
    assert await database.fetch("SELECT FROM identity.dead_letters") == []


async def test_a_dead_lettered_event_that_still_fails_stays_with_its_latest_error(
    identity: Database, database: FreshDatabase, wire: Stream, start: Start
) -> None:
    await make_journal(database)
    events = [an_event() for _ in range(3)]
    for event, deliveries, minutes in zip(events, (5, 16, 5), (61, 61, 59), strict=True):
        await dead_letter(database, event, deliveries=deliveries, tried=timedelta(minutes=minutes))

    start(a_consumer(identity, wire, fail).run)

    async def one_was_retried() -> bool:
        rows = await database.fetch(
            "SELECT event_id FROM identity.dead_letters WHERE error LIKE '%not today%'"
        )
        return [row["event_id"] for row in rows] == [events[0].id]

    await eventually(one_was_retried)
    [others] = await database.fetch("SELECT count(*) FROM identity.dead_letters WHERE error = 'before'")
    assert others["count"] == 2, "retried an event that crashes consumers, or one before its hour was over"


async def fail(connection: Connection, events: Sequence[ReceivedEvent]) -> None:
    await write_down(connection, events)
    raise ValueError("not today")


async def dead_letter(database: FreshDatabase, event: Event, *, deliveries: int, tried: timedelta) -> None:
    """Dead-letter an event as a consumer would have done some time ago."""
    body = envelope(
        {
            "id": event.id,
            "source": "/letterhead/identity",
            "subject": event.subject,
            "resource": event.resource,
            "occurred_at": datetime.now(UTC),
            "schema_name": event.data.DESCRIPTOR.full_name,
            "tenant_id": event.tenant_id,
            "data": {},
        }
    ).decode()
    await database.execute(
        "INSERT INTO identity.dead_letters"
        " (id, consumer, event_id, subject, body, error, deliveries, tried_at)"
        " VALUES ($1, 'journal', $1, $2, $3, 'before', $4, now() - $5::interval)",
        event.id,
        event.subject,
        body,
        deliveries,
        tried,
    )


async def test_waiting_events_are_applied_in_one_transaction(
    identity: Database, database: FreshDatabase, wire: Stream, start: Start
) -> None:
    await make_journal(database)
    start(Relay(identity, wire, "identity").run)
    await publish(identity, *(an_event() for _ in range(100)))
    await eventually(lambda: _published(database))

    start(a_consumer(identity, wire).run)

    await eventually(lambda: _count(database, 100))
    (inbox,) = await database.fetch("SELECT count(DISTINCT received_at) AS transactions FROM identity.inbox")
    assert inbox["transactions"] < 10


async def test_a_malformed_event_is_dead_lettered_immediately(
    identity: Database, database: FreshDatabase, wire: Stream, start: Start
) -> None:
    start(a_consumer(identity, wire).run)
    await eventually(lambda: wire.connected)
    await wire.ensure()

    await wire.publish("domain.created", b'{"id": "\0 no event', UUID(int=1))

    [dead_letters] = await eventually(lambda: database.fetch("SELECT * FROM identity.dead_letters"))
    assert dead_letters["event_id"] is None
    assert dead_letters["deliveries"] == 1


async def test_a_consumer_created_later_receives_earlier_events(
    identity: Database, database: FreshDatabase, wire: Stream, start: Start
) -> None:
    await make_journal(database)
    start(Relay(identity, wire, "identity").run)
    await publish(identity, *(an_event() for _ in range(3)))
    await eventually(lambda: _published(database))

    start(a_consumer(identity, wire).run)

    await eventually(lambda: _count(database, 3))


async def test_old_events_are_deleted_once_published(
    identity: Database, database: FreshDatabase, wire: Stream, start: Start
) -> None:
    old, recent = an_event(), an_event()
    await publish(identity, old, recent)
    await database.execute(
        "UPDATE identity.outbox SET published_at = now(), created_at = now() - interval '8 days'"
        " WHERE id = $1",
        old.id,
    )

    start(Relay(identity, wire, "identity").run)

    await eventually(lambda: _only_left(database, recent.id))


async def _at_least(stream: FreshStream, count: int) -> list[dict[str, object]]:
    published = await stream.published()
    return published if len(published) >= count else []


async def _published(database: FreshDatabase) -> bool:
    rows = await database.fetch("SELECT FROM identity.outbox WHERE published_at IS NULL")
    return not rows


async def _count(database: FreshDatabase, count: int) -> bool:
    return len(await written(database)) == count


async def _includes(database: FreshDatabase, event_id: str) -> bool:
    return event_id in await written(database)


async def _only_left(database: FreshDatabase, event_id: UUID) -> bool:
    rows = await database.fetch("SELECT id FROM identity.outbox")
    return [row["id"] for row in rows] == [event_id]
