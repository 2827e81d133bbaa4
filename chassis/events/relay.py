"""Relay from the outbox to the stream: leases rows, publishes them concurrently, marks acknowledged ones.

Any number of relays may run concurrently. They never publish inside a transaction. When the stream was lost,
exactly one of them makes all events within the retention due again.
"""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from uuid import UUID

from prometheus_client import Counter, Gauge

from chassis.backoff import Backoff, wait_any
from chassis.database import Database, Record
from chassis.events.envelope import envelope
from chassis.events.stream import RETENTION, Incarnation, Stream
from chassis.events.tables import channel, statements
from chassis.telemetry import get_logger

log = get_logger(__name__)
PUBLISHED = Counter("letterhead_outbox_published_total", "Events the stream acknowledged", ["schema"])
OLDEST = Gauge("letterhead_outbox_oldest_seconds", "Age of the oldest unpublished event", ["schema"])

BATCH = 256
BATCH_WINDOW = timedelta(milliseconds=5)  # events committed in this time are published together
LEASE = timedelta(seconds=2)  # longest delay if a relay dies; JetStream deduplicates a late publish by its id
POLL = timedelta(seconds=1)
WATCH = timedelta(seconds=1)
SWEEP = timedelta(seconds=15)
SWEEP_BATCH = 2000
SWEEP_BATCHES = 10
REPLAY_TIMEOUT = timedelta(minutes=10)


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
        self._woken = asyncio.Event()
        self._behind = asyncio.Event()
        self._era: Incarnation | None = None
        self._acknowledged = 0

    async def run(self, stop: asyncio.Event) -> None:
        """Relay until `stop`, then finish the batch in flight."""
        async with (
            self._database.listen(channel(self._schema), self._woken.set),
            asyncio.TaskGroup() as group,
        ):
            group.create_task(self._paced("stream watch", self._watch, WATCH, stop))
            group.create_task(self._paced("relay", self._publish_due, POLL, stop, self._woken))
            # With a backlog, a second loop publishes while the first one waits for Postgres.
            group.create_task(self._paced("second relay", self._publish_due, POLL, stop, self._behind))
            group.create_task(self._paced("outbox sweep", self._sweep, SWEEP, stop))

    async def _paced(
        self,
        what: str,
        work: Callable[[], Awaitable[None]],
        every: timedelta,
        stop: asyncio.Event,
        *wakers: asyncio.Event,
    ) -> None:
        backoff = Backoff(f"{self._schema}: {what}", first=timedelta(seconds=0.2), cap=timedelta(seconds=2))
        while not stop.is_set():
            for waker in wakers:
                waker.clear()
            try:
                await work()
            except Exception as error:  # noqa: BLE001 - the loop must survive any failure
                await wait_any(stop, timeout=backoff.failed(error))
            else:
                backoff.succeeded()
                await wait_any(stop, *wakers, timeout=every.total_seconds())

    async def _watch(self) -> None:
        """Detect a stream that was lost, wiped or truncated, and republish to the stream that exists now."""
        acknowledged, era = self._acknowledged, self._era
        found = await self._stream.ensure()
        cut_short = era is not None and era.created == found.created and found.last_sequence < acknowledged
        if era is None or era.created != found.created or cut_short:
            await self._adopt(found, cut_short=cut_short)

    async def _adopt(self, found: Incarnation, *, cut_short: bool) -> None:
        async with self._database.transaction() as connection:
            changed = await connection.fetchval(self._sql.adopt_stream, self._stream.name, found.created)
            if changed or cut_short:
                seconds = REPLAY_TIMEOUT.total_seconds()
                await connection.execute(
                    "SELECT set_config('statement_timeout', $1, true)", f"{seconds:.0f}s"
                )
                tag = await connection.execute(self._sql.publish_again, self._retention, timeout=seconds)
                log.info("stream adopted", action="stream_adopted", schema=self._schema, again=tag)
        self._era, self._acknowledged = found, found.last_sequence
        self._woken.set()

    async def _publish_due(self) -> None:
        """Publish one batch; after a full one, both loops run again immediately."""
        era = self._era
        if era is None or not self._stream.connected:  # `_watch` logs this, and wakes the relay afterwards
            return
        await asyncio.sleep(BATCH_WINDOW.total_seconds())
        rows = await self._database.fetch(self._sql.lease_events, BATCH, LEASE)
        if not rows:
            return
        outcomes = await asyncio.gather(*map(self._publish, rows), return_exceptions=True)
        failures = [outcome for outcome in outcomes if isinstance(outcome, BaseException)]
        done = [outcome for outcome in outcomes if isinstance(outcome, UUID)]
        await self._settle(era, done, [row["id"] for row in rows])
        if failures:
            raise failures[0]
        if len(rows) == BATCH:
            self._woken.set()
            self._behind.set()

    async def _publish(self, row: Record) -> UUID:
        event_id: UUID = row["id"]
        sequence = await self._stream.publish(row["subject"], envelope(dict(row)), event_id)
        self._acknowledged = max(self._acknowledged, sequence)
        return event_id

    async def _settle(self, era: Incarnation, done: list[UUID], leased: list[UUID]) -> None:
        """Mark acknowledged events as published, unless the stream was replaced; release all other leases."""
        now = await self._stream.incarnation() if done else None
        if now is not None and now.created == era.created:
            tag = await self._database.execute(self._sql.mark_published, done, self._stream.name, era.created)
            PUBLISHED.labels(self._schema).inc(len(done))
            if tag == f"UPDATE {len(leased)}":
                return
        await self._database.execute(self._sql.release_events, leased)

    async def _sweep(self) -> None:
        """Delete events past the retention, a bounded number per run."""
        for _ in range(SWEEP_BATCHES):
            tag = await self._database.execute(self._sql.delete_old_events, self._retention, SWEEP_BATCH)
            if tag != f"DELETE {SWEEP_BATCH}":
                break
        age = await self._database.fetchval(self._sql.oldest_unpublished)
        OLDEST.labels(self._schema).set(age.total_seconds() if age else 0)
