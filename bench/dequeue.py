"""Latency and query plan of dequeuing emails from a table with many finished and many ready ones."""

import gc
import os
import time
from collections.abc import Sequence
from datetime import timedelta
from statistics import median, quantiles

import asyncpg

from bench.meter import Meter, Used
from bench.world import World, migrated_database
from chassis.regions import SesRegion
from services.sender.store.queue import QUERIES, QueueStore
from services.sender.store.states import EmailStates
from tests.factories import ACCOUNT, REGION, Domain, a_ready_domain, a_tenant
from tests.stores import FreshDatabase

DATABASE = "bench_claims"
TENANTS = 50
CLAIMS = 1000
WARM_UP = (
    10  # a worker reuses its connection for hours, and only its first dequeues parse and plan statements
)
BATCH = 32
CANDIDATES = 4 * BATCH

# Ids increase with time, as those of the services do (chassis.ids). Random ids would each touch another page.
SEED = """
INSERT INTO sender.emails
    (id, tenant_id, claim_id, account, region, from_address, subject, text, size, state, expires_at, sent_at)
SELECT uuidv7(), tenant_id, claim_id, $6, $7, 'agent@' || name, 'Hello', repeat('Good day. ', 20), 200, $4,
    now() + interval '7 days', CASE WHEN $4 = 'SENT' THEN now() END
FROM generate_series(1, $5::integer) AS number
JOIN unnest($1::uuid[], $2::uuid[], $3::text[]) WITH ORDINALITY AS own (tenant_id, claim_id, name, position)
    ON own.position = 1 + number % cardinality($1)
"""
ADDRESS = """
INSERT INTO sender.recipients (email_id, position, kind, address, match)
SELECT id, 0, 'TO', 'reader@example.com', 'reader@example.com' FROM sender.emails
"""


async def measure(world: World, *, finished: int, ready: int) -> None:
    """Insert the rows, dequeue many times, and print percentiles and the query plan."""
    async with migrated_database(world.database.server, DATABASE) as database:
        await _seed(database, finished, ready)
        seconds, used = await _claims(database, Meter(world.pids))
        plan = await _plan(database)
    print(f"\ndequeues of {BATCH} emails with {finished:,} finished and {ready:,} ready, {TENANTS} tenants:")
    cut = quantiles(seconds, n=100)
    print(f"  p50 {median(seconds) * 1000:.1f} ms, p99 {cut[98] * 1000:.1f} ms, of {len(seconds)} dequeues")
    cpu = {name: used.by_name[name] / len(seconds) / 1000 for name in ("bench", "postgres")}
    print(
        f"  CPU of each: bench {cpu['bench']:.1f} ms, postgres {cpu['postgres']:.1f} ms; load {load():.0f}\n"
    )
    scans = [line.strip() for line in plan if "Seq Scan on emails" in line]
    print("\n".join(plan))
    print(f"\nsequential scans of emails: {len(scans)}")


def load() -> float:
    """Return the load average; if it exceeds the number of cores, other processes distort the latency."""
    return os.getloadavg()[0]


async def _seed(database: FreshDatabase, finished: int, ready: int) -> None:
    domains = [await a_ready_domain(database, await a_tenant(database)) for _ in range(TENANTS)]
    connection = await asyncpg.connect(database.url("postgres"))
    for state, count in (("SENT", finished), ("QUEUED", ready)):
        await connection.execute(SEED, *_columns(domains), state, count, ACCOUNT, REGION)
    await connection.execute(ADDRESS)
    await connection.execute("VACUUM ANALYZE")
    await connection.close()


def _columns(domains: Sequence[Domain]) -> tuple[list[object], list[object], list[object]]:
    return (
        [domain.tenant_id for domain in domains],
        [domain.claim_id for domain in domains],
        [domain.name for domain in domains],
    )


async def _claims(database: FreshDatabase, meter: Meter) -> tuple[list[float], Used]:
    """Dequeue as a worker does; return the seconds of each dequeue, and the CPU time of all."""
    states = EmailStates(body_retention=timedelta(days=7))
    async with database.open("sender") as pool:
        store = QueueStore(pool, states, SesRegion(ACCOUNT, REGION), shared=None, worker="bench")
        for _ in range(WARM_UP):
            await _claim(store)
        gc.freeze()  # as services do at startup, so that no full collection counts as part of a dequeue
        with meter.measured() as used:
            seconds = [await _claim(store) for _ in range(CLAIMS)]
    return seconds, used


async def _claim(store: QueueStore) -> float:
    started = time.perf_counter()
    claimed = (await store.claim(BATCH)).postings
    assert len(claimed) == BATCH
    return time.perf_counter() - started


async def _plan(database: FreshDatabase) -> list[str]:
    statement, *values = QUERIES.claimable(limit=BATCH, considered=CANDIDATES)
    return [row[0] for row in await database.fetch(f"EXPLAIN (COSTS OFF) {statement}", *values)]
