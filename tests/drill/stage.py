"""The installation that is drilled: real processes with TLS, watched by Prometheus and by an operator."""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import asyncpg
import boto3
import grpc

from chassis.config import Tls
from chassis.events.authorization import EVERYTHING
from cli.aws.setup import set_up
from cli.environments import ACCOUNT, REGION
from cli.polling import TRANSIENT
from cli.server_process import free_port
from cli.stack import Plan
from cli.supervisor import Part
from letterhead.identity.v1.domains_pb2 import Domain
from letterhead.sender.v1.emails_pb2 import Address, GetEmailRequest, Recipient, SendEmailRequest
from services import PROCESSES
from tests.drill.certificates import Authority
from tests.drill.prometheus import Prometheus, watching
from tests.e2e.conftest import World, a_world_of
from tests.e2e.ready_domains import a_ready_domain
from tests.streams import OPERATOR
from tests.waiting import eventually

COMMAND_TIMEOUT = 120  # seconds
CALL_TIMEOUT = 5  # seconds
PROBLEM = "✗ "
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
        code, output = await self.run("doctor")
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

    def aws(self, service: str) -> object:
        """Return a client of the simulated AWS, with all permissions."""
        return self.session.client(service, endpoint_url=self.world.installation.ses)

    @property
    def session(self) -> boto3.Session:
        return boto3.Session("sandbox", "sandbox", region_name=REGION)

    async def set_up_aws(self) -> None:
        """Create what is missing in AWS and correct the rest, as `letterhead aws setup --apply` does."""
        endpoint = self.world.installation.ses
        await asyncio.to_thread(set_up, self.session, account=ACCOUNT, endpoint_url=endpoint)

    async def send(self) -> str:
        """Send an email from the READY domain, retrying as a caller would; return its id."""
        request = SendEmailRequest(
            to=[Address(address=f"ada-{uuid4().hex[:8]}@example.com")], subject="Drill", text="Hello.",
            request_id=uuid4().hex,
        )  # fmt: skip
        getattr(request, "from").address = f"agent@{self.domain.name}"
        while True:
            with suppress(grpc.aio.AioRpcError):
                return (await self.world.services.sender.SendEmail(request, timeout=CALL_TIMEOUT)).email.id
            await asyncio.sleep(0.5)

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
        """Return whether nothing is wrong: Prometheus reaches every process, and doctor finds nothing."""
        scraped = await self.prometheus.scraped()
        assert scraped == {process.name for process in PROCESSES}, scraped
        problems = await self.problems()
        assert not problems, problems
        return True


@asynccontextmanager
async def a_stage(home: Path) -> AsyncIterator[Stage]:
    """Start an installation with TLS and Prometheus, and a domain that is READY."""
    home.mkdir(parents=True)
    authority = Authority.create(home / "certificates")
    ports = {process.name: free_port() for process in PROCESSES}
    async with (
        a_world_of(_plan(home / "installation", authority, ports)) as world,
        watching(home / "prometheus", ports) as prometheus,
    ):
        (home / "terminal").mkdir()
        (home / "terminal/.letterhead").symlink_to(home / "installation")
        domain = await a_ready_domain(world)
        stage = Stage(world, prometheus, authority, domain, home / "terminal")
        await eventually(stage.is_well, timedelta(minutes=2))
        yield stage


def _plan(home: Path, authority: Authority, metrics: dict[str, int]) -> Plan:
    settings = {
        name: {**authority.settings(name), "LETTERHEAD_METRICS_PORT": str(port)}
        for name, port in metrics.items()
    }
    settings["sender"] |= HEARTBEATS
    plan: Plan = Plan.on_free_ports(
        home,
        fsync=False,
        settings=settings,
        tls=Tls(grpc_ca_file=authority.ca),
        nats_users={OPERATOR: EVERYTHING},
        nats_storage=NATS_STORAGE,
    )
    return plan
