"""Domains that live while a service is killed, from creation to deletion, and what was done to them twice."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TypeVar
from uuid import uuid4

from cli.until import until
from letterhead.identity.v1.domains_pb2 import (
    CreateDomainRequest,
    DeleteDomainRequest,
    DnsRecord,
    Domain,
    GetDomainRequest,
)
from letterhead.verifier.v1.verifier_pb2 import VerifyDomainRequest
from tests.chaos.truth import database
from tests.e2e.conftest import World
from tests.waiting import eventually

AT_ONCE = 40
LOOK_SECONDS = 1  # so that looking is no load itself
# From the last kill on, for each stage: a look that a dead verifier had begun is another's after 30 s.
STAGE_TAKES = timedelta(minutes=3)
STAGES = ("domain.created", "domain.provisioned", "domain.ready", "domain.deleted")
TOLD = """
    SELECT resource, subject, count(*) FROM (
        SELECT resource, subject FROM identity.outbox UNION ALL SELECT resource, subject FROM verifier.outbox
    ) AS told
    WHERE resource = ANY ($1) AND subject LIKE 'domain.%' GROUP BY resource, subject
"""
LEFT_AT_SES = "SELECT count(*) FROM identity.ses_identities WHERE name = ANY ($1) AND state <> 'ABSENT'"

T = TypeVar("T")


@dataclass(frozen=True)
class Lived:
    """The verdict over some domains; of those `astray`, some stage was told never or more than once."""

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
        """Whether every promise was kept."""
        return not (self.astray or self.made_twice or self.left_at_ses)


@dataclass
class Lives:
    """Domains of one tenant, several at once; each new one begins where one has ended."""

    world: World
    names: list[str] = field(default_factory=list)
    over: asyncio.Event = field(default_factory=asyncio.Event)

    async def one_after_the_other(self) -> None:
        """Lives on until it is over."""
        while not self.over.is_set():
            name = f"inbox.d{uuid4().hex[:10]}.ai"
            self.names.append(name)
            await self._live(name)

    async def go_on(self) -> None:
        """There is always one that comes by; nothing need be done for it."""

    async def verdict(self) -> Lived:
        """Holds what was told of them, and what SES was asked, to what happened."""
        connection = await database(self.world)
        try:
            rows = await connection.fetch(TOLD, self.names)
            left = await connection.fetchval(LEFT_AT_SES, self.names)
        finally:
            await connection.close()
        told: dict[str, dict[str, int]] = {name: {} for name in self.names}
        for row in rows:
            told[row["resource"]][row["subject"]] = row["count"]
        once = dict.fromkeys(STAGES, 1)
        return Lived(
            domains=len(self.names),
            astray={name: counts for name, counts in told.items() if counts != once},
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
            f"{name} is let go", lambda: domains.DeleteDomain(DeleteDomainRequest(domain_id=domain_id))
        )
        await self._seen(domain_id, lambda domain: domain.state == Domain.STATE_DELETED)

    async def _is_ready(self, domain_id: str) -> bool:
        """Asks for a look as a customer would, who presses the button now and then."""
        await asyncio.sleep(LOOK_SECONDS)
        request = VerifyDomainRequest(domain_id=domain_id)
        await until("it is looked at", lambda: self.world.services.verifier.VerifyDomain(request))
        return (await self._get(domain_id)).state == Domain.STATE_READY

    async def _seen(self, domain_id: str, fits: Callable[[Domain], bool]) -> Domain:
        async def look() -> Domain | None:
            await asyncio.sleep(LOOK_SECONDS)
            domain = await self._get(domain_id)
            return domain if fits(domain) else None

        return await self._eventually(look)

    async def _eventually(self, look: Callable[[], Awaitable[T | None]]) -> T:
        """Waits for as long as kills go on, each of which may undo progress, and within bounds afterwards."""
        while not self.over.is_set():
            if found := await look():
                return found
        return await eventually(look, STAGE_TAKES)

    async def _get(self, domain_id: str) -> Domain:
        request = GetDomainRequest(domain_id=domain_id)
        answer = await until("it is shown", lambda: self.world.services.domains.GetDomain(request))
        return answer.domain


@asynccontextmanager
async def living(world: World) -> AsyncIterator[Lives]:
    """Domains live while the block runs; at its end, those that have begun are lived to theirs."""
    lives = Lives(world)
    async with asyncio.TaskGroup() as group:
        for _ in range(AT_ONCE):
            group.create_task(lives.one_after_the_other())
        try:
            yield lives
        finally:
            lives.over.set()
