"""Faults of what processes are given: settings, credentials, keys, clocks, the schema and its grants."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import grpc

from chassis.access import generate_key
from chassis.migrate import migrate
from cli.environments import SECOND_REGION
from letterhead.access.v1 import scope_pb2
from letterhead.identity.v1.api_keys_pb2 import ListApiKeysRequest, RevokeApiKeyRequest
from services import PROCESSES
from tests.drill.drills import Fault
from tests.drill.stage import Stage
from tests.e2e.packages import install

WITH_AWS = tuple(each.name for each in PROCESSES if each.aws)
WITH_SERVICE_KEY = tuple(each.name for each in PROCESSES if "service-key" in each.secrets)
AHEAD = timedelta(minutes=10)
EXPIRED = timedelta(hours=1)

Injection = Callable[[Stage], AbstractAsyncContextManager[None]]


@asynccontextmanager
async def restarted(
    stage: Stage, processes: Sequence[str], change: Callable[[Mapping[str, str]], dict[str, str]]
) -> AsyncIterator[None]:
    """Restart processes with a changed environment; restart them with their own afterwards."""
    before = {name: stage.part(name).environ for name in processes}
    for name in processes:
        await stage.restart(name, change(before[name]))
    try:
        yield
    finally:
        for name in processes:
            await stage.restart(name, before[name])


@asynccontextmanager
async def wrong_region(stage: Stage) -> AsyncIterator[None]:
    """Run webhooks in a region in which nothing was set up."""
    there = {"LETTERHEAD_AWS_REGION": SECOND_REGION, "LETTERHEAD_AWS_ENDPOINT_URL": stage.second_region}
    async with restarted(stage, ["webhooks"], lambda environ: {**environ, **there}):
        yield


@asynccontextmanager
async def no_credentials(stage: Stage) -> AsyncIterator[None]:
    """Run the processes that call AWS without credentials, as without a role."""
    async with restarted(stage, WITH_AWS, _without_credentials):
        yield


def _without_credentials(environ: Mapping[str, str]) -> dict[str, str]:
    names = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
    return {name: value for name, value in environ.items() if name not in names}


@asynccontextmanager
async def clock_ahead(stage: Stage) -> AsyncIterator[None]:
    """Run sender on a machine whose clock is ahead, as Debian's libfaketime simulates it."""
    await install({"faketime": "faketime"})
    [library] = Path("/usr/lib").glob("*/faketime/libfaketime.so.1")
    fake = {
        "LD_PRELOAD": str(library),
        "FAKETIME": f"+{AHEAD.total_seconds():.0f}s",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
    }
    async with restarted(stage, ["sender"], lambda environ: {**environ, **fake}):
        yield


def migrations_differ(sql: str) -> Injection:
    """Return the injection that changes what the database says about its newest migration."""

    @asynccontextmanager
    async def inject(stage: Stage) -> AsyncIterator[None]:
        [newest] = await stage.execute("SELECT max(name) AS name FROM chassis.migrations")
        [row] = await stage.execute(
            "SELECT name, sha256, applied_at FROM chassis.migrations WHERE name = $1", newest["name"]
        )
        await stage.execute(sql, newest["name"])
        try:
            yield
        finally:
            await stage.execute("DELETE FROM chassis.migrations WHERE name = $1", row["name"])
            restore = "INSERT INTO chassis.migrations (name, sha256, applied_at) VALUES ($1, $2, $3)"
            await stage.execute(restore, *row.values())

    return inject


@asynccontextmanager
async def grant_revoked(stage: Stage) -> AsyncIterator[None]:
    """Revoke a grant of sender while callers send; run the migration, which grants it again."""
    await stage.execute("REVOKE INSERT ON sender.emails FROM letterhead_sender")
    callers = asyncio.create_task(_send_on(stage))
    try:
        yield
    finally:
        callers.cancel()
        await asyncio.gather(callers, return_exceptions=True)
        await migrate(stage.world.installation.database_url)


async def _send_on(stage: Stage) -> None:
    while True:
        with suppress(grpc.aio.AioRpcError):
            await stage.send_once()
        await asyncio.sleep(0.2)


@asynccontextmanager
async def service_key_revoked(stage: Stage) -> AsyncIterator[None]:
    """Revoke the key between the services; give them another one."""
    keys: Any = stage.world.admin.api_keys
    found = (await keys.ListApiKeys(ListApiKeysRequest(page_size=100))).api_keys
    [key] = [each for each in found if each.scope == scope_pb2.SCOPE_SERVICE and not each.revoke_time.seconds]
    await keys.RevokeApiKey(RevokeApiKeyRequest(api_key_id=key.id))
    try:
        yield
    finally:
        token = generate_key()[0]
        for name in WITH_SERVICE_KEY:
            stage.secret(name, "service-key").write_text(token)
            await stage.restart(name, stage.part(name).environ)


@asynccontextmanager
async def certificate_expired(stage: Stage) -> AsyncIterator[None]:
    """Let the certificate of sender expire; issue another one."""
    stage.authority.issue("sender", until=datetime.now(UTC) - EXPIRED)
    try:
        yield
    finally:
        stage.authority.issue("sender", until=datetime.now(UTC) + stage.authority.lifetime)


CONFIGURATION_FAULTS = (
    Fault(name="wrong region", inject=wrong_region, doctor=r"regions .*webhooks", alert="SesEventsMissing"),
    Fault(
        name="no credentials",
        inject=no_credentials,
        doctor=r"aws-access .*no_credentials",
        alert="AwsRefusesCalls",
    ),
    Fault(name="clock skew", inject=clock_ahead, doctor=r"clock .*sender .*ahead of", alert="ClockSkewed"),
    Fault(
        name="migration behind",
        inject=migrations_differ("DELETE FROM chassis.migrations WHERE name = $1"),
        doctor=r"schema .*not applied",
        alert="MigrationsDiffer",
    ),
    Fault(
        name="migration edited",
        inject=migrations_differ("UPDATE chassis.migrations SET sha256 = 'another' WHERE name = $1"),
        doctor=r"schema .*differ",
        alert="MigrationsDiffer",
    ),
    Fault(
        name="grant revoked",
        inject=grant_revoked,
        doctor=r"rights .*letterhead_sender may not INSERT sender.emails",
        alert="ErrorBudgetBurnsFast",
    ),
    Fault(
        name="service key revoked",
        inject=service_key_revoked,
        doctor=r"service key .*revoked",
        alert="ServiceKeyRejected",
    ),
    Fault(
        name="certificate expired",
        inject=certificate_expired,
        doctor=r"certificate .*expired",
        alert="CertificateExpires",
    ),
)
