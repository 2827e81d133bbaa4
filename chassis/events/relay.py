"""Relay from the outbox to the stream: leases rows, publishes them concurrently, marks acknowledged ones.

Any number of relays may run concurrently. They never publish inside a transaction. When the stream was lost,
exactly one of them makes all events within the retention due again.
"""

import asyncio
from datetime import timedelta
from uuid import UUID

from prometheus_client import Counter, Gauge

from chassis.database import Database, Record
from chassis.events.envelope import envelope
from chassis.events.stream import RETENTION, Incarnation, Stream
from chassis.events.tables import channel, statements
from chassis.periodic import PeriodicTask
from chassis.telemetry import get_logger

log = get_logger(__name__)
PUBLISHED = Counter("letterhead_outbox_published_total", "Events the stream acknowledged", ["schema"])
OLDEST = Gauge("letterhead_outbox_oldest_seconds", "Age of the oldest unpublished event", ["schema"])
LOST = Counter(
    "letterhead_streams_lost_total",
    "Streams that were lost, wiped, purged or truncated, after which events were published again",
    ["schema"],
)

BATCH = 256
BATCH_WINDOW = timedelta(milliseconds=5)  # events committed in this time are published together
LEASE = timedelta(seconds=2)  # longest delay if a relay dies; JetStream deduplicates a late publish by its id
POLL = timedelta(seconds=1)
WATCH = timedelta(seconds=1)
SWEEP = timedelta(seconds=15)
SWEEP_BATCH = 2000
SWEEP_BATCHES = 10
REPLAY_TIMEOUT = timedelta(minutes=10)
LONGEST_RETRY = timedelta(seconds=2)


class Relay:
    """Relay of one schema's outbox; `retention` is how long rows are kept, and what a replay covers."""

    def __init__(
        self, database: Database, stream: Stream, schema: str, retention: timedelta = RETENTION
    ) -> None:
        self._database = database
        self._stream = stream
        self._schema = schema
        self._retention = retention
        self._sql = statements(schema)
        self._adopted: Incarnation | None = None
        self._acknowledged = 0
        LOST.labels(schema)  # so that the first loss is an increase
        watch = PeriodicTask(f"{schema}: stream watch", self._watch, interval=WATCH, cap=LONGEST_RETRY)
        sweep = PeriodicTask(f"{schema}: outbox sweep", self._sweep, interval=SWEEP, cap=LONGEST_RETRY)
        # With a backlog, the second task publishes while the first one waits for Postgres.
        self._first, self._second = (
            PeriodicTask(f"{schema}: {name}", self._publish_due, interval=POLL, cap=LONGEST_RETRY)
            for name in ("relay", "second relay")
        )
        self._tasks = (watch, self._first, self._second, sweep)

    async def run(self, stop: asyncio.Event) -> None:
        """Relay until `stop`, then finish the batch in flight."""
        async with (
            self._database.listen(channel(self._schema), self._first.wake),
            asyncio.TaskGroup() as group,
        ):
            for task in self._tasks:
                group.create_task(task.run(stop))

    async def _watch(self) -> None:
        """Detect a stream that was lost, wiped, purged or truncated, and publish again to what exists."""
        acknowledged, adopted = self._acknowledged, self._adopted
        found = await self._stream.ensure()
        if adopted is None or adopted.created != found.created:
            await self._adopt(found, known=adopted is not None)
        elif found.last_sequence < acknowledged or found.emptied_since(adopted):
            await self._adopt(found, cut_short=True, known=True)
        self._adopted = found

    async def _adopt(self, found: Incarnation, *, known: bool, cut_short: bool = False) -> None:
        """Use this stream from now on; `known` says whether this relay has used one before."""
        async with self._database.transaction() as connection:
            changed = await connection.fetchval(
                *self._sql.adopt_stream(stream=self._stream.name, created_at=found.created)
            )
            if changed or cut_short:
                seconds = REPLAY_TIMEOUT.total_seconds()
                await connection.execute(*self._sql.set_statement_timeout(timeout=f"{seconds:.0f}s"))
                tag = await connection.execute(*self._sql.publish_again(age=self._retention), timeout=seconds)
                log.info("stream adopted", action="stream_adopted", schema=self._schema, again=tag)
                LOST.labels(self._schema).inc(known and tag != "UPDATE 0")
        self._adopted, self._acknowledged = found, found.last_sequence
        self._first.wake()

    async def _publish_due(self) -> None:
        """Publish one batch; after a full one, both tasks run again immediately."""
        adopted = self._adopted
        if adopted is None or not self._stream.connected:
            return  # `_watch` logs this, and wakes the relay afterwards
        await asyncio.sleep(BATCH_WINDOW.total_seconds())
        rows = await self._database.fetch(*self._sql.lease_events(limit=BATCH, lease=LEASE))
        if not rows:
            return
        outcomes = await asyncio.gather(*map(self._publish, rows), return_exceptions=True)
        failures = [outcome for outcome in outcomes if isinstance(outcome, BaseException)]
        done = [outcome for outcome in outcomes if isinstance(outcome, UUID)]
        await self._mark(adopted, done, [row["id"] for row in rows])
        if failures:
            raise failures[0]
        if len(rows) == BATCH:
            self._first.wake()
            self._second.wake()

    async def _publish(self, row: Record) -> UUID:
        event_id: UUID = row["id"]
        first = self._adopted.first_sequence if self._adopted else 0
        sequence = await self._stream.publish(row["subject"], envelope(dict(row)), event_id, first=first)
        self._acknowledged = max(self._acknowledged, sequence)
        return event_id

    async def _mark(self, adopted: Incarnation, done: list[UUID], leased: list[UUID]) -> None:
        """Mark acknowledged events as published, unless the stream was replaced; release all other leases."""
        now = await self._stream.incarnation() if done else None
        if now is not None and now.created == adopted.created:
            tag = await self._database.execute(
                *self._sql.mark_published(ids=done, stream=self._stream.name, created_at=adopted.created)
            )
            PUBLISHED.labels(self._schema).inc(len(done))
            if tag == f"UPDATE {len(leased)}":
                return
        await self._database.execute(*self._sql.release_events(ids=leased))

    async def _sweep(self) -> None:
        """Delete events past the retention, a bounded number per run."""
        for _ in range(SWEEP_BATCHES):
            tag = await self._database.execute(
                *self._sql.delete_old_events(age=self._retention, limit=SWEEP_BATCH)
            )
            if tag != f"DELETE {SWEEP_BATCH}":
                break
        age = await self._database.fetchval(*self._sql.oldest_unpublished())
        OLDEST.labels(self._schema).set(age.total_seconds() if age else 0)
