"""Record docs/event_examples.json: make every event happen on an installation that is started for it.

The services are the real ones, against the sandbox, as `letterhead demo` starts them.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import asyncpg
import boto3

from cli.client import Services, connect
from cli.environments import REGION
from cli.events import Tail
from cli.installation import Installation
from cli.local_installation import running
from cli.printer import Printer
from cli.stack import Plan
from letterhead.access.v1.scope_pb2 import SCOPE_FULL_ACCESS
from letterhead.identity.v1.api_keys_pb2 import CreateApiKeyRequest
from letterhead.identity.v1.tenants_pb2 import CreateTenantRequest
from sandbox.client import connect_sandbox
from scripts.event_examples import FILE, write
from scripts.scenes import domains, emails, tenants
from scripts.scenes.stage import Stage

# In this order: emails are sent from the first domain, and after the last scene nothing is sent.
SCENES = (
    domains.becomes_ready,
    domains.is_abandoned,
    domains.is_contested,
    emails.is_read,
    emails.is_delayed,
    emails.bounces,
    emails.is_reported_as_spam,
    emails.is_rejected,
    emails.is_canceled,
    emails.loses_its_answer,
    emails.outlives_its_domain,
    domains.loses_its_identity,
    tenants.changes_its_contact,
    tenants.is_paused,
    tenants.has_endpoints_that_fail,
    tenants.has_a_poor_reputation,
    tenants.cannot_send,
)
SETTINGS = {"sender": {"LETTERHEAD_REPUTATION_INTERVAL": "1"}}


async def record() -> None:
    """Play every scene, and write the examples."""
    printer = Printer()
    async with a_stage(printer) as stage:
        for scene in SCENES:
            printer.heading(scene.__doc__ or scene.__name__)
            await scene(stage)
            printer.good(f"{len(stage.examples)} events recorded")
    write(stage.examples)
    printer.say(f"wrote {FILE}")


@asynccontextmanager
async def a_stage(printer: Printer) -> AsyncIterator[Stage]:
    """Start an installation, with a second tenant, and stop it at the end of the block."""
    with TemporaryDirectory(prefix="letterhead-events-") as directory:
        plan = Plan.on_free_ports(Path(directory) / "home", settings=SETTINGS)
        async with (
            running(plan, printer, lambda _part, _line: None) as (_, installation),
            connect(installation) as tenant,
            connect(installation, installation.admin_key) as operator,
            connect(installation, await a_key_of_another_tenant(operator)) as other,
            connect_sandbox(installation.control) as sandbox,
            Tail.open(installation.wire, everything=True) as tail,
            connected(installation) as database,
        ):
            session = boto3.Session("sandbox", "sandbox", region_name=REGION)
            ses = session.client("sesv2", endpoint_url=installation.ses)
            yield Stage(tenant, other, operator, sandbox, installation.receiver, tail, database, ses)


async def a_key_of_another_tenant(operator: Services) -> str:
    """Create a tenant and return a key of it."""
    tenant = (await operator.tenants.CreateTenant(CreateTenantRequest(name="Northwind"))).tenant
    request = CreateApiKeyRequest(tenant_id=tenant.id, name="api_key", scope=SCOPE_FULL_ACCESS)
    return (await operator.api_keys.CreateApiKey(request)).token


@asynccontextmanager
async def connected(installation: Installation) -> AsyncIterator[asyncpg.Connection]:
    """Connect to the database of an installation as its owner."""
    connection = await asyncpg.connect(installation.database_url)
    try:
        yield connection
    finally:
        await connection.close()


if __name__ == "__main__":
    asyncio.run(record())
