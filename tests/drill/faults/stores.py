"""Faults of Postgres and NATS."""

import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from tests.drill.drills import Fault
from tests.drill.stage import Stage


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


STORE_FAULTS = (
    Fault(name="NATS is down", inject=nats_down, doctor=r"^nats .*cannot reach NATS", alert="NatsDown"),
    Fault(name="NATS hangs", inject=nats_hung, doctor=r"^nats .*cannot reach NATS", alert="NatsDown"),
    Fault(
        name="Postgres is down",
        inject=postgres_down,
        doctor=r"^database .*cannot reach Postgres",
        alert="PostgresDown",
    ),
    Fault(
        name="Postgres hangs",
        inject=postgres_hung,
        doctor=r"^database .*cannot reach Postgres",
        alert="PostgresDown",
    ),
)
