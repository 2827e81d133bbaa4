"""The installation that histories are played on: real services as processes, which a history may kill."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
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
from chassis.events import Outbox
from cli.stack import REGION
from letterhead.identity.v1 import domains_pb2_grpc
from letterhead.verifier.v1 import verifier_pb2_grpc
from sandbox.client import Json, SandboxClient, SandboxRefused
from services.identity.model.contests import next_moves
from services.identity.store.ownership import OwnershipStore
from tests.chaos.nursery import Nursery, nursery
from tests.e2e.conftest import World, a_world
from tests.factories import a_key, a_tenant, bearer
from tests.histories import journal
from tests.histories.clock import Ageing
from tests.histories.stories import Who
from tests.stores import FreshDatabase
from tests.waiting import eventually

DATABASE = "letterhead"
CONNECTIONS = 12
POLL_SECONDS = 0.1
# identity decides over contested names in rounds, without a due time. Spoilt rules may never let that end.
DECIDES_WITHIN = timedelta(seconds=5)
REST_WITHIN = timedelta(minutes=4)  # many histories share few cores
# Nobody sends and nobody looks at pages here; who may send is asked of the sender's own rule.
NOT_NEEDED = ("sender", "webhooks", "console")
SWEEP_SECONDS = 3
# Name servers that are slow because many histories share few cores are not what is tried here.
PATIENT = {"LETTERHEAD_DNS_TIMEOUT": "4"}
SWEEP = "UPDATE verifier.ses_account SET sweep_due_at = least(sweep_due_at, now())"
NOT_AT_REST = """
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
            known.claim_id IS NULL OR known.generation < claim.generation OR known.next_look_at <= now()
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
    """The control API, called again where it closed an idle connection: each call may be repeated."""

    async def call(self, method: str, path: str, body: Json | None = None, **query: str | int) -> Json:
        while True:
            try:
                return await super().call(method, path, body, **query)
            except aiohttp.ClientConnectionError:
                await asyncio.sleep(POLL_SECONDS)


class Tenant:
    """One tenant and its calls."""

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
    """What histories share; `removed_by_hand` has what the histories themselves deleted at SES."""

    world: World
    control: SandboxClient
    pool: asyncpg.Pool
    ageing: Ageing
    database: Database
    ownership: OwnershipStore  # read from, to see what identity has to decide
    nurseries: Mapping[str, Nursery]
    identity_channel: grpc.aio.Channel
    verifier_channel: grpc.aio.Channel
    kills: int = 0
    removed_by_hand: list[tuple[str, datetime, datetime]] = field(default_factory=list)
    _killing: asyncio.Lock = field(default_factory=asyncio.Lock)
    _waiting: dict[int, tuple[Sequence[str], asyncio.Future[None]]] = field(default_factory=dict)

    @property
    def operator(self) -> Tenant:
        """Whoever has the installation's admin key."""
        return Tenant(self, UUID(int=0), self.world.installation.admin_key)

    async def tenants(self) -> dict[Who, Tenant]:
        """A new tenant for each part of a history."""
        database = FreshDatabase(self.world.stack.postgres, DATABASE)
        made = {}
        for who in Who:
            tenant_id = await a_tenant(database)
            made[who] = Tenant(self, tenant_id, await a_key(database, tenant_id, Scope.FULL_ACCESS))
        return made

    async def kill(self, service: str) -> None:
        """Kills a service (SIGKILL), which is back at once; its leases end, as they would by time."""
        async with self._killing:
            nursery = self.nurseries[service]
            nursery.kill(0)
            self.kills += 1
            for statement in LEASES[service]:
                await self.pool.execute(statement)
            await nursery.serving(0)

    async def at_rest(self, names: Sequence[str]) -> None:
        """Waits until time alone changes nothing more of some names; raises TimeoutError."""
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting[id(future)] = (names, future)
        try:
            await asyncio.wait_for(future, REST_WITHIN.total_seconds())
        finally:
            self._waiting.pop(id(future), None)

    async def watch(self) -> None:
        """Looks for all who wait at once, so that many histories cost no more than one."""
        quiet: dict[str, tuple[int, float]] = {}  # by name: its last change, and since when there was none
        while True:
            await asyncio.sleep(POLL_SECONDS)
            asked = list(self._waiting.values())  # who comes while Postgres answers is in the next look
            names = sorted({name for waiting, _ in asked for name in waiting})
            if not names:
                continue
            busy = await self._busy(names, quiet)
            for waiting, future in asked:
                if not future.done() and not busy & set(waiting):
                    future.set_result(None)
            for name in quiet.keys() - busy:
                del quiet[name]

    async def _busy(self, names: Sequence[str], quiet: dict[str, tuple[int, float]]) -> set[str]:
        busy = {row["name"] for row in await self.pool.fetch(NOT_AT_REST, names)}
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
        """Says whether identity has something to decide about a name by now."""
        async with self.database.transaction() as connection:
            known = await self.ownership.read(connection, name)
        return bool(next_moves(known.contenders, known.past, known.now))

    async def at_ses(self, name: str) -> Json | None:
        """An identity as SES has it."""
        try:
            return await self.control.call("GET", f"/ses/identities/{name}")
        except SandboxRefused:
            return None

    async def age_at_ses(self, name: str, by: timedelta) -> None:
        """Lets time pass for an identity at SES."""
        try:
            await self.control.call("POST", f"/ses/identities/{name}/age", {"seconds": by.total_seconds()})
        except SandboxRefused:
            return  # it is not there, and grows no older

    async def remove_by_hand(self, name: str) -> None:
        """Deletes an identity at SES, as somebody may at the AWS console."""
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
        """Waits until verifier has read SES's whole list once more."""
        begun = await self.pool.fetchval(
            "UPDATE verifier.ses_account SET sweep_due_at = now() RETURNING now()"
        )
        read = "SELECT bool_and(swept_at > $1) FROM verifier.ses_account"
        await eventually(lambda: self.pool.fetchval(read, begun), REST_WITHIN)

    async def sweep(self) -> None:
        """Has SES's list read every few seconds: hours pass here in a moment."""
        while True:
            await asyncio.sleep(SWEEP_SECONDS)
            await self.pool.execute(SWEEP)


@asynccontextmanager
async def a_ground(home: Path) -> AsyncIterator[Ground]:
    """A fresh installation whose every commit is written down."""
    often = {"LETTERHEAD_AWS_CONTROL_INTERVAL": "0.01"}
    sandbox = {
        "LETTERHEAD_SANDBOX_CONTROL_RATE": "0",
        "LETTERHEAD_SANDBOX_CHECK_INTERVAL": "0.5",
        "LETTERHEAD_SANDBOX_OWN_KEYS": "false",
    }
    home.mkdir()
    async with AsyncExitStack() as stack:
        world = await stack.enter_async_context(
            a_world(home / "world", 1, identity=often, verifier=often | PATIENT, sandbox=sandbox)
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
        database = await stack.enter_async_context(
            FreshDatabase(world.stack.postgres, DATABASE).open("identity")
        )
        ownership = OwnershipStore(database, Outbox("identity"), inbound_mx=None)
        ground = Ground(world, control, pool, ageing, database, ownership, nurseries, identity, verifier)
        tasks = [asyncio.create_task(each) for each in (ground.watch(), ground.sweep())]
        try:
            yield ground
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
