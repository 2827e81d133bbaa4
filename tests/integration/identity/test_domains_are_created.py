"""A tenant asks for a domain: SES has it once, there are records to publish, and a retry is safe."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import grpc
import pytest

from chassis import config
from letterhead.identity.v1.domains_pb2 import (
    CreateDomainRequest,
    DnsRecord,
    Domain,
    GetDomainRequest,
    ListDomainsRequest,
)
from letterhead.identity.v1.tenants_pb2 import PauseTenantRequest
from tests.factories import REGION, a_name
from tests.integration.identity.callers import Caller, refused
from tests.integration.identity.conftest import Identity, set_up
from tests.internet import pretend_internet
from tests.stores import FreshDatabase
from tests.streams import FreshStream
from tests.waiting import eventually


async def test_a_domain_is_made_at_ses_and_its_records_are_returned(
    caller: Caller, identity: Identity
) -> None:
    name = a_name()

    domain = (await caller.domains.CreateDomain(CreateDomainRequest(name=name))).domain
    await identity.provisioned()

    assert (domain.name, domain.region, domain.mail_from_label) == (name, REGION, "send")
    assert (domain.state, domain.generation) == (Domain.STATE_PENDING, 1)
    at_ses = await identity.at_ses(name)
    assert at_ses["tags"] == {"letterhead": "letterhead"}
    assert at_ses["configuration_set"] == "letterhead"
    assert at_ses["mail_from_domain"] == f"send.{name}"
    dkim = [record.value for record in domain.records if record.purpose == DnsRecord.PURPOSE_DKIM]
    assert dkim == [f"{token}.{at_ses['signing_hosted_zone']}" for token in at_ses["tokens"]]
    assert [record.required for record in domain.records] == [True] * 5 + [False]


async def test_its_birth_is_told_in_events_and_kept_in_history(
    caller: Caller, database: FreshDatabase, stream: FreshStream
) -> None:
    domain = (await caller.domains.CreateDomain(CreateDomainRequest(name=a_name()))).domain

    events = await eventually(lambda: published(stream, 2))
    told = {event["type"]: event["data"]["domain"] for event in events}
    assert told.keys() == {"domain.created", "domain.provisioned"}
    assert told["domain.provisioned"] == {
        "id": domain.id,
        "name": domain.name,
        "tenantId": domain.tenant_id,
        "generation": "1",
    }
    rows = await database.fetch("SELECT from_phase, to_phase FROM identity.claim_transitions ORDER BY id")
    assert [tuple(row) for row in rows] == [(None, "PROVISIONING"), ("PROVISIONING", "ACTIVE")]


async def published(stream: FreshStream, count: int) -> list[dict[str, Any]] | None:
    events = await stream.published("domain.>")
    return events if len(events) >= count else None


async def test_an_idn_name_is_stored_as_a_labels_and_shown_as_typed(caller: Caller) -> None:
    typed = f"Bücher-{a_name('de')}."

    domain = (await caller.domains.CreateDomain(CreateDomainRequest(name=typed))).domain

    assert domain.name.startswith("xn--bcher-")
    assert domain.display_name == typed.removesuffix(".")
    found = await caller.domains.GetDomain(GetDomainRequest(name=typed.upper()))
    assert found.domain == domain


async def test_fifty_equal_requests_at_once_make_one_domain_and_one_identity(
    caller: Caller, identity: Identity, database: FreshDatabase
) -> None:
    request = CreateDomainRequest(name=a_name(), request_id="once")

    answers = await asyncio.gather(*(caller.domains.CreateDomain(request) for _ in range(50)))

    assert len({answer.domain.id for answer in answers}) == 1
    assert {answer.domain.state for answer in answers} == {Domain.STATE_PENDING}
    assert len(await identity.controls("CreateEmailIdentity")) == 1
    assert len(await database.fetch("SELECT FROM identity.claims")) == 1
    assert len(await database.fetch("SELECT FROM identity.outbox WHERE subject = 'domain.created'")) == 1


async def test_without_a_request_id_one_of_fifty_wins_and_the_others_are_told_of_it(caller: Caller) -> None:
    request = CreateDomainRequest(name=a_name())

    outcomes = await asyncio.gather(
        *(caller.domains.CreateDomain(request) for _ in range(50)), return_exceptions=True
    )

    made = [outcome for outcome in outcomes if not isinstance(outcome, BaseException)]
    assert len(made) == 1
    refusal = await refused(caller.domains.CreateDomain(request))
    assert (refusal.code, refusal.reason) == (grpc.StatusCode.ALREADY_EXISTS, "DOMAIN_EXISTS")
    assert refusal.metadata["domain_id"] == made[0].domain.id


async def test_a_request_id_stands_for_one_content(caller: Caller) -> None:
    name = a_name()
    first = await caller.domains.CreateDomain(CreateDomainRequest(name=name, request_id="r"))

    again = await caller.domains.CreateDomain(CreateDomainRequest(name=name.upper() + ".", request_id="r"))
    refusal = await refused(caller.domains.CreateDomain(CreateDomainRequest(name=a_name(), request_id="r")))

    assert again.domain.id == first.domain.id
    assert (refusal.code, refusal.reason) == (grpc.StatusCode.ALREADY_EXISTS, "REQUEST_ID_REUSED")


async def test_a_request_id_of_another_tenant_is_another(caller: Caller, other: Caller) -> None:
    mine = await caller.domains.CreateDomain(CreateDomainRequest(name=a_name(), request_id="r"))

    theirs = await other.domains.CreateDomain(CreateDomainRequest(name=a_name(), request_id="r"))

    assert mine.domain.id != theirs.domain.id


async def test_a_refused_request_leaves_its_id_free(caller: Caller) -> None:
    name = a_name()
    await caller.domains.CreateDomain(CreateDomainRequest(name=name))
    await refused(caller.domains.CreateDomain(CreateDomainRequest(name=name, request_id="r")))

    made = await caller.domains.CreateDomain(CreateDomainRequest(name=a_name(), request_id="r"))

    assert made.domain.id


async def test_two_replicas_make_each_identity_once(identity: Identity) -> None:
    names = [a_name() for _ in range(8)]

    async with identity.start() as first, identity.start() as second:
        callers = [await identity.a_caller(first), await identity.a_caller(second)]
        await asyncio.gather(
            *(
                callers[number % 2].domains.CreateDomain(CreateDomainRequest(name=name))
                for number, name in enumerate(names)
            )
        )

    created = await identity.controls("CreateEmailIdentity")
    assert sorted(each["name"] for each in created) == sorted(names)


async def test_sess_one_call_a_second_is_never_exceeded_by_two_replicas(
    identity: Identity, workspace: Path
) -> None:
    async with pretend_internet(workspace / "certificates", control_rate=1) as slow:
        await set_up(slow)
        await slow.control.call("POST", "/clock", {"advance_seconds": 2})  # the set-up's own call is past
        aws = replace(
            identity.settings.aws,
            aws_endpoint_url=slow.addresses.ses,
            aws_control_interval=config.AWS_CONTROL_INTERVAL,
        )
        changes = {"aws": aws, "provisioning_wait": timedelta(seconds=20)}
        async with identity.start(**changes) as first, identity.start(**changes) as second:
            callers = [await identity.a_caller(channel) for channel in (first, second, first, second)]
            answers = await asyncio.gather(
                *(each.domains.CreateDomain(CreateDomainRequest(name=a_name())) for each in callers)
            )
            await identity.provisioned()
        ledger = await slow.control.ledger()

    assert {answer.domain.state for answer in answers} == {Domain.STATE_PENDING}
    assert ledger["throttled"] == {}
    assert len(ledger["controls"]) == 8


async def test_a_create_gives_up_waiting_before_its_caller_does(caller: Caller, identity: Identity) -> None:
    await identity.fault("CreateEmailIdentity", "latency", latency_ms=1500)

    answer = await caller.domains.CreateDomain(CreateDomainRequest(name=a_name()), timeout=1)

    assert answer.domain.state == Domain.STATE_PROVISIONING
    assert answer.domain.state_note.endswith(".")
    assert not answer.domain.records


async def test_an_operator_creates_for_a_tenant(caller: Caller, admin: Caller) -> None:
    tenant_id = (await caller.domains.CreateDomain(CreateDomainRequest(name=a_name()))).domain.tenant_id
    name = a_name()

    await admin.domains.CreateDomain(CreateDomainRequest(tenant_id=tenant_id, name=name))

    listed = await caller.domains.ListDomains(ListDomainsRequest())
    assert listed.domains[0].name == name


async def test_a_paused_tenant_creates_nothing_and_reads_on(caller: Caller, admin: Caller) -> None:
    domain = (await caller.domains.CreateDomain(CreateDomainRequest(name=a_name(), request_id="r"))).domain
    await admin.tenants.PauseTenant(PauseTenantRequest(tenant_id=domain.tenant_id, reason="Complaints."))

    refusal = await refused(caller.domains.CreateDomain(CreateDomainRequest(name=a_name())))

    assert (refusal.code, refusal.reason) == (grpc.StatusCode.FAILED_PRECONDITION, "TENANT_PAUSED")
    assert "Complaints." in refusal.message
    assert (await caller.domains.GetDomain(GetDomainRequest(domain_id=domain.id))).domain == domain
    replay = CreateDomainRequest(name=domain.name, request_id="r")
    assert (await caller.domains.CreateDomain(replay)).domain.id == domain.id


async def test_a_tenant_has_its_fill_of_domains(identity: Identity) -> None:
    async with identity.start(domains_per_tenant=1) as channel:
        caller = await identity.a_caller(channel)
        await caller.domains.CreateDomain(CreateDomainRequest(name=a_name()))

        refusal = await refused(caller.domains.CreateDomain(CreateDomainRequest(name=a_name())))

    assert (refusal.code, refusal.reason) == (grpc.StatusCode.RESOURCE_EXHAUSTED, "TOO_MANY_DOMAINS")
    assert refusal.metadata["limit"] == "1"


async def test_the_record_for_receiving_is_shown_where_the_operator_receives(identity: Identity) -> None:
    async with identity.start(inbound_mx="mx.e2a.dev") as channel:
        caller = await identity.a_caller(channel)
        domain = (await caller.domains.CreateDomain(CreateDomainRequest(name=a_name()))).domain

    (inbound,) = [record for record in domain.records if record.purpose == DnsRecord.PURPOSE_INBOUND]
    assert (inbound.name, inbound.value, inbound.required) == (domain.name, "mx.e2a.dev", False)


@pytest.mark.parametrize("first", ["the return path", "the domain"])
async def test_a_return_path_is_never_a_domain_of_the_same_tenant(caller: Caller, first: str) -> None:
    name = a_name()
    one, two = CreateDomainRequest(name=name), CreateDomainRequest(name=f"send.{name}")
    before, after = (one, two) if first == "the return path" else (two, one)
    await caller.domains.CreateDomain(before)

    refusal = await refused(caller.domains.CreateDomain(after))

    assert (refusal.code, refusal.reason) == (grpc.StatusCode.INVALID_ARGUMENT, "INVALID_FIELD")
    assert refusal.fields.keys() == {"name" if after is two else "mail_from_label"}
    after.mail_from_label = "other"
    assert bool(after is one) == (await made(caller, after))


async def made(caller: Caller, request: CreateDomainRequest) -> bool:
    try:
        await caller.domains.CreateDomain(request)
    except grpc.aio.AioRpcError:
        return False
    return True


async def test_another_tenants_domain_is_no_collision(caller: Caller, other: Caller) -> None:
    name = a_name()
    await caller.domains.CreateDomain(CreateDomainRequest(name=name))

    answer = await other.domains.CreateDomain(CreateDomainRequest(name=f"send.{name}"))

    assert answer.domain.name == f"send.{name}"
