"""New, changed and deleted claims, as identity writes them, and the claims of other tenants."""

import grpc
import pytest

from chassis.access import Scope
from chassis.database import open_database
from services.verifier.store.verifications import VerificationStore
from tests.factories import a_provisioned_domain
from tests.integration.verifier.world import Tenant, World, state_name, statuses
from tests.waiting import eventually

OTHER_TOKENS = ("newtok1", "newtok2", "newtok3")


async def test_a_domain_keeps_sending_with_new_records_but_the_same_tokens(
    world: World, tenant: Tenant
) -> None:
    domain = await world.a_ready_domain(tenant)

    domain = await world.new_generation(domain)

    await tenant.reaches(domain, "READY")
    history = [state_name(each.to_state) for each in await tenant.transitions(domain)]
    assert history == ["READY", "DEGRADED", "READY", "PENDING"]
    assert (await tenant.known(domain)).generation == 2


async def test_new_tokens_restart_verification(world: World, tenant: Tenant) -> None:
    domain = await world.a_ready_domain(tenant)

    domain = await world.new_generation(domain, OTHER_TOKENS)

    await tenant.reaches(domain, "PENDING")

    async def checked() -> bool:
        return statuses(await tenant.known(domain)) == ["MISSING"] * 3 + ["FOUND"] * 2

    await eventually(checked)
    assert (await tenant.known(domain)).generation == 2


async def test_a_deleted_domain_is_no_longer_checked(world: World, tenant: Tenant) -> None:
    domain = await world.a_ready_domain(tenant)
    watch = aiter(tenant.watch(domain))
    await anext(watch)

    for phase in ("DELETING", "DELETED"):
        await world.database.execute(
            "UPDATE identity.claims SET phase = $2, phase_at = now() WHERE id = $1", domain.claim_id, phase
        )
        await tenant.reaches(domain, phase)

    seen = [state_name(each.verification.state) async for each in watch]
    assert seen[-1] == "DELETED"
    assert await world.database.fetch("SELECT FROM verifier.verifications") == []
    assert len(await tenant.transitions(domain)) == 2
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await tenant.verify(domain)
    assert refused.value.code() is grpc.StatusCode.FAILED_PRECONDITION


async def test_a_domain_being_provisioned_has_state_provisioning(world: World, tenant: Tenant) -> None:
    domain = await a_provisioned_domain(world.database, tenant.id, phase="PROVISIONING")

    assert await tenant.state(domain) == "PROVISIONING"
    assert state_name((await tenant.verify(domain)).state) == "PROVISIONING"


async def test_a_check_that_ends_after_its_domain_was_superseded_schedules_no_other(
    world: World, tenant: Tenant
) -> None:
    domain = await world.a_ready_domain(tenant)
    superseded = "UPDATE identity.claims SET ownership = 'SUPERSEDED', generation = 2 WHERE id = $1"
    await world.database.execute(superseded, domain.claim_id)
    verification = "SELECT generation, next_check_at FROM verifier.verifications WHERE claim_id = $1"

    async def renewed() -> bool:
        (row,) = await world.database.fetch(verification, domain.claim_id)
        return bool(row["generation"] == 2)

    await eventually(renewed)
    async with open_database(world.database.settings("verifier"), application_name="verifier") as database:
        await VerificationStore(database).check_again(domain.claim_id, generation=1)

    (row,) = await world.database.fetch(verification, domain.claim_id)
    assert row["next_check_at"] is None


async def test_another_tenants_domain_is_not_found(world: World, tenant: Tenant) -> None:
    async with world.start() as channel:
        other = await world.tenant_at(channel)
        domain = await world.a_domain(tenant)

        for call in (other.known, other.verify, other.transitions):
            with pytest.raises(grpc.aio.AioRpcError) as refused:
                await call(domain)
            assert refused.value.code() is grpc.StatusCode.NOT_FOUND
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await other.watch(domain).read()
        assert refused.value.code() is grpc.StatusCode.NOT_FOUND


async def test_a_sending_key_cannot_read_verifications(world: World, tenant: Tenant) -> None:
    domain = await world.a_domain(tenant)
    async with world.start() as channel:
        sending = await world.tenant_at(channel, Scope.SENDING_ACCESS)

        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await sending.known(domain)

    assert refused.value.code() is grpc.StatusCode.PERMISSION_DENIED


async def test_the_history_is_paginated(world: World, tenant: Tenant) -> None:
    domain = await world.a_ready_domain(tenant)

    (newest,) = await tenant.transitions(domain, page_size=1)
    token = (await tenant.page(domain, page_size=1)).next_page_token
    (oldest,) = await tenant.transitions(domain, page_size=1, page_token=token)

    assert (state_name(newest.to_state), state_name(oldest.to_state)) == ("READY", "PENDING")
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await tenant.transitions(domain, page_token="garbage")
    assert refused.value.code() is grpc.StatusCode.INVALID_ARGUMENT
