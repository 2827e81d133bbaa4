"""A domain becomes READY, as seen by its owner and by subscribers on NATS."""

from letterhead.identity.v1.domain_reason_pb2 import DomainReason
from services.verifier.model.records import RecordStatus
from tests.integration.verifier.world import Tenant, World, state_name, statuses
from tests.waiting import eventually

READY_MESSAGE = "The domain is verified and can send."


async def test_an_owner_watches_a_domain_become_ready(world: World, tenant: Tenant) -> None:
    domain = await world.a_domain(tenant)
    stream = tenant.watch(domain)
    first = (await stream.read()).verification

    await world.publish(domain)
    seen = [first]
    while state_name(seen[-1].state) != "READY":
        seen.append((await stream.read()).verification)
    stream.cancel()

    assert state_name(first.state) == "PENDING"
    assert {state_name(each.state) for each in seen[:-1]} == {"PENDING"}
    assert statuses(seen[-1]) == ["FOUND"] * 5
    assert seen[-1].state_message == READY_MESSAGE
    assert not seen[-1].HasField("deadline_time")


async def test_a_ready_domain_publishes_an_event(world: World, tenant: Tenant) -> None:
    domain = await world.a_ready_domain(tenant)

    async def published() -> list[dict[str, object]]:
        return await world.events("domain.ready", domain)

    (event,) = await eventually(published)
    assert event["tenantid"] == str(tenant.id)
    assert event["subject"] == domain.name
    assert event["data"] == {
        "domain": {
            "id": str(domain.claim_id),
            "name": domain.name,
            "tenantId": str(tenant.id),
            "generation": "1",
        },
        "previousState": "STATE_PENDING",
        "message": "DKIM and the return path are verified in DNS and by SES.",
        "reason": "DOMAIN_REASON_VERIFIED",
    }


async def test_an_owner_sees_which_records_are_missing(world: World, tenant: Tenant) -> None:
    domain = await world.a_domain(tenant)

    async def checked() -> bool:
        return statuses(await tenant.known(domain)) == [RecordStatus.MISSING] * 5

    await eventually(checked)
    known = await tenant.known(domain)
    assert state_name(known.state) == "PENDING"
    assert known.state_message.startswith("Waiting for 5 of 5 records in DNS: DKIM, return path and SPF.")
    assert all("registry does not list" in record.message for record in known.records)
    assert known.HasField("deadline_time")
    assert known.HasField("next_check_time")
    assert not known.ses.HasField("check_time")


async def test_ses_is_not_queried_before_all_dns_records_are_found(world: World, tenant: Tenant) -> None:
    domain = await world.a_domain(tenant)
    await world.publish(domain, without="TXT")

    await tenant.verify(domain)

    async def checked() -> bool:
        return statuses(await tenant.known(domain)) == ["FOUND"] * 4 + ["MISSING"]

    await eventually(checked)
    ledger = await world.internet.control.ledger()
    assert "GetEmailIdentity" not in {each["operation"] for each in ledger["controls"]}


async def test_the_history_lists_each_state_change(world: World, tenant: Tenant) -> None:
    domain = await world.a_ready_domain(tenant)

    history = await tenant.transitions(domain)

    assert [(state_name(each.from_state), state_name(each.to_state)) for each in history] == [
        ("PENDING", "READY"),
        ("UNSPECIFIED", "PENDING"),
    ]


async def test_a_verified_parent_does_not_make_its_subdomain_ready(world: World, tenant: Tenant) -> None:
    """SES reports the subdomain as verified because of its parent, although its own DKIM is missing."""
    parent = await world.a_ready_domain(tenant)
    child = await world.a_domain(tenant, f"inbox.{parent.name}")
    await world.at_ses(child, verification_status="SUCCESS", verified_for_sending=True)
    await world.publish(child)
    await world.withdraw(child, "CNAME")

    await world.sweep_now()
    await tenant.verify(child)

    async def queried() -> bool:
        return (await tenant.known(child)).ses.verified_for_sending

    await eventually(queried)
    assert await tenant.state(child) == "PENDING"


async def test_a_claim_that_must_prove_ownership_learns_nothing_about_other_tenants(
    world: World, tenant: Tenant
) -> None:
    """The message is the same without another tenant, when the records existed before they were shown."""
    domain = await world.a_domain(tenant)
    await world.publish(domain)
    await world.database.execute(
        "UPDATE identity.claims SET ownership = 'PROOF_DUE', ownership_token = 'abc' WHERE id = $1",
        domain.claim_id,
    )

    await tenant.verify(domain)

    async def checked() -> bool:
        return statuses(await tenant.known(domain)) == ["MISSING", *["FOUND"] * 5]

    await eventually(checked)
    known = await tenant.known(domain)
    assert state_name(known.state) == "PENDING"
    assert known.state_reason == DomainReason.DOMAIN_REASON_PROOF_DUE
    assert known.state_message.startswith("Publish the TXT record shown")
    assert world.repairs.asked == []
