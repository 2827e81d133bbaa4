"""Domains that go from creation to deletion while a service is killed, and the steps lost or repeated."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TypeVar
from uuid import uuid4

from cli.polling import until
from letterhead.identity.v1.domains_pb2 import (
    CreateDomainRequest,
    DeleteDomainRequest,
    DnsRecord,
    Domain,
    GetDomainRequest,
)
from letterhead.verifier.v1.verifier_pb2 import VerifyDomainRequest
from tests.chaos.outcomes import database
from tests.e2e.conftest import World
from tests.waiting import eventually

AT_ONCE = 40
POLL_SECONDS = 1  # long enough for polling not to be a load itself
# For each stage after the last kill: a DNS check that a dead verifier had started is taken over after 30 s.
STAGE_TAKES = timedelta(minutes=15)  # only against hanging
STAGES = ("domain.created", "domain.provisioned", "domain.ready", "domain.deleted")
EVENTS = """
    SELECT resource, subject, count(*) FROM (
        SELECT resource, subject FROM identity.outbox UNION ALL SELECT resource, subject FROM verifier.outbox
    ) AS events
    WHERE resource = ANY ($1) AND subject LIKE 'domain.%' GROUP BY resource, subject
"""
LEFT_AT_SES = "SELECT count(*) FROM identity.ses_identities WHERE name = ANY ($1) AND state <> 'ABSENT'"

T = TypeVar("T")


@dataclass(frozen=True)
class Lived:
    """The result for some domains; for those `astray`, the event of some stage was lost or repeated."""

    domains: int
    astray: dict[str, dict[str, int]]
    made_twice: int
    left_at_ses: int

    def __str__(self) -> str:
        return (
            f"{self.domains} domains from creation to deletion: {len(self.astray)} with an event lost or"
            f" doubled, {self.made_twice} made twice at SES, {self.left_at_ses} left there"
        )

    @property
    def clean(self) -> bool:
        """Return whether nothing was lost, repeated or left behind."""
        return not (self.astray or self.made_twice or self.left_at_ses)


@dataclass
class Lives:
    """Domains of one tenant, several at a time; each that ends is replaced by a new one."""

    world: World
    names: list[str] = field(default_factory=list)
    over: asyncio.Event = field(default_factory=asyncio.Event)

    async def one_after_the_other(self) -> None:
        """Take one domain after another from creation to deletion until `over` is set."""
        while not self.over.is_set():
            name = f"inbox.d{uuid4().hex[:10]}.ai"
            self.names.append(name)
            await self._live(name)

    async def go_on(self) -> None:
        """Do nothing: the domains provide work at every point by themselves."""

    async def outcome(self) -> Lived:
        """Compare the published events and the requests to SES with the stages of the domains."""
        connection = await database(self.world)
        try:
            rows = await connection.fetch(EVENTS, self.names)
            left = await connection.fetchval(LEFT_AT_SES, self.names)
        finally:
            await connection.close()
        events: dict[str, dict[str, int]] = {name: {} for name in self.names}
        for row in rows:
            events[row["resource"]][row["subject"]] = row["count"]
        once = dict.fromkeys(STAGES, 1)
        return Lived(
            domains=len(self.names),
            astray={name: counts for name, counts in events.items() if counts != once},
            made_twice=sum(count > 1 for count in (await self._made()).values()),
            left_at_ses=left,
        )

    async def _made(self) -> Counter[str]:
        controls = (await self.world.sandbox.ledger())["controls"]
        made = (
            each for each in controls if (each["operation"], each["status"]) == ("CreateEmailIdentity", 200)
        )
        return Counter(each["name"] for each in made)

    async def _live(self, name: str) -> None:
        domains = self.world.services.domains
        request = CreateDomainRequest(name=name, request_id=name)
        created = await until(f"{name} is created", lambda: domains.CreateDomain(request))
        domain_id = created.domain.id
        domain = await self._seen(domain_id, lambda domain: bool(domain.records))
        for record in domain.records:
            kind = DnsRecord.Type.Name(record.type).removeprefix("TYPE_")
            await self.world.sandbox.publish(kind, record.name, record.value, priority=record.priority)
        await self._eventually(lambda: self._is_ready(domain_id))
        await until(
            f"{name} is deleted", lambda: domains.DeleteDomain(DeleteDomainRequest(domain_id=domain_id))
        )
        await self._seen(domain_id, lambda domain: domain.state == Domain.STATE_DELETED)

    async def _is_ready(self, domain_id: str) -> bool:
        """Request a DNS check, as a customer would who presses the button now and then."""
        await asyncio.sleep(POLL_SECONDS)
        request = VerifyDomainRequest(domain_id=domain_id)
        await until("the check is requested", lambda: self.world.services.verifier.VerifyDomain(request))
        return (await self._get(domain_id)).state == Domain.STATE_READY

    async def _seen(self, domain_id: str, fits: Callable[[Domain], bool]) -> Domain:
        async def find() -> Domain | None:
            await asyncio.sleep(POLL_SECONDS)
            domain = await self._get(domain_id)
            return domain if fits(domain) else None

        return await self._eventually(find)

    async def _eventually(self, find: Callable[[], Awaitable[T | None]]) -> T:
        """Wait without a limit while kills go on, as each may undo progress; then at most STAGE_TAKES."""
        while not self.over.is_set():
            if found := await find():
                return found
        return await eventually(find, STAGE_TAKES)

    async def _get(self, domain_id: str) -> Domain:
        request = GetDomainRequest(domain_id=domain_id)
        answer = await until("the domain is read", lambda: self.world.services.domains.GetDomain(request))
        return answer.domain


@asynccontextmanager
async def living(world: World, at_once: int = AT_ONCE) -> AsyncIterator[Lives]:
    """Keep domains going while the context is open; at its end, let those that exist reach their deletion."""
    lives = Lives(world)
    async with asyncio.TaskGroup() as group:
        for _ in range(at_once):
            group.create_task(lives.one_after_the_other())
        try:
            yield lives
        finally:
            lives.over.set()
