"""Faults of Postgres and NATS."""

import os
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from nats.js import JetStreamContext
from nats.js.api import DiscardPolicy
from nats.js.errors import ServiceUnavailableError

from chassis.events.authorization import STREAM
from tests.chaos.streams import holds
from tests.drill.drills import Fault
from tests.drill.stage import NATS_STORAGE, Stage
from tests.waiting import eventually

FILLER = "FILLER"


@asynccontextmanager
async def nats_down(stage: Stage) -> AsyncIterator[None]:
    """Stop NATS; start it with its data."""
    stage.world.stack.nats.stop()
    try:
        yield
    finally:
        stage.world.stack.nats.restart()


@asynccontextmanager
async def nats_hung(stage: Stage) -> AsyncIterator[None]:
    """Suspend NATS, whose connections stay open."""
    pid = stage.world.stack.nats.process.pid
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


@asynccontextmanager
async def postgres_down(stage: Stage) -> AsyncIterator[None]:
    """Kill Postgres; start it with its data."""
    stage.world.stack.postgres.kill()
    try:
        yield
    finally:
        stage.world.stack.postgres.restart()


@asynccontextmanager
async def postgres_hung(stage: Stage) -> AsyncIterator[None]:
    """Suspend Postgres and all its backends; the server first, so that it starts no more of them."""
    server = stage.world.stack.postgres.process.pid
    os.kill(server, signal.SIGSTOP)
    backends = [int(pid) for pid in Path(f"/proc/{server}/task/{server}/children").read_text().split()]
    for pid in backends:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in (*backends, server):
            os.kill(pid, signal.SIGCONT)


@asynccontextmanager
async def postgres_read_only(stage: Stage) -> AsyncIterator[None]:
    """Make the server refuse writes, as a replica does, or a server without disk."""
    await stage.execute("ALTER SYSTEM SET default_transaction_read_only = on")
    await stage.execute("SELECT pg_reload_conf()")
    try:
        yield
    finally:
        await stage.execute("ALTER SYSTEM RESET default_transaction_read_only")
        await stage.execute("SELECT pg_reload_conf()")


@asynccontextmanager
async def nats_full(stage: Stage) -> AsyncIterator[None]:
    """Limit the stream to the size that it has; remove the limit."""
    async with stage.jetstream() as jetstream:
        info = await jetstream.stream_info(STREAM)
        limited = replace(info.config, max_bytes=info.state.bytes, discard=DiscardPolicy.NEW)
        await jetstream.update_stream(limited)
        await stage.send()
    try:
        yield
    finally:
        async with stage.jetstream() as jetstream:
            await jetstream.update_stream(info.config)


@asynccontextmanager
async def nats_purged(stage: Stage) -> AsyncIterator[None]:
    """Delete all events, as `nats stream purge` does; all must be in the stream again at the end."""
    events = await stage.event_ids()
    async with stage.jetstream() as jetstream:
        await jetstream.purge_stream(STREAM)
    yield
    await eventually(lambda: holds(stage.world, events), timedelta(minutes=1))


def store_filled(share: float) -> Callable[[Stage], AbstractAsyncContextManager[None]]:
    """Return the injection that fills this share of NATS's storage with another stream."""

    @asynccontextmanager
    async def inject(stage: Stage) -> AsyncIterator[None]:
        async with stage.jetstream() as jetstream:
            await jetstream.add_stream(name=FILLER, subjects=[FILLER])
            await _fill(jetstream, share * NATS_STORAGE)
        if share >= 1:
            await stage.send()
        try:
            yield
        finally:
            async with stage.jetstream() as jetstream:
                await jetstream.delete_stream(FILLER)

    return inject


async def _fill(jetstream: JetStreamContext, limit: float) -> None:
    """Publish ever smaller messages until the storage has `limit` bytes or NATS refuses the smallest."""
    for size in (500_000, 20_000, 200):
        with suppress(ServiceUnavailableError):
            while (await jetstream.account_info()).storage + size < limit or limit >= NATS_STORAGE:
                await jetstream.publish(FILLER, bytes(size))


STORE_FAULTS = (
    Fault(name="NATS is down", inject=nats_down, doctor=r"\bnats .*cannot reach NATS", alert="NatsDown"),
    Fault(name="NATS hangs", inject=nats_hung, doctor=r"\bnats .*cannot reach NATS", alert="NatsDown"),
    Fault(
        name="Postgres is down",
        inject=postgres_down,
        doctor=r"\bdatabase .*cannot reach Postgres",
        alert="PostgresDown",
    ),
    Fault(
        name="Postgres hangs",
        inject=postgres_hung,
        doctor=r"\bdatabase .*cannot reach Postgres",
        alert="PostgresDown",
    ),
    Fault(
        name="Postgres is read-only",
        inject=postgres_read_only,
        doctor=r"\bdatabase .*accepts no writes",
        alert="PostgresReadOnly",
    ),
    Fault(name="NATS is full", inject=nats_full, doctor=r"stream .*is full", alert="StreamNearlyFull"),
    Fault(
        name="NATS is purged",
        inject=nats_purged,
        doctor=None,
        doctor_excused="nothing is wrong any more: all events are published again within seconds",
        alert="StreamLost",
    ),
    Fault(
        name="disk nearly full",
        inject=store_filled(0.9),
        doctor=r"storage .*JetStream stores 9\d%",
        alert="VolumeNearlyFull",
    ),
    Fault(
        name="disk full",
        inject=store_filled(1),
        doctor=r"storage .*JetStream stores 1\d\d%",
        alert="EventsAreNotPublished",
    ),
)
