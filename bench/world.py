"""The measured parts as separate processes: Postgres with fsync, NATS, the services, and a stub of SES."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg
import grpc
from yarl import URL

from chassis.access import Scope
from chassis.config import Secret
from chassis.events import open_stream
from chassis.events.authorization import STREAM_MANAGER
from chassis.migrate import migrate
from chassis.sealing import generate_key
from cli.embedded import NatsServer, Postgres
from cli.parent_death_signal import ending_with_parent
from cli.server_process import free_port
from sandbox.aws.certificates import open_certificates
from tests.factories import ACCOUNT, REGION, a_key, a_ready_domain, a_tenant
from tests.stores import FreshDatabase, opened_database
from tests.waiting import eventually

DATABASE = "bench"
RATE = 1_000_000.0  # recipients per second: high enough that the SES rate limit does not affect the result
START_SECONDS = 120.0


@dataclass(frozen=True)
class HookReceiver:
    """The endpoint of webhooks, and the keys that encrypt the secrets of endpoints."""

    url: str
    ca_file: Path
    keys: Secret


@dataclass(frozen=True)
class World:
    """Everything that runs; `pids` contains each measured process, including Postgres and NATS."""

    database: FreshDatabase
    channel: grpc.aio.Channel
    floor: grpc.aio.Channel
    ses_url: str
    receiver: HookReceiver
    pids: Mapping[str, int]
    tenant_id: UUID
    claim_id: UUID
    domain: str
    token: str

    async def fetchval(self, sql: str, *args: Any) -> Any:
        """Return the first value of a query that runs as superuser."""
        return (await self.database.fetch(sql, *args))[0][0]

    async def set_account(self, state: str) -> None:
        """Set the state of the SES account, as verifier does: READY allows sending, PAUSED does not."""
        await self.database.execute("UPDATE verifier.ses_account SET state = $1", state)
        await self.database.execute("NOTIFY sender_emails")


@asynccontextmanager
async def running(directory: Path) -> AsyncIterator[World]:
    """Run all processes while the block runs; the user of Postgres must have access to `directory`."""
    await asyncio.to_thread(directory.chmod, 0o755)
    postgres, nats = Postgres.start(directory, fsync=True), NatsServer.start(directory)
    try:
        await _created_stream(nats)
        environ = _environ(nats, ses_url := f"http://127.0.0.1:{free_port()}")
        certificates = open_certificates(directory, [REGION])
        receiver = HookReceiver(f"https://127.0.0.1:{free_port()}/", certificates.ca, Secret(generate_key()))
        async with (
            migrated_database(postgres, DATABASE) as database,
            _process("bench.ses_stub", ses_url.rpartition(":")[2], environ=environ) as stub,
            _process(
                "bench.floor_server",
                str(floor_port := free_port()),
                database.url("postgres"),
                environ=environ,
            ) as floor,
            _process(
                "bench.hook_stub",
                str(URL(receiver.url).port),
                str(certificates.tls_cert),
                str(certificates.tls_key),
                environ=environ,
            ),
            _service("sender", database, directory, environ | _user(nats, "sender", directory)) as (
                sender,
                port,
            ),
            _service("webhooks", database, directory, environ | _user(nats, "webhooks", directory)) as (
                webhooks,
                _,
            ),
            _service(
                "deliverer",
                database,
                directory,
                environ | _user(nats, "deliverer", directory) | _posting(receiver, directory),
            ) as (deliverer, _),
            _channel(port) as channel,
            _channel(floor_port) as floor_channel,
        ):
            pids = {"sender": sender, "webhooks": webhooks, "deliverer": deliverer}
            pids |= {"postgres": postgres.process.pid}
            pids |= {"nats": nats.process.pid, "floor": floor, "bench": os.getpid(), "stub": stub}
            tenant = await _tenant(database)
            yield World(database, channel, floor_channel, ses_url, receiver, pids, **tenant)
    finally:
        nats.stop()
        postgres.stop()


@asynccontextmanager
async def migrated_database(server: Postgres, name: str) -> AsyncIterator[FreshDatabase]:
    """Create and migrate a database."""
    connection = await asyncpg.connect(server.url())
    await connection.execute(f"CREATE DATABASE {name}")
    await connection.close()
    await migrate(server.url(database=name))
    async with opened_database(server, name) as database:
        yield database


async def _tenant(database: FreshDatabase) -> dict[str, Any]:
    await database.execute(
        "INSERT INTO verifier.ses_account"
        " (account, region, state, production_access, sending_enabled, enforcement_status, max_send_rate)"
        " VALUES ($1, $2, 'PAUSED', true, true, 'HEALTHY', $3)",
        ACCOUNT,
        REGION,
        RATE,
    )
    tenant_id = await a_tenant(database)
    domain = await a_ready_domain(database, tenant_id)
    token = await a_key(database, tenant_id, Scope.FULL_ACCESS)
    return {"tenant_id": tenant_id, "claim_id": domain.claim_id, "domain": domain.name, "token": token}


def _environ(nats: NatsServer, ses_url: str) -> dict[str, str]:
    return {
        "PATH": "/usr/bin:/bin",
        "PYTHONPATH": os.pathsep.join(sys.path),
        "AWS_ACCESS_KEY_ID": "bench",
        "AWS_SECRET_ACCESS_KEY": "bench",
        "LETTERHEAD_NATS_URL": nats.url,
        "LETTERHEAD_GRPC_HOST": "127.0.0.1",
        "LETTERHEAD_GRPC_PLAINTEXT": "true",
        "LETTERHEAD_AWS_REGION": REGION,
        "LETTERHEAD_AWS_ACCOUNT": ACCOUNT,
        "LETTERHEAD_AWS_ENDPOINT_URL": ses_url,
        "LETTERHEAD_FEEDBACK_QUEUE": f"{ses_url}/{ACCOUNT}/feedback",
    }


def _user(nats: NatsServer, service: str, directory: Path) -> dict[str, str]:
    """Return the settings with which a service connects to NATS as its own user."""
    seed = directory / f"{service}-nats-seed"
    seed.write_text(nats.seeds[service])
    return {"LETTERHEAD_NATS_SEED_FILE": str(seed)}


def _posting(receiver: HookReceiver, directory: Path) -> dict[str, str]:
    """Return the settings with which deliverer posts to the stub."""
    keys = directory / "webhook-keys"
    keys.write_text(receiver.keys.reveal())
    return {
        "LETTERHEAD_WEBHOOK_KEYS_FILE": str(keys),
        "LETTERHEAD_WEBHOOK_CA_FILE": str(receiver.ca_file),
        "LETTERHEAD_WEBHOOK_PORTS": str(URL(receiver.url).port),
        "LETTERHEAD_WEBHOOK_ALLOWED_NETWORKS": "127.0.0.0/8",
    }


async def _created_stream(nats: NatsServer) -> None:
    """Create the stream in place of its manager, which does not run because it is not measured."""
    async with open_stream(nats.settings(STREAM_MANAGER), STREAM_MANAGER) as stream:
        await eventually(lambda: stream.connected)
        await stream.ensure()


@asynccontextmanager
async def _service(
    name: str, database: FreshDatabase, directory: Path, environ: Mapping[str, str]
) -> AsyncIterator[tuple[int, int]]:
    """Run a service as in production; yield its pid and port."""
    url = directory / f"{name}-database-url"
    url.write_text(database.url(name))
    port = free_port()
    own = {"LETTERHEAD_DATABASE_URL_FILE": str(url), "LETTERHEAD_GRPC_PORT": str(port)}
    async with _process(f"services.{name}", environ={**environ, **own}) as pid:
        yield pid, port


@asynccontextmanager
async def _process(module: str, *args: str, environ: Mapping[str, str]) -> AsyncIterator[int]:
    command = ending_with_parent([sys.executable, "-m", module, *args])
    process = await asyncio.create_subprocess_exec(*command, env=environ, stdout=asyncio.subprocess.DEVNULL)
    try:
        yield process.pid
    finally:
        process.kill()
        await process.wait()


@asynccontextmanager
async def _channel(port: int) -> AsyncIterator[grpc.aio.Channel]:
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        await asyncio.wait_for(channel.channel_ready(), START_SECONDS)
        yield channel
