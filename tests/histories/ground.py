"""The installation that all histories share: real services as processes, which a history may kill."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any
from uuid import UUID

import aiohttp
import asyncpg
import boto3
import grpc

from chassis import channels
from chassis.access import Scope
from chassis.database import Database
from chassis.errors import ServiceError
from chassis.events import Outbox
from cli.environments import REGION
from letterhead.identity.v1 import domains_pb2_grpc
from letterhead.verifier.v1 import verifier_pb2_grpc
from sandbox.client import Json, SandboxClient, SandboxError
from services import PROCESSES
from services.identity.model.ownership_rules import next_moves
from services.identity.store.ownership import OwnershipStore
from tests.chaos.nursery import Nursery, nursery
from tests.e2e.conftest import World, a_world
from tests.factories import a_key, a_tenant, bearer
from tests.histories import journal
from tests.histories.clock import Ageing
from tests.histories.stories import SERVICES, Who
from tests.stores import FreshDatabase, Superuser
from tests.waiting import eventually

DATABASE = "letterhead"
CONNECTIONS = 12
POLL_SECONDS = 0.1
# identity decides contested names in a periodic task, without a due time. Broken rules may never let it end.
DECIDES_WITHIN = timedelta(seconds=5)
REST_WITHIN = timedelta(minutes=4)  # many histories share few cores
# Histories send no email and open no pages. Whether a tenant may send is evaluated with sender's own rule.
NOT_NEEDED = tuple(each.name for each in PROCESSES if each.name not in SERVICES)
SWEEP_SECONDS = 3
# A longer DNS timeout, because the name servers are slow when many histories share few cores.
PATIENT = {"LETTERHEAD_DNS_TIMEOUT": "4"}
# What a poll survives: the machine is busy, and Postgres did not answer in time.
SLOW_DATABASE = (ServiceError, TimeoutError, asyncpg.PostgresError, OSError)
SWEEP = "UPDATE verifier.ses_account SET sweep_due_at = least(sweep_due_at, now())"
UNFINISHED = """
    SELECT name FROM identity.ses_identities
    WHERE name = ANY ($1) AND (due_at <= now() OR leased_until > now())
    UNION
    SELECT name FROM identity.claims
    WHERE name = ANY ($1) AND (due_at <= now() OR leased_until > now() AND phase <> 'DELETED')
    UNION
    SELECT claim.name
    FROM identity.claims AS claim
    LEFT JOIN verifier.verifications AS known ON known.claim_id = claim.id
    WHERE claim.name = ANY ($1) AND (
        claim.phase = 'ACTIVE' AND (
            known.claim_id IS NULL OR known.generation < claim.generation OR known.next_check_at <= now()
            OR known.leased_until > now() OR known.ses_due_at <= now()
        )
        OR claim.phase IN ('DELETING', 'DELETED') AND known.claim_id IS NOT NULL
    )
    UNION
    SELECT claim.name
    FROM identity.claims AS claim
    JOIN identity.ses_identities AS identity ON identity.id = claim.ses_identity_id
    WHERE claim.name = ANY ($1) AND claim.ownership = 'UNDECIDED' AND identity.tokens <> '{}'
        AND claim.phase IN ('PROVISIONING', 'ACTIVE')
"""
CONTESTED = """
    SELECT DISTINCT claim.name FROM identity.claims AS claim
    WHERE claim.name = ANY ($1) AND claim.phase IN ('PROVISIONING', 'ACTIVE')
        AND claim.ownership NOT IN ('SOLE', 'PROVEN', 'SUPERSEDED')
"""
LAST = "SELECT name, max(id) AS id FROM histories.journal WHERE name = ANY ($1) GROUP BY name"
LEASES = {
    "identity": (
        "UPDATE identity.ses_identities SET leased_until = NULL WHERE leased_until > now()",
        "UPDATE identity.claims SET leased_until = NULL WHERE leased_until > now()",
    ),
    "verifier": ("UPDATE verifier.verifications SET leased_until = NULL WHERE leased_until > now()",),
}


class Sandbox(SandboxClient):
    """The control API, with retries after closed connections; all its calls are idempotent."""

    async def call(self, method: str, path: str, body: Json | None = None, **query: str | int) -> Json:
        while True:
            try:
                return await super().call(method, path, body, **query)
            except aiohttp.ClientConnectionError:
                await asyncio.sleep(POLL_SECONDS)


class Tenant:
    """A tenant and its API calls."""

    def __init__(self, ground: "Ground", tenant_id: UUID, key: str) -> None:
        self.id = tenant_id
        self._metadata = bearer(key)
        self._domains = domains_pb2_grpc.DomainServiceStub(ground.identity_channel)
        self._verifier = verifier_pb2_grpc.VerifierServiceStub(ground.verifier_channel)

    def __getattr__(self, rpc: str) -> Any:
        stub = self._domains if hasattr(self._domains, rpc) else self._verifier
        return partial(getattr(stub, rpc), metadata=self._metadata, timeout=20)


@dataclass
class Ground:
    """The shared installation; `removed_by_hand` lists what the histories themselves deleted at SES."""

    world: World
    control: SandboxClient
    pool: asyncpg.Pool
    ageing: Ageing
    database: Database
    ownership: OwnershipStore  # only read, to find out what identity still has to decide
    nurseries: Mapping[str, Nursery]
    identity_channel: grpc.aio.Channel
    verifier_channel: grpc.aio.Channel
    kills: int = 0
    removed_by_hand: list[tuple[str, datetime, datetime]] = field(default_factory=list)
    _killing: asyncio.Lock = field(default_factory=asyncio.Lock)
    _waiting: dict[int, tuple[Sequence[str], asyncio.Future[None]]] = field(default_factory=dict)

    @property
    def operator(self) -> Tenant:
        """Return the operator, with the installation's admin key."""
        return Tenant(self, UUID(int=0), self.world.installation.admin_key)

    async def tenants(self) -> dict[Who, Tenant]:
        """Create a tenant for each participant of a history."""
        database = _database(self.world, self.pool)
        created = {}
        for who in Who:
            tenant_id = await a_tenant(database)
            created[who] = Tenant(self, tenant_id, await a_key(database, tenant_id, Scope.FULL_ACCESS))
        return created

    async def kill(self, service: str) -> None:
        """Kill a service with SIGKILL and wait for its restart; its leases expire at once."""
        async with self._killing:
            nursery = self.nurseries[service]
            nursery.kill(0)
            self.kills += 1
            for statement in LEASES[service]:
                await self.pool.execute(statement)
            await nursery.serving(0)

    async def settled(self, names: Sequence[str]) -> None:
        """Wait until no work is due for some names; raise TimeoutError."""
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting[id(future)] = (names, future)
        try:
            await asyncio.wait_for(future, REST_WITHIN.total_seconds())
        finally:
            self._waiting.pop(id(future), None)

    async def watch(self) -> None:
        """Poll the database for all waiting histories at once, which costs no more than for one."""
        quiet: dict[str, tuple[int, float]] = {}  # for each name: its last change, and since when
        while True:
            await asyncio.sleep(POLL_SECONDS)
            waiters = list(self._waiting.values())  # those that are added meanwhile are in the next poll
            names = sorted({name for waiting, _ in waiters for name in waiting})
            if not names:
                continue
            try:
                busy = await self._busy(names, quiet)
            except SLOW_DATABASE:
                continue  # the next poll asks again
            for waiting, future in waiters:
                if not future.done() and not busy & set(waiting):
                    future.set_result(None)
            for name in quiet.keys() - busy:
                del quiet[name]

    async def _busy(self, names: Sequence[str], quiet: dict[str, tuple[int, float]]) -> set[str]:
        busy = {row["name"] for row in await self.pool.fetch(UNFINISHED, names)}
        contested = {row["name"] for row in await self.pool.fetch(CONTESTED, names)} - busy
        if not contested:
            return busy
        answers = await asyncio.gather(*map(self._is_undecided, contested))
        undecided = {name for name, answer in zip(contested, answers, strict=True) if answer}
        last = {row["name"]: row["id"] for row in await self.pool.fetch(LAST, list(contested))}
        now = asyncio.get_running_loop().time()
        for name in undecided:
            before, since = quiet.get(name, (-1, now))
            quiet[name] = (last[name], since if before == last[name] else now)
        stuck = {name for name in undecided if now - quiet[name][1] > DECIDES_WITHIN.total_seconds()}
        return busy | (undecided - stuck)

    async def _is_undecided(self, name: str) -> bool:
        """Return whether identity has ownership moves to make for a name."""
        async with self.database.transaction() as connection:
            current = await self.ownership.read(connection, name)
        return bool(next_moves(current.live_claims, current.past, current.now))

    async def at_ses(self, name: str) -> Json | None:
        """Return an identity as SES has it, or None."""
        try:
            return await self.control.call("GET", f"/ses/identities/{name}")
        except SandboxError:
            return None

    async def age_at_ses(self, name: str, by: timedelta) -> None:
        """Let time pass for an identity at SES, if it exists."""
        try:
            await self.control.call("POST", f"/ses/identities/{name}/age", {"seconds": by.total_seconds()})
        except SandboxError:
            return

    async def remove_by_hand(self, name: str) -> None:
        """Delete an identity at SES, as an operator could at the AWS console."""
        began = datetime.now(UTC)
        ses = boto3.Session("sandbox", "sandbox", region_name=REGION).client(
            "sesv2", endpoint_url=self.world.stack.addresses["ses"]
        )
        try:
            await asyncio.to_thread(ses.delete_email_identity, EmailIdentity=name)
        except ses.exceptions.NotFoundException:
            return
        finally:
            self.removed_by_hand.append((name, began, datetime.now(UTC)))
            ses.close()

    async def swept(self) -> None:
        """Let verifier sweep SES's identity list after this call, and wait until the sweep is complete.

        A sweep that has already begun may have listed SES's identities before this call, so two must end.
        """
        complete = "SELECT bool_and(swept_at > $1) FROM verifier.ses_account"
        for _ in range(2):
            requested_at = await self.pool.fetchval(f"{SWEEP} RETURNING now()")
            await eventually(partial(self.pool.fetchval, complete, requested_at), REST_WITHIN)

    async def sweep(self) -> None:
        """Start a sweep of SES's list every few seconds, because simulated hours pass in moments."""
        while True:
            await asyncio.sleep(SWEEP_SECONDS)
            with suppress(*SLOW_DATABASE):  # the next round starts it
                await self.pool.execute(SWEEP)


def _database(world: World, pool: asyncpg.Pool) -> FreshDatabase:
    server = world.stack.postgres
    return FreshDatabase(server, DATABASE, Superuser(server, pool))


@asynccontextmanager
async def a_ground(home: Path) -> AsyncIterator[Ground]:
    """Run a fresh installation with a journal of all commits; yield it."""
    fast = {"LETTERHEAD_AWS_CONTROL_INTERVAL": "0.01"}
    sandbox = {
        "LETTERHEAD_SANDBOX_CONTROL_RATE": "0",
        "LETTERHEAD_SANDBOX_CHECK_INTERVAL": "0.5",
        "LETTERHEAD_SANDBOX_OWN_KEYS": "false",
    }
    home.mkdir()
    async with AsyncExitStack() as stack:
        world = await stack.enter_async_context(
            a_world(home / "world", 1, identity=fast, verifier=fast | PATIENT, sandbox=sandbox)
        )
        for service in NOT_NEEDED:
            await world.stack.replicas_of(service)[0].stop()
        url = world.stack.postgres.url(database=DATABASE)
        pool = await stack.enter_async_context(asyncpg.create_pool(url, min_size=2, max_size=CONNECTIONS))
        await journal.begin(pool)
        nurseries = {
            service: await stack.enter_async_context(nursery(world, service, home / service))
            for service in LEASES
        }
        identity, verifier = [
            await stack.enter_async_context(
                channels.opened(world.stack.addresses[service], world.installation.tls)
            )
            for service in LEASES
        ]
        ageing = Ageing(pool)
        await ageing.prepare()
        session = await stack.enter_async_context(aiohttp.ClientSession())
        control = Sandbox(session, world.installation.control)
        database = await stack.enter_async_context(_database(world, pool).open("identity"))
        ownership = OwnershipStore(database, Outbox("identity"), inbound_mx=None)
        ground = Ground(world, control, pool, ageing, database, ownership, nurseries, identity, verifier)
        tasks = [asyncio.create_task(each) for each in (ground.watch(), ground.sweep())]
        try:
            yield ground
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
