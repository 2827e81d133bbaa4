"""Runs a whole installation on this machine: Postgres, NATS, the sandbox, and a process per service.

For `letterhead up`, the demo and the end-to-end tests. The sandbox keeps no state across restarts, so each
start deletes the state of the previous one.
"""

import asyncio
import json
import os
import secrets
import shutil
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
import asyncpg
import boto3
import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

from chassis import channels
from chassis.access import generate_key
from chassis.config import Tls
from chassis.events.authorization import SUBSCRIBER, Permissions, permissions
from chassis.migrate import migrate
from chassis.sealing import generate_key as generate_webhook_key
from cli.aws.setup import set_up
from cli.embedded import NatsServer, Postgres
from cli.environments import ACCOUNT, REGION, SECOND_ACCOUNT, SECOND_REGION, environment, second_region
from cli.server_process import HOST, EmbeddedError, free_port, port_is_free
from cli.supervisor import Part, module
from services import PROCESSES, Process

DATABASE = "letterhead"
READY_WITHIN_SECONDS = 60
LOG_LINES = 20
# The distance between the ports of two replicas.
REPLICA_STEP = 100
PLAINTEXT = Tls(grpc_plaintext=True)

STANDARD_PORTS: Mapping[str, int] = {process.name: process.local_port for process in PROCESSES} | {
    "control": 8090, "ses": 8091, "tls": 8092, "second_ses": 8093,
    "receiver": 8443, "dns": 8053, "smtp": 8025, "postgres": 54329, "nats": 42229,
}  # fmt: skip

Echo = Callable[[str, str], None]


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What to start, and on which ports."""

    home: Path
    ports: Mapping[str, int]
    replicas: int = 1
    # Whether there is a second SES region, of another account, with senders of its own.
    two_regions: bool = False
    # Without it, Postgres may lose committed data, but only in a power failure.
    fsync: bool = True
    # Additional LETTERHEAD_* settings of each process and the sandbox.
    settings: dict[str, dict[str, str]] = field(default_factory=dict)
    # How to call the services; their certificates are in `settings`.
    tls: Tls = PLAINTEXT
    # Users of NATS besides the installation's, and more of its configuration.
    nats_users: Mapping[str, Permissions] = field(default_factory=dict)
    nats_configuration: str = ""

    @classmethod
    def on_standard_ports(cls, home: Path, replicas: int, *, two_regions: bool = False) -> "Plan":
        """Plan with the documented ports; raise EmbeddedError if one is in use."""
        for name, port in STANDARD_PORTS.items():
            if name != "dns" and not port_is_free(port):
                raise EmbeddedError(
                    f"{name} cannot listen on {HOST}:{port}: the port is in use. "
                    f"Stop the program using it (`ss -ltnp 'sport = :{port}'`) or start with `--free-ports`."
                )
        return cls(home=home, ports=STANDARD_PORTS, replicas=replicas, two_regions=two_regions)

    @classmethod
    def on_free_ports(cls, home: Path, replicas: int = 1, **more: object) -> "Plan":
        """Plan with any free ports."""
        return cls(home=home, ports={name: free_port() for name in STANDARD_PORTS}, replicas=replicas, **more)  # type: ignore[arg-type]


class Stack:
    """The running parts of one installation."""

    def __init__(self, plan: Plan, echo: Echo) -> None:
        self.plan = plan
        self.parts: dict[str, Part] = {}
        self.admin_key = ""
        self.addresses: dict[str, str] = {}
        self.postgres: Postgres
        self.nats: NatsServer
        self._echo = echo
        self._secrets = plan.home / "secrets"
        self._logs = plan.home / "logs"

    async def start(self, step: Callable[[str], None]) -> None:
        """Start everything; call `step` with the name of each part that is up."""
        self._delete_previous()
        self._start_stores()
        step("Postgres and NATS")
        await self._make_database()
        step("database schema")
        await self._start_sandbox()
        step("sandbox: DNS, SES, SNS, SQS, mailbox")
        await asyncio.to_thread(self._set_up_aws)
        step("configuration set, topic and queue")
        self._write_secrets()
        self._assign_addresses()
        for process in PROCESSES:
            self._start_process(process)
        for process in PROCESSES:
            await self._until_serving(process)
            step(process.name)

    def _delete_previous(self) -> None:
        """Delete the state of a previous installation; raise EmbeddedError without permission to do so."""
        shutil.rmtree(self.plan.home, ignore_errors=True)
        try:
            for directory in (self._secrets, self._logs):
                directory.mkdir(mode=0o700, parents=True)
        except OSError as error:
            raise EmbeddedError(
                f"Cannot recreate {self.plan.home}: {error.strerror}. Remove it as the user who owns it."
            ) from None

    async def stop(self) -> None:
        """Stop everything in order: services first, so that they can drain."""
        await asyncio.gather(*(part.stop() for name, part in self.parts.items() if name != "sandbox"))
        if "sandbox" in self.parts:
            await self.parts["sandbox"].stop()
        with suppress(AttributeError):
            self.nats.stop()
            self.postgres.stop()

    def replicas_of(self, service: str) -> list[Part]:
        """Return the processes of one service, those of the second region last."""
        return [part for name, part in self.parts.items() if name.split("-")[0] == service]

    def end_of_log(self, part: str) -> str:
        """Return the last lines that a part logged."""
        lines = (self._logs / f"{part}.log").read_text(errors="replace").splitlines()[-LOG_LINES:]
        return "\n".join(["Its log ends with:", *lines])

    async def _until_serving(self, process: Process) -> None:
        address = self.addresses[process.name]
        if process.http_port:
            await self._until(process.name, _answering(f"{address}/healthz"))
            return
        for part, each in zip(self.replicas_of(process.name), address.split(","), strict=True):
            async with channels.opened(each, self.plan.tls) as channel:
                await self._until(part.name, _serving(channel, self.admin_key))

    async def _until(self, part: str, ready: Awaitable[None]) -> None:
        """Wait until a part is ready; raise EmbeddedError with the end of its log if it takes too long."""
        try:
            await asyncio.wait_for(ready, READY_WITHIN_SECONDS)
        except TimeoutError:
            raise EmbeddedError(
                f"{part} is not serving after {READY_WITHIN_SECONDS} s. {self.end_of_log(part)}"
            ) from None

    def _start_stores(self) -> None:
        self.postgres = Postgres.start(self.plan.home, self.plan.ports["postgres"], fsync=self.plan.fsync)
        self.nats = NatsServer.start(
            self.plan.home,
            self.plan.ports["nats"],
            {**permissions(), **self.plan.nats_users},
            configuration=self.plan.nats_configuration,
        )
        self.addresses |= {
            "postgres": f"{HOST}:{self.postgres.port}",
            "database_url": self.postgres.url(database=DATABASE),
            "nats": f"{HOST}:{self.nats.port}",
            "nats_seed": self.nats.seeds[SUBSCRIBER],
        }

    async def _make_database(self) -> None:
        connection = await asyncpg.connect(self.postgres.url())
        await connection.execute(f"CREATE DATABASE {DATABASE}")
        await connection.close()
        await migrate(self.postgres.url(database=DATABASE))

    async def _start_sandbox(self) -> None:
        ports, addresses = self.plan.ports, self.plan.home / "sandbox-addresses.json"
        environ = {
            "LETTERHEAD_SANDBOX_HOST": HOST,
            "LETTERHEAD_SANDBOX_CONTROL_PORT": str(ports["control"]),
            "LETTERHEAD_SANDBOX_SES_PORT": str(ports["ses"]),
            "LETTERHEAD_SANDBOX_TLS_PORT": str(ports["tls"]),
            "LETTERHEAD_SANDBOX_DNS_PORT": str(ports["dns"]),
            "LETTERHEAD_SANDBOX_SMTP_PORT": str(ports["smtp"]),
            "LETTERHEAD_SANDBOX_RECEIVER_PORT": str(ports["receiver"]),
            "LETTERHEAD_SANDBOX_ADDRESSES_FILE": str(addresses),
            "LETTERHEAD_SANDBOX_DIRECTORY": str(self.plan.home / "sandbox"),
        }
        if self.plan.two_regions:
            second = f"{SECOND_ACCOUNT}:{SECOND_REGION}:{ports['second_ses']}"
            environ["LETTERHEAD_SANDBOX_MORE_REGIONS"] = second
        self._start_part("sandbox", "sandbox", environ | self.plan.settings.get("sandbox", {}))
        await self._until("sandbox", _written(addresses))
        actual = json.loads(addresses.read_text())
        self.addresses |= {
            "control": f"http://{HOST}:{ports['control']}",
            "mailbox": f"http://{HOST}:{ports['control']}/mailbox",
            "ses": f"http://{HOST}:{ports['ses']}",
            "smtp": f"{HOST}:{ports['smtp']}",
            "receiver": actual["receiver"],
            "dns": f"{actual['dns_root']}:{actual['dns_port']}",
            "recursor": f"{actual['dns_recursor']}:{actual['dns_port']}",
            "sns_certificates": actual["tls"],
            "sns_ca_file": _absolute(actual["sns_ca_file"]),
            "more_regions": second_region(actual["more_ses"][SECOND_REGION]) if self.plan.two_regions else "",
        }

    def _set_up_aws(self) -> None:
        regions = [(ACCOUNT, REGION, self.addresses["ses"])]
        if self.plan.two_regions:
            regions.append((SECOND_ACCOUNT, SECOND_REGION, f"http://{HOST}:{self.plan.ports['second_ses']}"))
        for account, region, url in regions:
            session = boto3.Session("sandbox", "sandbox", region_name=region)
            set_up(session, account=account, endpoint_url=url)

    def _write_secrets(self) -> None:
        """Write the Secret of each process into its own directory, and the key of NATS's subscribers."""
        self.admin_key = generate_key()[0]
        shared = {
            "admin-key": self.admin_key,
            "service-key": generate_key()[0],
            "session-secret": secrets.token_urlsafe(32),
            "webhook-keys": generate_webhook_key(),
        }
        for process in PROCESSES:
            values = shared
            if role := process.role():
                url, seed = self.postgres.url(role, DATABASE), self.nats.seeds[process.name]
                values = shared | {"database-url": url, "nats-seed": seed}
            for name in process.secrets:
                _write_secret(self._secrets / process.name / name, values[name])
        _write_secret(self._secrets / f"nats-seed-{SUBSCRIBER}", self.nats.seeds[SUBSCRIBER])

    def _assign_addresses(self) -> None:
        self.addresses["grpc_ca_file"] = str(self.plan.tls.grpc_ca_file or "")
        for process in PROCESSES:
            addresses = [f"{HOST}:{port}" for port in self._replicas(process).values()]
            self.addresses[process.name] = (
                f"http://{addresses[0]}" if process.http_port else ",".join(addresses)
            )

    def _replicas(self, process: Process) -> dict[str, int]:
        """Return the name and port of each process of a service.

        One with pages has one URL and so one replica; senders of the second region are named after it.
        """
        replicas = 1 if process.http_port else self.plan.replicas
        names = [process.name if replicas == 1 else f"{process.name}-{each + 1}" for each in range(replicas)]
        if process.name == "sender" and self.plan.two_regions:
            names += [name.replace("sender", f"sender-{SECOND_REGION}") for name in names]
        first = self.plan.ports[process.name]
        return {name: first + REPLICA_STEP * position for position, name in enumerate(names)}

    def _start_process(self, process: Process) -> None:
        for name, port in self._replicas(process).items():
            environ = environment(process, port, self.addresses, self._secrets / process.name)
            if SECOND_REGION in name:
                environ["LETTERHEAD_SENDING_REGION"] = SECOND_REGION
            self._start_part(name, process.module, environ | self.plan.settings.get(process.name, {}))

    def _start_part(self, name: str, run: str, environ: dict[str, str]) -> None:
        base = {"PATH": os.defpath, "PYTHONUNBUFFERED": "1"}
        part = Part(
            name, module(run), environ=base | environ, log=self._logs / f"{name}.log", echo=self._echo
        )
        self.parts[name] = part
        part.start()


def _write_secret(path: Path, value: str) -> None:
    path.parent.mkdir(mode=0o700, exist_ok=True)
    path.touch(mode=0o600)
    path.write_text(value)


def _absolute(path: str) -> str:
    return str(Path(path).absolute())


async def _written(path: Path) -> None:
    while True:
        if await asyncio.to_thread(path.exists):
            return
        await asyncio.sleep(0.05)


async def _answering(url: str) -> None:
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=2)) as session:
        while True:
            with suppress(aiohttp.ClientError, TimeoutError):
                async with session.get(url) as answer:
                    if answer.ok:
                        return
            await asyncio.sleep(0.05)


async def _serving(channel: grpc.aio.Channel, key: str) -> None:
    metadata = (("authorization", f"Bearer {key}"),)
    stub = health_pb2_grpc.HealthStub(channel)
    serving = health_pb2.HealthCheckResponse.SERVING
    while True:
        with suppress(grpc.aio.AioRpcError):
            if (
                await stub.Check(health_pb2.HealthCheckRequest(), timeout=2, metadata=metadata)
            ).status == serving:
                return
        await asyncio.sleep(0.05)
