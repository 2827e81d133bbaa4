"""The DMARC policy of a READY domain changes while it sends email: its advice changes, and nothing else."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import cycle, islice, pairwise, product

import grpc
import pytest
from google.protobuf.field_mask_pb2 import FieldMask

from letterhead.events.v1.sent_as_pb2 import SentAs
from letterhead.identity.v1.domains_pb2 import (
    DmarcPolicy,
    DnsRecord,
    Domain,
    UpdateDomainRequest,
)
from letterhead.sender.v1.emails_pb2 import Email, GetEmailRequest
from letterhead.verifier.v1.verifier_pb2 import (
    GetVerificationRequest,
    ListTransitionsRequest,
    RecordCheck,
    Verification,
)
from services.verifier.servicer.mappers import without_times
from tests.e2e.conftest import World
from tests.e2e.ready_domains import a_ready_domain
from tests.figures import Figure
from tests.integration.sender.callers import a_request
from tests.waiting import eventually

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(1800)]

PAUSE = 0.1  # seconds between emails
READY_WITHIN = timedelta(seconds=60)
DMARC = DnsRecord.PURPOSE_DMARC
REPORTS = ["d-7f3a@reports.e2a.dev"]
POLICIES = (DmarcPolicy.POLICY_NONE, DmarcPolicy.POLICY_QUARANTINE, DmarcPolicy.POLICY_REJECT)


@dataclass
class Sending:
    """Emails sent one after the other: those accepted, when, and why others were not."""

    accepted: dict[str, float] = field(default_factory=dict)
    rejected: list[str] = field(default_factory=list)

    @property
    def longest_pause(self) -> float:
        """Return the longest time between two accepted emails, in seconds."""
        return max(after - before for before, after in pairwise(self.accepted.values()))


@asynccontextmanager
async def sending(world: World, name: str) -> AsyncIterator[Sending]:
    """Send emails from a domain while the block runs; a rejected one is not tried again."""
    sent, over = Sending(), asyncio.Event()
    task = asyncio.create_task(_send_until(over, world, name, sent))
    try:
        await eventually(lambda: len(sent.accepted) >= 5)
        yield sent
    finally:
        over.set()
        await task


async def _send_until(over: asyncio.Event, world: World, name: str, sent: Sending) -> None:
    while not over.is_set():
        try:
            request = a_request(f"agent@{name}", "success@simulator.amazonses.com")
            email = (await world.services.sender.SendEmail(request, timeout=30)).email
            sent.accepted[email.id] = time.monotonic()
        except grpc.aio.AioRpcError as error:
            sent.rejected.append(f"{error.code()}: {error.details()}")
        await asyncio.sleep(PAUSE)


def policies(changes: int) -> Iterator[DmarcPolicy]:
    """Return this number of policies, each different from the one before and the first from the default."""
    combined = product(([], REPORTS), (False, True), (DmarcPolicy.POLICY_UNSPECIFIED, *POLICIES), POLICIES)
    every = [
        DmarcPolicy(policy=policy, subdomain_policy=under, testing=testing, report_addresses=reports)
        for reports, testing, under, policy in combined
    ]
    return islice(cycle((*every[1:], every[0])), changes)


async def advise(world: World, domain_id: str, policy: DmarcPolicy) -> Domain:
    """Change a domain's DMARC policy."""
    request = UpdateDomainRequest(
        domain=Domain(id=domain_id, dmarc_policy=policy), update_mask=FieldMask(paths=["dmarc_policy"])
    )
    domain: Domain = (await world.services.domains.UpdateDomain(request)).domain
    return domain


async def the_gate(world: World, domain: Domain) -> tuple[object, ...]:
    """Return everything that readiness depends on, as GetDomain and GetVerification show it."""
    known = without_times(await _verification(world, domain.id))
    required = [check for check in known.records if check.record.required]
    del known.records[:]
    known.records.extend(required)
    shown = tuple(str(record) for record in domain.records if record.required)
    return domain.state, domain.generation, domain.state_time.ToNanoseconds(), shown, str(known)


async def _verification(world: World, domain_id: str) -> Verification:
    request = GetVerificationRequest(domain_id=domain_id)
    known: Verification = (await world.services.verifier.GetVerification(request)).verification
    return known


async def _history(world: World, domain: Domain) -> list[str]:
    request = ListTransitionsRequest(domain_id=domain.id)
    return [str(each) for each in (await world.services.verifier.ListTransitions(request)).transitions]


async def _sent_as(world: World, email_id: str) -> "SentAs.ValueType":
    async def sent() -> Email | None:
        email: Email = (await world.services.sender.GetEmail(GetEmailRequest(email_id=email_id))).email
        return email if email.state == Email.STATE_SENT else None

    return (await eventually(sent, timedelta(seconds=120))).sent_as


def dmarc_of(domain: Domain) -> str:
    """Return the DMARC record that a domain shows."""
    (value,) = [record.value for record in domain.records if record.purpose == DMARC]
    return value


async def test_changes_of_advice_do_not_touch_a_ready_domain(
    world: World, advice_changes: int, figure: Figure
) -> None:
    domain = await a_ready_domain(world)
    gate, history = await the_gate(world, domain), await _history(world, domain)

    readings, records, started = set(), set(), time.monotonic()
    async with sending(world, domain.name) as sent:
        for policy in policies(advice_changes):
            domain = await advise(world, domain.id, policy)
            readings.add(await the_gate(world, domain))
            records.add(dmarc_of(domain))
    took = time.monotonic() - started

    async def advice_checked() -> bool:
        (check,) = [
            each for each in (await _verification(world, domain.id)).records if each.record.purpose == DMARC
        ]
        return check.record.value == dmarc_of(domain) and check.status != RecordCheck.STATUS_UNSPECIFIED

    await eventually(advice_checked)
    moved = len(await _history(world, domain)) - len(history)
    own = [await _sent_as(world, each) for each in sent.accepted].count(SentAs.SENT_AS_OWN)
    figure(
        f"{advice_changes} changes of a READY domain's DMARC policy in {took:.0f} s, {len(records)} different"
        f" records: {moved} state changes, {len(readings - {gate})} other readings of the gate;"
        f" {len(sent.accepted)} emails accepted, {len(sent.rejected)} rejected, {own} sent as the domain"
        f" itself, longest pause {sent.longest_pause:.2f} s"
    )
    assert (domain.advisory_revision, domain.generation) == (1 + advice_changes, 1)
    assert (moved, readings) == (0, {gate})
    assert (sent.rejected, own) == ([], len(sent.accepted))
