"""CreateDomain creates one SES identity, returns the records to publish, and is safe to retry."""

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


async def test_a_domain_is_created_at_ses_and_its_records_are_returned(
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


async def test_a_new_domain_publishes_events_and_has_a_history(
    caller: Caller, database: FreshDatabase, stream: FreshStream
) -> None:
    domain = (await caller.domains.CreateDomain(CreateDomainRequest(name=a_name()))).domain

    events = await eventually(lambda: published(stream, 2))
    by_type = {event["type"]: event["data"]["domain"] for event in events}
    assert by_type.keys() == {"domain.created", "domain.provisioned"}
    assert by_type["domain.provisioned"] == {
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


async def test_fifty_equal_concurrent_requests_create_one_domain_and_one_identity(
    caller: Caller, identity: Identity, database: FreshDatabase
) -> None:
    request = CreateDomainRequest(name=a_name(), request_id="once")

    answers = await asyncio.gather(*(caller.domains.CreateDomain(request) for _ in range(50)))

    assert len({answer.domain.id for answer in answers}) == 1
    assert {answer.domain.state for answer in answers} == {Domain.STATE_PENDING}
    assert len(await identity.controls("CreateEmailIdentity")) == 1
    assert len(await database.fetch("SELECT FROM identity.claims")) == 1
    assert len(await database.fetch("SELECT FROM identity.outbox WHERE subject = 'domain.created'")) == 1


async def test_without_a_request_id_one_of_fifty_succeeds_and_the_others_get_its_id(caller: Caller) -> None:
    request = CreateDomainRequest(name=a_name())

    outcomes = await asyncio.gather(
        *(caller.domains.CreateDomain(request) for _ in range(50)), return_exceptions=True
    )

    made = [outcome for outcome in outcomes if not isinstance(outcome, BaseException)]
    assert len(made) == 1
    rejection = await refused(caller.domains.CreateDomain(request))
    assert (rejection.code, rejection.reason) == (grpc.StatusCode.ALREADY_EXISTS, "DOMAIN_EXISTS")
    assert rejection.metadata["domain_id"] == made[0].domain.id


async def test_a_request_id_can_be_used_for_one_content_only(caller: Caller) -> None:
    name = a_name()
    first = await caller.domains.CreateDomain(CreateDomainRequest(name=name, request_id="r"))

    again = await caller.domains.CreateDomain(CreateDomainRequest(name=name.upper() + ".", request_id="r"))
    rejection = await refused(caller.domains.CreateDomain(CreateDomainRequest(name=a_name(), request_id="r")))

    assert again.domain.id == first.domain.id
    assert (rejection.code, rejection.reason) == (grpc.StatusCode.ALREADY_EXISTS, "REQUEST_ID_REUSED")


async def test_request_ids_are_scoped_to_the_tenant(caller: Caller, other: Caller) -> None:
    mine = await caller.domains.CreateDomain(CreateDomainRequest(name=a_name(), request_id="r"))

    theirs = await other.domains.CreateDomain(CreateDomainRequest(name=a_name(), request_id="r"))

    assert mine.domain.id != theirs.domain.id


async def test_a_rejected_request_does_not_use_up_its_request_id(caller: Caller) -> None:
    name = a_name()
    await caller.domains.CreateDomain(CreateDomainRequest(name=name))
    await refused(caller.domains.CreateDomain(CreateDomainRequest(name=name, request_id="r")))

    made = await caller.domains.CreateDomain(CreateDomainRequest(name=a_name(), request_id="r"))

    assert made.domain.id


async def test_two_replicas_create_each_identity_once(identity: Identity) -> None:
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


async def test_two_replicas_stay_within_the_ses_limit_of_one_call_per_second(
    identity: Identity, workspace: Path
) -> None:
    async with pretend_internet(workspace / "certificates", control_rate=1) as slow:
        await set_up(slow)
        await slow.control.call(
            "POST", "/clock", {"advance_seconds": 2}
        )  # so that the call of set_up does not count
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


async def test_a_create_responds_before_the_callers_deadline(caller: Caller, identity: Identity) -> None:
    await identity.fault("CreateEmailIdentity", "latency", latency_ms=1500)

    answer = await caller.domains.CreateDomain(CreateDomainRequest(name=a_name()), timeout=1)

    assert answer.domain.state == Domain.STATE_PROVISIONING
    assert answer.domain.state_message.endswith(".")
    assert not answer.domain.records


async def test_an_operator_can_create_a_domain_for_a_tenant(caller: Caller, admin: Caller) -> None:
    tenant_id = (await caller.domains.CreateDomain(CreateDomainRequest(name=a_name()))).domain.tenant_id
    name = a_name()

    await admin.domains.CreateDomain(CreateDomainRequest(tenant_id=tenant_id, name=name))

    listed = await caller.domains.ListDomains(ListDomainsRequest())
    assert listed.domains[0].name == name


async def test_a_paused_tenant_can_read_but_not_create(caller: Caller, admin: Caller) -> None:
    domain = (await caller.domains.CreateDomain(CreateDomainRequest(name=a_name(), request_id="r"))).domain
    await admin.tenants.PauseTenant(PauseTenantRequest(tenant_id=domain.tenant_id, reason="Complaints."))

    rejection = await refused(caller.domains.CreateDomain(CreateDomainRequest(name=a_name())))

    assert (rejection.code, rejection.reason) == (grpc.StatusCode.FAILED_PRECONDITION, "TENANT_PAUSED")
    assert "Complaints." in rejection.message
    assert (await caller.domains.GetDomain(GetDomainRequest(domain_id=domain.id))).domain == domain
    replay = CreateDomainRequest(name=domain.name, request_id="r")
    assert (await caller.domains.CreateDomain(replay)).domain.id == domain.id


async def test_the_number_of_domains_per_tenant_is_limited(identity: Identity) -> None:
    async with identity.start(domains_per_tenant=1) as channel:
        caller = await identity.a_caller(channel)
        await caller.domains.CreateDomain(CreateDomainRequest(name=a_name()))

        rejection = await refused(caller.domains.CreateDomain(CreateDomainRequest(name=a_name())))

    assert (rejection.code, rejection.reason) == (grpc.StatusCode.RESOURCE_EXHAUSTED, "TOO_MANY_DOMAINS")
    assert rejection.metadata["limit"] == "1"


async def test_the_inbound_mx_record_is_shown_if_it_is_configured(identity: Identity) -> None:
    async with identity.start(inbound_mx="mx.e2a.dev") as channel:
        caller = await identity.a_caller(channel)
        domain = (await caller.domains.CreateDomain(CreateDomainRequest(name=a_name()))).domain

    (inbound,) = [record for record in domain.records if record.purpose == DnsRecord.PURPOSE_INBOUND]
    assert (inbound.name, inbound.value, inbound.required) == (domain.name, "mx.e2a.dev", False)


@pytest.mark.parametrize("first", ["the return path", "the domain"])
async def test_a_mail_from_domain_cannot_be_a_domain_of_the_same_tenant(caller: Caller, first: str) -> None:
    name = a_name()
    one, two = CreateDomainRequest(name=name), CreateDomainRequest(name=f"send.{name}")
    before, after = (one, two) if first == "the return path" else (two, one)
    await caller.domains.CreateDomain(before)

    rejection = await refused(caller.domains.CreateDomain(after))

    assert (rejection.code, rejection.reason) == (grpc.StatusCode.INVALID_ARGUMENT, "INVALID_FIELD")
    assert rejection.fields.keys() == {"name" if after is two else "mail_from_label"}
    after.mail_from_label = "other"
    assert bool(after is one) == (await made(caller, after))


async def made(caller: Caller, request: CreateDomainRequest) -> bool:
    try:
        await caller.domains.CreateDomain(request)
    except grpc.aio.AioRpcError:
        return False
    return True


async def test_a_mail_from_domain_may_be_a_domain_of_another_tenant(caller: Caller, other: Caller) -> None:
    name = a_name()
    await caller.domains.CreateDomain(CreateDomainRequest(name=name))

    answer = await other.domains.CreateDomain(CreateDomainRequest(name=f"send.{name}"))

    assert answer.domain.name == f"send.{name}"
