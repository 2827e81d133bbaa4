"""SES errors: the domain shows the reason, no identity is created twice, and provisioning recovers."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from letterhead.identity.v1.domains_pb2 import (
    CreateDomainRequest,
    DeleteDomainRequest,
    Domain,
    GetDomainRequest,
)
from services.identity.config import SesSettings
from tests.factories import a_name
from tests.integration.identity.callers import Caller
from tests.integration.identity.conftest import Identity
from tests.waiting import eventually


async def create(caller: Caller, name: str, timeout: float = 3) -> Domain:  # noqa: ASYNC109 - passed to the rpc
    """Create a domain, waiting only briefly for SES."""
    domain: Domain = (
        await caller.domains.CreateDomain(CreateDomainRequest(name=name), timeout=timeout)
    ).domain
    return domain


async def shown(caller: Caller, domain: Domain) -> Domain:
    answer: Domain = (await caller.domains.GetDomain(GetDomainRequest(domain_id=domain.id))).domain
    return answer


async def noted(caller: Caller, domain: Domain, said: str) -> Domain | None:
    """Return the domain if its note contains the text, otherwise None."""
    now = await shown(caller, domain)
    return now if said in now.state_message else None


async def reached(caller: Caller, domain: Domain, state: Domain.State.ValueType) -> bool:
    return (await shown(caller, domain)).state == state


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("throttle", "SES throttled the request."),
        ("error_503", "SES in us-east-1 returned an error"),
        ("error_500", "SES in us-east-1 returned an error"),
        ("reset_before", "SES in us-east-1 did not respond."),
    ],
)
async def test_a_domain_shows_the_ses_error_and_recovers_automatically(
    caller: Caller, identity: Identity, kind: str, said: str
) -> None:
    await identity.fault("CreateEmailIdentity", kind)

    domain = await create(caller, a_name())

    domain = await eventually(lambda: noted(caller, domain, said))
    assert domain.state == Domain.STATE_PROVISIONING
    assert "Letterhead retries automatically" in domain.state_message
    await identity.end_faults()
    await eventually(lambda: reached(caller, domain, Domain.STATE_PENDING))
    assert (await shown(caller, domain)).state_message != domain.state_message


@pytest.mark.parametrize("kind", ["accept_then_500", "accept_then_reset", "half_answer"])
async def test_an_identity_whose_creation_got_no_response_is_found_and_not_created_twice(
    caller: Caller, identity: Identity, kind: str
) -> None:
    await identity.fault("CreateEmailIdentity", kind, count=1)

    domain = await create(caller, a_name())

    await eventually(lambda: reached(caller, domain, Domain.STATE_PENDING))
    await identity.provisioned()
    assert len(await identity.controls("CreateEmailIdentity", domain.name)) == 1
    assert (await identity.at_ses(domain.name))["mail_from_domain"] == f"send.{domain.name}"


async def test_an_incomplete_response_does_not_count_as_a_missing_identity(
    caller: Caller, identity: Identity
) -> None:
    domain = await create(caller, a_name())
    await identity.fault("GetEmailIdentity", "half_answer", count=1)

    await caller.domains.DeleteDomain(DeleteDomainRequest(domain_id=domain.id))

    await eventually(lambda: reached(caller, domain, Domain.STATE_DELETED))
    assert len(await identity.controls("GetEmailIdentity", domain.name)) == 2
    assert len(await identity.controls("DeleteEmailIdentity", domain.name)) == 1


async def test_an_incomplete_response_is_shown_and_the_identity_is_found_later(
    caller: Caller, identity: Identity
) -> None:
    for operation in ("CreateEmailIdentity", "GetEmailIdentity"):
        await identity.fault(operation, "half_answer")

    domain = await create(caller, a_name())

    await eventually(lambda: noted(caller, domain, "SES in us-east-1 returned an incomplete response."))
    await identity.end_faults()
    await eventually(lambda: reached(caller, domain, Domain.STATE_PENDING))
    assert len(await identity.controls("CreateEmailIdentity", domain.name)) == 1


async def test_an_unreachable_ses_is_shown(identity: Identity, free_tcp_port: int) -> None:
    aws = replace(identity.settings.aws, aws_endpoint_url=f"http://127.0.0.1:{free_tcp_port}")
    async with identity.start(aws=aws) as channel:
        caller = await identity.a_caller(channel)
        domain = await create(caller, a_name())

        await eventually(lambda: noted(caller, domain, "SES in us-east-1 did not respond."))


async def test_missing_credentials_are_shown(identity: Identity, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    async with identity.start() as channel:
        caller = await identity.a_caller(channel)
        domain = await create(caller, a_name())

        await eventually(lambda: noted(caller, domain, "no AWS credentials"))


async def test_a_missing_configuration_set_is_shown(identity: Identity) -> None:
    async with identity.start(ses=SesSettings(configuration_set="forgotten")) as channel:
        caller = await identity.a_caller(channel)
        domain = await create(caller, a_name())

        await eventually(lambda: noted(caller, domain, "Check that configuration set 'forgotten' exists"))


async def test_an_identity_that_is_not_ours_is_not_changed_until_it_is_tagged(
    caller: Caller, identity: Identity
) -> None:
    name = a_name()
    await identity.seed_at_ses(name, tag=None)
    before = await identity.as_made(name)

    domain = await create(caller, name)

    domain = await eventually(lambda: noted(caller, domain, "Letterhead did not create"))
    assert domain.state == Domain.STATE_PROVISIONING
    assert "letterhead=letterhead" in domain.state_message
    assert not domain.records
    assert await identity.as_made(name) == before
    await identity.change_at_ses(name, tags={"letterhead": "letterhead"})
    await eventually(lambda: reached(caller, domain, Domain.STATE_PENDING))
    assert (await identity.as_made(name))["tokens"] == before["tokens"]


async def test_an_identity_of_another_installation_is_not_deleted(caller: Caller, identity: Identity) -> None:
    name = a_name()
    await identity.seed_at_ses(name, tag="the-other-one")

    domain = await create(caller, name)
    await caller.domains.DeleteDomain(DeleteDomainRequest(domain_id=domain.id))

    await eventually(lambda: reached(caller, domain, Domain.STATE_DELETED))
    assert (await identity.at_ses(name))["tags"] == {"letterhead": "the-other-one"}


@pytest.mark.parametrize("operation", ["CreateEmailIdentity", "PutEmailIdentityMailFromAttributes"])
async def test_another_worker_continues_after_a_worker_was_killed_in_a_step(
    identity: Identity, operation: str
) -> None:
    """Without a drain, the step is cancelled during its SES call, which SES completes nevertheless."""
    name = a_name()
    await identity.fault(operation, "latency", latency_ms=500, count=1)
    server = replace(identity.settings.server, drain=timedelta(0))
    async with identity.start(server=server) as channel:
        asking = asyncio.create_task(create(await identity.a_caller(channel), name))
        await eventually(lambda: called(identity, operation))
    await asyncio.gather(asking, return_exceptions=True)
    await identity.let_leases_end()

    async with identity.start() as channel:
        admin = Caller(channel, identity.admin_token)
        domain = await the_only_domain(identity, admin)
        await eventually(lambda: reached(admin, domain, Domain.STATE_PENDING))
        await identity.provisioned()

    assert len(await identity.controls("CreateEmailIdentity")) == 1
    assert (await identity.at_ses(name))["mail_from_domain"] == f"send.{name}"


async def test_another_worker_continues_after_a_worker_was_killed_in_a_deletion(identity: Identity) -> None:
    server = replace(identity.settings.server, drain=timedelta(0))
    async with identity.start(server=server) as channel:
        caller = await identity.a_caller(channel)
        domain = await create(caller, a_name())
        await identity.fault("DeleteEmailIdentity", "latency", latency_ms=500, count=1)
        await caller.domains.DeleteDomain(DeleteDomainRequest(domain_id=domain.id))
        await eventually(lambda: called(identity, "DeleteEmailIdentity"))
    await identity.let_leases_end()

    async with identity.start() as channel:
        admin = Caller(channel, identity.admin_token)
        await eventually(lambda: reached(admin, domain, Domain.STATE_DELETED))

    assert len(await identity.controls("DeleteEmailIdentity")) == 1


async def called(identity: Identity, operation: str) -> bool:
    return bool(await identity.controls(operation))


async def the_only_domain(identity: Identity, admin: Caller) -> Domain:
    (row,) = await identity.database.fetch("SELECT id FROM identity.claims")
    return await shown(admin, Domain(id=str(row["id"])))


@pytest.mark.parametrize("operation", ["CreateEmailIdentity", "PutEmailIdentityMailFromAttributes"])
async def test_a_worker_whose_lease_expired_changes_nothing(identity: Identity, operation: str) -> None:
    """The first replica's lease expires during its SES call, so only the second replica's step counts."""
    await identity.fault(operation, "latency", latency_ms=700, count=1)
    async with identity.start() as first:
        asking = asyncio.create_task(create(await identity.a_caller(first), a_name(), timeout=30))
        await eventually(lambda: called(identity, operation))
        await identity.let_leases_end()
        async with identity.start():
            domain = await asking
            admin = Caller(first, identity.admin_token)
            await eventually(lambda: reached(admin, domain, Domain.STATE_PENDING))
            await identity.provisioned()

    rows = await identity.database.fetch("SELECT subject FROM identity.outbox ORDER BY id")
    assert [row["subject"] for row in rows] == ["domain.created", "domain.provisioned"]
    (row,) = await identity.database.fetch("SELECT lease_token FROM identity.ses_identities")
    assert row["lease_token"] >= 2
