"""NATS and Postgres fail and recover under load; every event is applied exactly once."""

import asyncio
import shutil
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from chassis.database import Connection, Database
from chassis.errors import Unavailable
from chassis.events import ReceivedEvent, Relay, Stream, open_stream
from chassis.events.relay import LEASE
from chassis.events.tables import statements
from cli.embedded import Postgres
from tests.integration.chassis.conftest import Start
from tests.integration.chassis.journal import a_consumer, an_event, make_journal, publish, write_down, written
from tests.stores import FreshDatabase, fresh_database, make_template
from tests.streams import FreshStream
from tests.waiting import eventually

RECOVERY = timedelta(seconds=10)


@pytest.fixture
async def durable(tmp_path_factory: pytest.TempPathFactory, workspace: Path) -> AsyncIterator[FreshDatabase]:
    """Return a database on a server with fsync, which keeps committed data when it is killed."""
    directory = workspace / tmp_path_factory.mktemp("durable").name
    directory.mkdir(mode=0o755)
    server = Postgres.start(directory)
    await make_template(server)
    async with fresh_database(server) as database:
        yield database
    server.stop()


@asynccontextmanager
async def load(database: Database) -> AsyncIterator[list[str]]:
    """Publish an event every few milliseconds; yield the list of acknowledged ids."""
    acknowledged: list[str] = []
    ended = asyncio.Event()

    async def publish_on() -> None:
        while not ended.is_set():
            event = an_event()
            try:
                await publish(database, event)
            except Unavailable:
                await asyncio.sleep(0.05)
            else:
                acknowledged.append(str(event.id))
            await asyncio.sleep(0.002)

    writers = [asyncio.create_task(publish_on()) for _ in range(2)]
    yield acknowledged
    ended.set()
    await asyncio.gather(*writers)


async def grown(acknowledged: list[str], by: int = 100) -> None:
    """Wait until `by` more events were acknowledged."""
    enough = len(acknowledged) + by
    await eventually(lambda: len(acknowledged) >= enough, within=timedelta(seconds=20))


async def everything_is_applied(database: FreshDatabase, acknowledged: list[str]) -> None:
    """Wait until all acknowledged events were applied, and assert that none was applied twice.

    Other events may have been applied too, if the acknowledgement of their commit was lost.
    """
    await eventually(lambda: _superset(database, acknowledged), within=RECOVERY)
    applied = await written(database)
    assert len(applied) == len(set(applied))


async def test_events_survive_kills_of_nats_under_load(
    identity: Database,
    database: FreshDatabase,
    wire: Stream,
    stream: FreshStream,
    start: Start,
) -> None:
    await make_journal(database)
    start(Relay(identity, wire, "identity").run)
    start(a_consumer(identity, wire).run)

    async with load(identity) as acknowledged:
        for _ in range(3):
            await grown(acknowledged)
            stream.server.kill()
            await grown(acknowledged)
            stream.server.restart()

    await everything_is_applied(database, acknowledged)


async def test_events_survive_the_loss_of_the_nats_disk_under_load(
    identity: Database,
    database: FreshDatabase,
    wire: Stream,
    stream: FreshStream,
    start: Start,
) -> None:
    """All events within the retention are republished for other subscribers; no effect is repeated."""
    await make_journal(database)
    for _ in range(2):
        start(Relay(identity, wire, "identity").run)
        start(a_consumer(identity, wire).run)

    async with load(identity) as acknowledged:
        await grown(acknowledged, 300)
        await eventually(lambda: _superset(database, acknowledged[:300]))
        stream.server.wipe()
        await grown(acknowledged)

    await everything_is_applied(database, acknowledged)
    await eventually(lambda: _all_published(stream, acknowledged), within=RECOVERY)


async def test_events_survive_the_deletion_of_the_stream_on_a_running_server(
    identity: Database,
    database: FreshDatabase,
    wire: Stream,
    stream: FreshStream,
    start: Start,
) -> None:
    await make_journal(database)
    start(Relay(identity, wire, "identity").run)
    start(a_consumer(identity, wire).run)

    async with load(identity) as acknowledged:
        await grown(acknowledged)
        await stream.lose()
        await grown(acknowledged)

    await everything_is_applied(database, acknowledged)
    await eventually(lambda: _all_published(stream, acknowledged), within=RECOVERY)


async def test_events_survive_a_purge_of_the_stream(
    identity: Database, database: FreshDatabase, wire: Stream, stream: FreshStream, start: Start
) -> None:
    """NATS discards events whose ids it remembers, and it remembers those of purged events too."""
    await make_journal(database)
    for _ in range(2):
        start(Relay(identity, wire, "identity").run)
    unread = [an_event() for _ in range(20)]
    for event in unread:
        await publish(identity, event)
    await eventually(lambda: _all_published(stream, [str(each.id) for each in unread]))

    await stream.purge()
    async with load(identity) as acknowledged:
        await grown(acknowledged)

    await eventually(lambda: _all_published(stream, [str(each.id) for each in unread]), within=RECOVERY)
    start(a_consumer(identity, wire).run)
    await everything_is_applied(database, [*acknowledged, *(str(each.id) for each in unread)])


async def test_events_survive_the_restore_of_an_old_backup_of_the_stream(
    identity: Database, wire: Stream, stream: FreshStream, tmp_path: Path, start: Start
) -> None:
    """The restored stream has the same creation time, but its last events are missing."""
    start(Relay(identity, wire, "identity").run)
    before, after = an_event(), an_event()
    await publish(identity, before)
    await eventually(lambda: _all_published(stream, [str(before.id)]))
    store = stream.server._store  # a restore of a backup needs the private path
    stream.server.stop()
    shutil.copytree(store, tmp_path / "copy")
    stream.server.restart()
    await publish(identity, after)
    await eventually(lambda: _all_published(stream, [str(after.id)]))

    stream.server.kill()
    shutil.rmtree(store)
    shutil.copytree(tmp_path / "copy", store)
    stream.server.restart()

    await eventually(lambda: _all_published(stream, [str(before.id), str(after.id)]), within=RECOVERY)


async def test_events_leased_by_a_crashed_relay_are_published_after_the_lease(
    identity: Database, wire: Stream, stream: FreshStream, start: Start
) -> None:
    event = an_event()
    await publish(identity, event)
    await identity.fetch(*statements("identity").lease_events(limit=10, lease=LEASE))

    start(Relay(identity, wire, "identity").run)

    await eventually(lambda: _all_published(stream, [str(event.id)]), within=timedelta(seconds=5))


async def test_acknowledgements_of_a_lost_stream_are_ignored(
    identity: Database, database: FreshDatabase
) -> None:
    """One relay is slow to mark an event; another detects the new stream and makes all events due."""
    sql, old, new = statements("identity"), datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 2, tzinfo=UTC)
    event = an_event()
    await publish(identity, event)
    await identity.execute(*sql.adopt_stream(stream="S", created_at=old))
    await identity.execute(*sql.adopt_stream(stream="S", created_at=new))

    late = sql.mark_published(ids=[event.id], stream="S", created_at=old)
    assert await identity.execute(*late) == "UPDATE 0"
    current = sql.mark_published(ids=[event.id], stream="S", created_at=new)
    assert await identity.execute(*current) == "UPDATE 1"


async def test_only_events_within_the_retention_are_republished(
    identity: Database,
    database: FreshDatabase,
    wire: Stream,
    stream: FreshStream,
    start: Start,
) -> None:
    old, recent = an_event(), an_event()
    start(Relay(identity, wire, "identity", retention=timedelta(days=30)).run)
    await publish(identity, old, recent)
    await eventually(lambda: _all_published(stream, [str(old.id), str(recent.id)]))

    await database.execute(
        "UPDATE identity.outbox SET created_at = now() - interval '31 days' WHERE id = $1", old.id
    )
    await stream.lose()

    published = await eventually(stream.published)
    assert [each["id"] for each in published] == [str(recent.id)]


async def test_a_service_can_start_before_nats(
    identity: Database,
    database: FreshDatabase,
    stream: FreshStream,
    start: Start,
) -> None:
    await make_journal(database)
    stream.server.stop()
    async with open_stream(stream.settings("identity"), "identity") as wire:
        start(Relay(identity, wire, "identity").run)
        start(a_consumer(identity, wire).run)
        event = an_event()
        await publish(identity, event)
        with pytest.raises(Unavailable):
            await wire.ensure()

        stream.server.restart()

        await everything_is_applied(database, [str(event.id)])


async def test_events_survive_restarts_of_postgres_under_load(
    identity: Database, database: FreshDatabase, wire: Stream, start: Start
) -> None:
    await make_journal(database)
    start(Relay(identity, wire, "identity").run)
    start(a_consumer(identity, wire).run)

    async with load(identity) as acknowledged:
        for _ in range(3):
            await grown(acknowledged)
            database.server.restart()
        await grown(acknowledged)

    await everything_is_applied(database, acknowledged)


async def test_events_survive_kills_of_postgres_under_load(
    durable: FreshDatabase, wire: Stream, start: Start
) -> None:
    await make_journal(durable)
    async with durable.open("identity") as identity:
        start(Relay(identity, wire, "identity").run)
        start(a_consumer(identity, wire).run)

        async with load(identity) as acknowledged:
            for _ in range(3):
                await grown(acknowledged)
                durable.server.kill()
                durable.server.restart()
            await grown(acknowledged)

        await everything_is_applied(durable, acknowledged)


async def test_failures_while_postgres_is_down_do_not_count_towards_dead_lettering(
    identity: Database, database: FreshDatabase, wire: Stream, start: Start
) -> None:
    await make_journal(database)
    attempts = 0

    async def unavailable_at_first(connection: Connection, events: Sequence[ReceivedEvent]) -> None:
        nonlocal attempts
        attempts += 1
        if attempts <= 5:
            raise Unavailable("STORAGE_UNAVAILABLE", "the database is unavailable")
        await write_down(connection, events)

    event = an_event()
    start(Relay(identity, wire, "identity").run)
    start(a_consumer(identity, wire, unavailable_at_first).run)
    await publish(identity, event)

    await eventually(lambda: _superset(database, [str(event.id)]), within=timedelta(seconds=20))
    assert not await database.fetch("SELECT FROM identity.dead_letters")


async def _superset(database: FreshDatabase, ids: list[str]) -> bool:
    return set(ids) <= set(await written(database))


async def _all_published(stream: FreshStream, ids: list[str]) -> bool:
    return set(ids) <= {each["id"] for each in await stream.published()}
