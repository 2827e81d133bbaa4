"""Play one history: participants act as the story says, and the DNS owner follows the pages."""

from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID

from chassis.ids import uuid7
from letterhead.identity.v1.domains_pb2 import (
    AdoptDomainRequest,
    CreateDomainRequest,
    DeleteDomainRequest,
    Domain,
    ReleaseDomainRequest,
)
from letterhead.verifier.v1.verifier_pb2 import VerifyDomainRequest
from tests.histories import journal
from tests.histories.ground import Ground
from tests.histories.oracle import READY_WITHIN, Action, Rule, Seen, violations
from tests.histories.played import Played
from tests.histories.stage import Stage, ownership_of, unless_refused
from tests.histories.stories import HALF, ONE_SERVER, STALE, Kind, Step, Story, Target
from tests.histories.zone import SERVERS

# Hours between the DNS owner's visits to the page; READY_WITHIN in total.
VISITS = (0.2, 1, 4, 67, *[0.1] * 8)
# Hours that pass at once.
STRIDES = (3, 10, 60, 96)
# After records were removed: up to the next regular check, and between the checks that confirm it.
WITHDRAWN_STRIDES = (7.5, 1.5, 2.5, 4, 24, 48, 96)
# The rows that sender stores before it submits an email to SES.
EMAIL = """
    INSERT INTO sender.emails (id, tenant_id, claim_id, from_address, subject, size, expires_at, state)
    VALUES ($1, $2, $3, $4, 'Hello', 1, now() + interval '1 day', 'SENDING')
"""
ATTEMPT = """
    INSERT INTO sender.attempts (id, email_id, tenant_id, claim_id, number, worker, leased_until)
    VALUES ($1, $2, $3, $4, 1, 'history', now() + interval '1 hour')
"""
OVER = (Domain.STATE_FAILED, Domain.STATE_LOST)
GONE = (Domain.STATE_DELETING, Domain.STATE_DELETED)


async def play(ground: Ground, story: Story) -> Played:
    """Play a history and clean up; return its result, including an error that ended it early."""
    player = await Player.of(ground, story)
    try:
        await player.begin()
        for step in story.steps:
            await player.take(step)
        await player.leave()
    except Exception as error:  # noqa: BLE001 - the error is part of the result, and other histories continue
        player.played.broken = f"after {player.played.lines[-1:]}: {error!r}"
    return await player.evaluate()


class Player(Stage):
    """A running history."""

    async def begin(self) -> None:
        """Create the zones, and prepare SES for the story."""
        await self.ground.ageing.begin(list(self.names.values()))
        one_server = any(step.variant == ONE_SERVER for step in self.story.steps)
        await self.zone.begin(
            SERVERS if one_server else SERVERS[:1]
        )  # a second one would double all DNS queries
        name = self.names[Target.NAME]
        if self.story.same_tokens:
            for each in self.names.values():
                await self.ground.control.call("PUT", f"/ses/identities/{each}/tokens")
        if self.story.foreign:
            body = {"names": [name], "tag": None}
            await self.ground.control.call("POST", "/ses/identities/seed", body)
            self.foreign = await self.ground.at_ses(name)

    async def take(self, step: Step) -> None:
        """Execute one step, and wait until the services have no more work to do for it."""
        action: Callable[[Step], Awaitable[str | None]] = getattr(self, f"_{step.kind.name.lower()}")
        remark = await action(step)
        if remark is not None:
            self.note(f"{step}: {remark}")
            return
        await self.rest()
        self.note(f"{step} → {await self.summary()}")

    async def leave(self) -> None:
        """Delete all remaining claims, and check that SES has no identity of ours left."""
        for who, target in list(self.flights):
            await self._landed(Step(Kind.LANDED, who, target))
        for who, target in list(self.claims):
            await self._delete(Step(Kind.DELETE, who, target))
        await self.rest()
        await self.ground.settled(list(self.names.values()))
        self.note("all tenants delete their remaining claims")
        for name in self.names.values():
            await self.check_ses_after(name)
        await self.zone.end()

    async def evaluate(self) -> Played:
        """Compare all committed states with the DNS owner's intent; return the result."""
        self.observed.seen = await self.seen()
        self.played.violations = violations(self.observed)
        self.played.hours = self.time.hours()
        for before, after in _changes(self.observed.seen):
            self.played.challenges += after.ownership == "CHALLENGED" != before.ownership
            self.played.supersessions += after.ownership == "SUPERSEDED" != before.ownership
            self.played.proofs += after.ownership == "PROVEN" != before.ownership
        return self.played

    async def _intend(self, step: Step) -> str:
        self.do(step)
        return "no action"

    async def _abandon(self, step: Step) -> str:
        self.observed.actions.append(Action(self.time.now(), step.kind, step.target))
        return "no action"

    async def _claim(self, step: Step) -> str | None:
        key = (step.who, step.target)
        if key in self.claims:
            return "the claim already exists"
        seen = await self.seen()
        request = CreateDomainRequest(name=self.names[step.target], request_id=uuid7().hex)
        domain = await self.call(step.who, "CreateDomain", request)
        if domain is None:
            return "rejected"
        self.claims[key] = domain.domain.id
        self.played.claims += 1
        await self.decided(step)
        await self.check_demand(step, seen)
        return None

    async def _delete(self, step: Step) -> str | None:
        claim_id = self.claims.pop((step.who, step.target), None)
        if claim_id is None:
            return "there is no claim"
        self.do(step)
        await self.call(step.who, "DeleteDomain", DeleteDomainRequest(domain_id=claim_id))
        return None

    async def _press(self, step: Step) -> str | None:
        claim_id = self.claims.get((step.who, step.target))
        if claim_id is None:
            return "there is no claim"
        done = await self.call(step.who, "VerifyDomain", VerifyDomainRequest(domain_id=claim_id))
        return None if done else "rejected"

    async def _follow(self, step: Step) -> str | None:
        page = await self.page(step.who, step.target)
        if not page:
            return "the page shows no records"
        lines = page
        if step.variant == STALE:
            lines = self.first_page[step.who, step.target]
        elif step.variant == HALF:
            lines = page[: (len(page) + 1) // 2]
        if set(lines) & set(page):  # otherwise these are the records of a former claim, whose token is void
            self.do(step)
        await self.zone.publish(step.target, lines, one_server=step.variant == ONE_SERVER)
        await self._press(step)
        return None

    async def _diligence(self, step: Step) -> str | None:
        for target in Target:
            await self.zone.plain(target)
        for who, target in list(self.flights):
            await self._landed(Step(Kind.LANDED, who, target))
        await self.rest()
        began = self.time.now()
        for hours in VISITS:
            if (await self._visit(step)).state == Domain.STATE_READY:
                break
            await self.pass_time(hours)
        domain = await self._visit(step)
        if domain.state == Domain.STATE_READY:
            waited = self.time.since(began).total_seconds() / 3600
            self.played.ready_after.append((ownership_of(domain), waited))
            return None
        shown = f"{Domain.State.Name(domain.state).removeprefix('STATE_')}, {ownership_of(domain)}"
        text = f"{step.who} is {shown} for {step.target.value} after {READY_WITHIN}: {domain.state_message}"
        self.find(Rule.LATE, text)
        return None

    async def _visit(self, step: Step) -> Any:
        """Do what the page says now; if the claim has ended, create it again first."""
        domain = await self.get(step.who, step.target)
        if domain is None or domain.state in GONE or ownership_of(domain) == "SUPERSEDED":
            await self._delete(step)
            await self.rest()
            await self._claim(step)
            domain = await self.get(step.who, step.target)
        self.do(step)  # even with nothing to publish: the records of a former claim may still be there
        page = await self.page(step.who, step.target)
        if await self.zone.publish(step.target, page) or domain.state in OVER:
            await self._press(step)
            await self.rest()
        return await self.get(step.who, step.target)

    async def _remove_txt(self, step: Step) -> str | None:
        seen = await self.seen()
        own = {each.token for each in seen if each.who is step.who and each.token}
        lines = [line for line in self.zone.tokens(step.target) if line.token in own]
        if not lines:
            return "there are no such records"
        await self.zone.withdraw(lines)
        return None

    async def _withdraw(self, step: Step) -> str | None:
        self.do(step)
        await self.zone.withdraw(self.zone.of(step.target))
        return None

    async def _wildcard(self, step: Step) -> str | None:
        token = await self.token(step)
        if token is None:
            return "the page shows no token"
        await self.zone.wildcard(step.target, self.names[step.target], step.variant, token)
        await self._press(step)
        return None

    async def _alias(self, step: Step) -> str | None:
        token = await self.token(step)
        if token is None:
            return "the page shows no token"
        await self.zone.alias(step.target, self.names[step.target], token)
        await self._press(step)
        return None

    async def _plain(self, step: Step) -> str | None:
        await self.zone.plain(step.target)
        return None

    async def _pass(self, step: Step) -> str | None:
        left, strides = step.hours, iter(STRIDES if self.zone.of(Target.NAME) else WITHDRAWN_STRIDES)
        while left > 0:
            stride = min(left, next(strides, STRIDES[-1]))
            await self.pass_time(stride)
            left -= stride
        return None

    async def _kill(self, step: Step) -> str | None:
        await self.ground.kill(step.variant)
        return None

    async def _remake(self, step: Step) -> str | None:
        self.do(step)
        await self.ground.remove_by_hand(self.names[step.target])
        await self.ground.swept()
        return None

    async def _flight(self, step: Step) -> str | None:
        key, claim_id = (step.who, step.target), self.claims.get((step.who, step.target))
        able = await journal.may_send(self.ground.pool, [self.names[step.target]])
        tenant_id = self.tenants[step.who].id
        if claim_id is None or key in self.flights or tenant_id not in able[self.names[step.target]]:
            return "the tenant cannot send from it"
        self.flights[key] = email_id = uuid7()
        email = (email_id, tenant_id, UUID(claim_id), f"agent@{self.names[step.target]}")
        await self.ground.pool.execute(EMAIL, *email)
        await self.ground.pool.execute(ATTEMPT, uuid7(), *email[:3])
        return None

    async def _landed(self, step: Step) -> str | None:
        email_id = self.flights.pop((step.who, step.target), None)
        if email_id is None:
            return "there is no such email"
        accepted = "UPDATE sender.attempts SET state = 'ACCEPTED', resolved_at = now() WHERE email_id = $1"
        await self.ground.pool.execute(accepted, email_id)
        await self.ground.pool.execute("UPDATE sender.emails SET state = 'SENT' WHERE id = $1", email_id)
        return None

    async def _release(self, step: Step) -> str | None:
        claim_id = self.claims.get((step.who, step.target))
        if claim_id is None:
            return "there is no claim"
        self.do(step)
        request = ReleaseDomainRequest(domain_id=claim_id, reason="the tenant moved to another name")
        return None if await self.call(step.who, "ReleaseDomain", request) else self.undo("rejected")

    async def _adopt(self, step: Step) -> str | None:
        claim_id = self.claims.get((step.who, step.target))
        if claim_id is None:
            return "there is no claim"
        self.do(step)
        request = AdoptDomainRequest(domain_id=claim_id, reason="the DNS owner telephoned")
        adopted = await unless_refused("AdoptDomain", lambda: self.ground.operator.AdoptDomain(request))
        return None if adopted else self.undo("rejected")


def _changes(seen: list[Seen]) -> list[tuple[Seen, Seen]]:
    latest: dict[UUID, Seen] = {}
    changes = []
    for each in seen:
        if each.claim_id in latest:
            changes.append((latest[each.claim_id], each))
        latest[each.claim_id] = each
    return changes
