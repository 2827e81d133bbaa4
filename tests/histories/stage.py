"""The names, tenants and DNS zone of one history, with the reads and checks that its steps use."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any, Self
from uuid import UUID

import grpc

from chassis.ids import uuid7
from cli.polling import until
from letterhead.identity.v1.domains_pb2 import DnsRecord, Domain, GetDomainRequest
from tests.histories import journal
from tests.histories.clock import OwnTime
from tests.histories.demands import proof_is_due
from tests.histories.ground import Ground, Tenant
from tests.histories.oracle import Action, Observed, Rule, Seen, Violation
from tests.histories.played import Played
from tests.histories.stories import Step, Story, Target, Who
from tests.histories.zone import Line, Zone

UNDECIDED_TRIES, UNDECIDED_HOURS = 20, 0.02  # time for retries after SES errors
RECORDS = 5  # required records of a domain that needs no proof
SUMMARY = """
    SELECT tenant_id, name, state, ownership FROM identity.domains
    WHERE name = ANY ($1) AND state NOT IN ('DELETING', 'DELETED') ORDER BY id
"""
INCONCLUSIVE = """
    SELECT EXISTS (
        SELECT FROM verifier.dkim_prechecks WHERE claim_id = $1 AND outcome = 'INCONCLUSIVE'
    )
"""
REJECTIONS = (
    grpc.StatusCode.FAILED_PRECONDITION,
    grpc.StatusCode.NOT_FOUND,
    grpc.StatusCode.ALREADY_EXISTS,
    grpc.StatusCode.INVALID_ARGUMENT,  # the name is the MAIL FROM domain of the tenant's own domain
)


class Stage:
    """The state of one history; `player.py` adds the steps."""

    def __init__(self, ground: Ground, story: Story, tenants: dict[Who, Tenant]) -> None:
        stem = f"h{story.seed}x{uuid7().hex[-8:]}"
        named = {
            Target.NAME: f"{stem}.com",
            Target.CHILD: f"app.{stem}.com",
            Target.BOUNCES: f"send.{stem}.com",
        }
        used = {step.target for step in story.steps}
        self.names = {target: name for target, name in named.items() if target in used}
        self.time = OwnTime(ground.ageing, list(self.names.values()))
        self.zone = Zone(ground.control, f"{stem}.com", f"trap-{stem}.com", self.time)
        self.observed = Observed(tokens=self.zone.spans)
        self.played = Played(story)
        self.ground = ground
        self.story = story
        self.tenants = tenants
        self.claims: dict[tuple[Who, Target], str] = {}
        self.first_page: dict[tuple[Who, Target], list[Line]] = {}
        self.flights: dict[tuple[Who, Target], UUID] = {}
        self.foreign: Any = None

    @classmethod
    async def of(cls, ground: Ground, story: Story) -> Self:
        """Return a history with new tenants."""
        return cls(ground, story, await ground.tenants())

    async def pass_time(self, hours: float) -> None:
        """Let time pass, wait until the services have caught up, and check which tenants may send."""
        by = timedelta(hours=hours)
        await self.time.move(by)
        for name in self.names.values():
            await self.ground.age_at_ses(name, by)
        await self.rest()
        able = await journal.may_send(self.ground.pool, list(self.names.values()))
        for target, name in self.names.items():
            if len(able[name]) > 1:
                self.find(Rule.TWO_SENDERS, f"{len(able[name])} tenants may send from {target.value}")

    async def decided(self, step: Step) -> None:
        """Wait until a new claim's page shows records, which may take retries of SES calls."""
        await self.rest()
        for _ in range(UNDECIDED_TRIES):
            domain = await self.get(step.who, step.target)
            if domain is None or domain.records or self.foreign:
                return
            await self.pass_time(UNDECIDED_HOURS)

    async def check_demand(self, step: Step, seen: list[Seen]) -> None:
        """Check that the new claim must prove itself exactly if the events before it require it."""
        at_ses = await self.ground.at_ses(self.names[step.target])
        if self.foreign or self.zone.odd or at_ses is None:
            return
        dkim_names = {f"{token}._domainkey.{self.names[step.target]}" for token in at_ses["tokens"]}
        found = any(line.name in dkim_names for line in self.zone.of(step.target))
        due = proof_is_due(step.who, step.target, seen, self.time.now(), dkim_stands=found)
        domain = await self.get(step.who, step.target)
        page = await self.page(step.who, step.target)
        proof = [line for line in page if line.token]
        right = len(page) == len(proof) == 1 if due else not proof and len(page) == RECORDS
        if due is False and await self._inconclusive(domain):
            self.played.inconclusive += 1
        elif not right:
            actual = f"{len(proof)} TXT and {len(page) - len(proof)} other records, {ownership_of(domain)}"
            self.find(
                Rule.WRONG_DEMAND,
                f"{step.who}'s page for {step.target.value} shows {actual}; proof required: {due}",
            )

    async def _inconclusive(self, domain: Domain) -> bool:
        """Return whether the precheck was inconclusive, which also requires proof."""
        return bool(await self.ground.pool.fetchval(INCONCLUSIVE, UUID(domain.id)))

    async def check_ses_after(self, name: str) -> None:
        at_ses = await self.ground.at_ses(name)
        if self.foreign and name == self.names[Target.NAME]:
            unchanged = ("created_at", "tags", "tokens", "mail_from_domain", "configuration_set")
            if at_ses is None or any(at_ses[each] != self.foreign[each] for each in unchanged):
                self.find(Rule.DELETED_AT_SES, f"the foreign identity {name} is {at_ses or 'deleted'}")
        elif at_ses is not None:
            self.find(Rule.LEFT_AT_SES, f"{name} is still at SES although it has no claim")

    async def page(self, who: Who, target: Target) -> list[Line]:
        domain = await self.get(who, target)
        lines = [line_of(record) for record in domain.records if record.required] if domain else []
        if lines:
            self.first_page.setdefault((who, target), lines)
        return lines

    async def token(self, step: Step) -> str | None:
        return next((line.token for line in await self.page(step.who, step.target) if line.token), None)

    async def get(self, who: Who, target: Target) -> Any:
        claim_id = self.claims.get((who, target))
        if claim_id is None:
            return None
        answer = await self.call(who, "GetDomain", GetDomainRequest(domain_id=claim_id))
        return answer.domain if answer else None

    async def call(self, who: Who, rpc: str, request: Any) -> Any:
        return await unless_refused(rpc, lambda: getattr(self.tenants[who], rpc)(request))

    async def rest(self) -> None:
        await self.ground.settled(list(self.names.values()))

    async def seen(self) -> list[Seen]:
        tenants = {tenant.id: who for who, tenant in self.tenants.items()}
        targets = {name: target for target, name in self.names.items()}
        return await journal.read(self.ground.pool, tenants, targets)

    async def summary(self) -> str:
        rows = await self.ground.pool.fetch(SUMMARY, list(self.names.values()))
        tenants = {tenant.id: who for who, tenant in self.tenants.items()}
        targets = {name: target for target, name in self.names.items()}
        return ", ".join(
            f"{tenants[row['tenant_id']]} {row['state']}/{row['ownership']}{_where(targets[row['name']])}"
            for row in rows
        )

    def do(self, step: Step) -> None:
        claim_id = self.claims.get((step.who, step.target))
        self.observed.actions.append(
            Action(self.time.now(), step.kind, step.target, step.who, UUID(claim_id) if claim_id else None)
        )

    def undo(self, remark: str) -> str:
        self.observed.actions.pop()
        return remark

    def find(self, rule: Rule, text: str) -> None:
        self.observed.found.append(Violation(rule, self.time.now(), text))

    def note(self, line: str) -> None:
        self.played.lines.append(f"  {self.time.hours():7.1f} h  {line}")


async def unless_refused(rpc: str, call: Callable[[], Awaitable[Any]]) -> Any:
    """Call, with retries while a killed service restarts; return None if the call is rejected."""
    try:
        return await until(f"{rpc} responds", call)
    except grpc.aio.AioRpcError as error:
        if error.code() in REJECTIONS:
            return None
        raise


def line_of(record: DnsRecord) -> Line:
    """Return a record as a person copies it from the page."""
    type_ = DnsRecord.Type.Name(record.type).removeprefix("TYPE_")
    return Line(type_, record.name, record.value, record.priority)


def ownership_of(domain: Domain) -> str:
    """Return the ownership status of a domain without its prefix."""
    return Domain.Ownership.Name(domain.ownership).removeprefix("OWNERSHIP_")


def _where(target: Target) -> str:
    return "" if target is Target.NAME else f" ({target.value})"
