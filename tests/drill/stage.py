"""The installation that is drilled: real processes with TLS, watched by Prometheus and by an operator."""

import asyncio
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import asyncpg
import boto3
import grpc
from nats.js import JetStreamContext

from chassis.config import Tls
from chassis.events.authorization import EVERYTHING
from cli.aws.setup import set_up
from cli.environments import ACCOUNT, REGION, SECOND_REGION
from cli.polling import TRANSIENT
from cli.server_process import HOST, free_port
from cli.stack import Plan
from cli.supervisor import Part
from letterhead.identity.v1.domains_pb2 import Domain, GetDomainRequest
from letterhead.sender.v1.emails_pb2 import Address, Email, GetEmailRequest, Recipient, SendEmailRequest
from letterhead.verifier.v1.verifier_pb2 import VerifyDomainRequest
from services import PROCESSES, schemas
from tests.drill.certificates import Authority
from tests.drill.kubelet import JOB, measuring
from tests.drill.prometheus import Prometheus, watching
from tests.e2e.conftest import World, a_world_of
from tests.e2e.ready_domains import a_ready_domain, becomes_ready
from tests.streams import OPERATOR, connected
from tests.waiting import eventually

COMMAND_TIMEOUT = 120  # seconds
CALL_TIMEOUT = 5  # seconds
READY = timedelta(minutes=5)
RESTART = timedelta(seconds=30)
REPAIRED = timedelta(minutes=3)
PROBLEM = "✗ "
OUTLASTS = "ErrorBudgetBurnsSlowly"
# Small, so that it can be filled in a second.
NATS_STORAGE = 64 * 2**20
# Instead of five minutes, because the drill's alerts wait less too.
HEARTBEATS = {"LETTERHEAD_EVENT_PATH_INTERVAL": "5"}


@dataclass(frozen=True)
class Stage:
    """A running installation, what watches it, and what a drill needs to break it."""

    world: World
    prometheus: Prometheus
    authority: Authority
    domain: Domain
    terminal: Path
    # URL of SES in a region that the installation does not use.
    second_region: str
    nats_monitor: str

    def part(self, process: str) -> Part:
        """Return a process."""
        return self.world.stack.parts[process]

    async def run(self, *arguments: str, **settings: str) -> tuple[int, str]:
        """Run `letterhead` with these arguments and LETTERHEAD_* settings; return exit code and output."""
        process = await asyncio.create_subprocess_exec(
            Path(sys.executable).with_name("letterhead"),
            *arguments,
            cwd=self.terminal,
            env={f"LETTERHEAD_{name.upper()}": value for name, value in settings.items()},
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        output, _ = await asyncio.wait_for(process.communicate(), COMMAND_TIMEOUT)
        return process.returncode or 0, output.decode()

    async def problems(self) -> list[str]:
        """Run doctor; return the lines about problems, or the whole output if it failed without one."""
        code, output = await self.run("doctor", nats_monitor_url=self.nats_monitor)
        found = [line.partition(PROBLEM)[2] for line in output.splitlines() if PROBLEM in line]
        return found or ([] if code == 0 else [output])

    async def execute(self, sql: str, *values: object) -> list[asyncpg.Record]:
        """Run one statement as superuser; return its rows."""
        connection = await asyncpg.connect(self.world.installation.database_url)
        try:
            found: list[asyncpg.Record] = await connection.fetch(sql, *values)
            return found
        finally:
            await connection.close()

    def aws(self, service: str) -> Any:
        """Return a client of the simulated AWS, with all permissions."""
        return self.session.client(service, endpoint_url=self.world.installation.ses)

    @property
    def session(self) -> boto3.Session:
        return boto3.Session("sandbox", "sandbox", region_name=REGION)

    async def set_up_aws(self) -> None:
        """Create what is missing in AWS and correct the rest, as `letterhead aws setup --apply` does."""
        endpoint = self.world.installation.ses
        await asyncio.to_thread(set_up, self.session, account=ACCOUNT, endpoint_url=endpoint)

    def secret(self, process: str, name: str) -> Path:
        """Return a file of the Secret of a process."""
        return self.world.stack.plan.home / "secrets" / process / name

    async def restart(self, process: str, environ: Mapping[str, str]) -> None:
        """Kill a process; its supervisor starts it again, with this environment."""
        part = self.part(process)
        before, part.environ = part.pid, environ
        part.kill()
        await eventually(lambda: part.pid not in (None, before), RESTART)

    @asynccontextmanager
    async def jetstream(self) -> AsyncIterator[JetStreamContext]:
        """Connect to NATS as an operator with every permission."""
        async with connected(self.world.stack.nats, OPERATOR) as connection:
            yield connection.jetstream()

    async def event_ids(self) -> set[str]:
        """Return the ids of all published events."""
        rows = [
            await self.execute(f"SELECT id FROM {schema}.outbox WHERE published_at IS NOT NULL")  # noqa: S608
            for schema in schemas()
        ]
        return {str(row["id"]) for each in rows for row in each}

    async def verify_domain(self) -> None:
        """Have verifier check the domain now."""
        request = VerifyDomainRequest(domain_id=self.domain.id)
        await self.world.services.verifier.VerifyDomain(request)

    async def publish_records(self) -> None:
        """Publish the domain's new records once SES has its identity again; wait until it is READY."""

        async def renewed() -> Domain | None:
            now = await self._domain()
            values = {each.value for each in self.domain.records}
            return now if now.records and values != {each.value for each in now.records} else None

        await becomes_ready(self.world, await eventually(renewed, REPAIRED))

    async def _domain(self) -> Domain:
        request = GetDomainRequest(domain_id=self.domain.id)
        found: Domain = (await self.world.services.domains.GetDomain(request)).domain
        return found

    async def send(self) -> str:
        """Send an email from the READY domain, retrying as a caller would; return its id."""
        request_id = uuid4().hex
        while True:
            with suppress(grpc.aio.AioRpcError):
                return await self.send_once(request_id)
            await asyncio.sleep(0.5)

    async def send_once(self, request_id: str = "") -> str:
        """Send an email by one call; return its id. Raises AioRpcError."""
        receiver = Address(address=f"ada-{uuid4().hex[:8]}@example.com")
        request = SendEmailRequest(to=[receiver], subject="Drill", text="Hello.", request_id=request_id)
        getattr(request, "from").address = f"agent@{self.domain.name}"
        email: Email = (await self.world.services.sender.SendEmail(request, timeout=CALL_TIMEOUT)).email
        return email.id

    async def delivered(self, email_id: str) -> bool:
        """Return whether SES's event says that the email was delivered."""
        try:
            request = GetEmailRequest(email_id=email_id)
            email = (await self.world.services.sender.GetEmail(request, timeout=CALL_TIMEOUT)).email
        except grpc.aio.AioRpcError as error:
            if error.code() not in TRANSIENT:
                raise
            return False
        return all(each.state == Recipient.STATE_DELIVERED for each in email.recipients)

    async def is_well(self) -> bool:
        """Return whether Prometheus reaches every process, doctor finds nothing and no alert fires.

        But for `OUTLASTS`: its windows are so long that it tells of faults that have been removed.
        """
        scraped = await self.prometheus.scraped()
        assert scraped >= {process.name for process in PROCESSES}, scraped
        problems = await self.problems()
        assert not problems, problems
        firing = [each for each in await self.prometheus.firing() if each.name != OUTLASTS]
        assert not firing, firing
        return True


@asynccontextmanager
async def a_stage(home: Path) -> AsyncIterator[Stage]:
    """Start an installation with TLS and Prometheus, and a domain that is READY."""
    home.mkdir(parents=True)
    authority = Authority.create(home / "certificates")
    ports = {process.name: free_port() for process in PROCESSES}
    volume, second, monitor = free_port(), free_port(), free_port()
    async with (
        a_world_of(_plan(home / "installation", authority, ports, second, monitor)) as world,
        watching(home / "prometheus", {**ports, JOB: volume}) as prometheus,
    ):
        (home / "terminal").mkdir()
        (home / "terminal/.letterhead").symlink_to(home / "installation")
        domain = await a_ready_domain(world)
        stage = Stage(
            world,
            prometheus,
            authority,
            domain,
            home / "terminal",
            f"http://{HOST}:{second}",
            f"http://{HOST}:{monitor}",
        )
        with measuring(home / "installation/nats/jetstream", NATS_STORAGE, volume):
            await eventually(stage.is_well, READY)
            yield stage


def _plan(
    home: Path, authority: Authority, metrics: Mapping[str, int], second_region: int, monitor: int
) -> Plan:
    settings = {
        name: {**authority.settings(name), "LETTERHEAD_METRICS_PORT": str(port)}
        for name, port in metrics.items()
    }
    settings["sender"] |= HEARTBEATS
    more = {"LETTERHEAD_SANDBOX_MORE_REGIONS": f"{ACCOUNT}:{SECOND_REGION}:{second_region}"}
    plan: Plan = Plan.on_free_ports(
        home,
        fsync=False,
        settings={**settings, "sandbox": more},
        tls=Tls(grpc_ca_file=authority.ca),
        nats_users={OPERATOR: EVERYTHING},
        nats_configuration=f'jetstream {{ max_file_store: {NATS_STORAGE} }}\nhttp: "{HOST}:{monitor}"\n',
    )
    return plan
