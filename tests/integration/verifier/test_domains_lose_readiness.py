"""What moves a READY domain to DEGRADED or LOST, what does not, and how it recovers."""

from datetime import timedelta

import asyncpg
import pytest

from letterhead.identity.v1.domain_reason_pb2 import DOMAIN_REASON_RECORDS_GONE
from letterhead.verifier.v1.verifier_pb2 import SesAccount
from tests.factories import Domain
from tests.integration.verifier.world import Tenant, World, state_name, statuses
from tests.waiting import eventually

SIX_HOURS_OF_FAILED_CHECKS = (
    "failed_checks = 3, first_failed_at = now() - interval '7 hours', next_check_at = now()"
)


async def check_again(world: World, tenant: Tenant, domain: Domain) -> None:
    """Request a DNS check and wait until it has ended."""
    before = (await tenant.known(domain)).check_time.ToDatetime()
    await tenant.verify(domain)

    async def later() -> bool:
        return (await tenant.known(domain)).check_time.ToDatetime() > before

    await eventually(later)


async def query_ses_again(world: World, tenant: Tenant, domain: Domain) -> None:
    """Make the SES query due and wait for SES's response."""
    before = (await tenant.known(domain)).ses.check_time.ToDatetime()
    await world.age(domain, "ses_due_at = now()")

    async def later() -> bool:
        return (await tenant.known(domain)).ses.check_time.ToDatetime() > before

    await eventually(later)


@pytest.mark.parametrize(
    ("statuses", "cause"),
    [
        ({"verified_for_sending": False}, "No longer verified: the sending status in SES."),
        ({"dkim_status": "FAILED"}, "No longer verified: DKIM in SES and the sending status in SES."),
        ({"mail_from_status": "FAILED"}, "No longer verified: the return path in SES."),
    ],
    ids=["not verified", "DKIM failed", "MAIL FROM failed"],
)
async def test_a_failure_reported_by_ses_degrades_a_domain_at_once(
    world: World, tenant: Tenant, statuses: dict[str, object], cause: str
) -> None:
    domain = await world.a_ready_domain(tenant)

    await world.at_ses(domain, **statuses)
    await world.age(domain, "ses_due_at = now()")

    await tenant.reaches(domain, "DEGRADED")
    (event,) = await eventually(lambda: world.events("domain.degraded", domain))
    assert event["data"]["message"] == cause
    assert (await tenant.known(domain)).HasField("deadline_time")


async def test_the_sweep_detects_a_failed_verification(world: World, tenant: Tenant) -> None:
    """The domain itself is not due for a query; the list of identities shows the change."""
    domain = await world.a_ready_domain(tenant)
    await world.at_ses(domain, verification_status="FAILED", verified_for_sending=False)

    await world.sweep_now()

    await tenant.reaches(domain, "DEGRADED")


async def test_repeated_failed_checks_degrade_a_domain(world: World, tenant: Tenant) -> None:
    domain = await world.a_ready_domain(tenant)
    await world.withdraw(domain, "TXT")

    await check_again(world, tenant, domain)
    assert await tenant.state(domain) == "READY"
    await world.age(domain, SIX_HOURS_OF_FAILED_CHECKS)

    await tenant.reaches(domain, "DEGRADED")
    known = await tenant.known(domain)
    assert "Waiting for 1 of 5 records in DNS: SPF." in known.state_message
    assert "Email can still be sent from this domain, with its DKIM signature." in known.state_message


async def test_a_ready_domain_reports_records_that_are_gone_and_by_when_to_restore_them(
    world: World, tenant: Tenant
) -> None:
    domain = await world.a_ready_domain(tenant)
    before = await tenant.known(domain)
    await world.withdraw(domain, "CNAME")

    await check_again(world, tenant, domain)

    known = await tenant.known(domain)
    assert state_name(known.state) == "READY"
    assert known.state_reason == DOMAIN_REASON_RECORDS_GONE
    assert known.state_message.startswith("The domain can send, but 3 of 5 records are gone or wrong")
    assert known.sending.own_name
    assert known.sending.account_state == SesAccount.STATE_READY
    assert not before.HasField("degrade_time")
    left = known.degrade_time.ToDatetime() - known.check_time.ToDatetime()
    assert timedelta(hours=5, minutes=59) < left <= timedelta(hours=6)


async def test_a_degraded_domain_without_dkim_does_not_send(world: World, tenant: Tenant) -> None:
    domain = await world.a_ready_domain(tenant)
    await world.withdraw(domain, "CNAME")
    await check_again(world, tenant, domain)
    await world.age(domain, SIX_HOURS_OF_FAILED_CHECKS)

    await tenant.reaches(domain, "DEGRADED")

    known = await tenant.known(domain)
    assert not known.sending.own_name
    assert not known.HasField("degrade_time")


@pytest.mark.parametrize("kind", ["servfail", "timeout", "refused", "lame", "garbage", "wrong_id"])
async def test_failing_name_servers_do_not_degrade_a_domain(world: World, tenant: Tenant, kind: str) -> None:
    domain = await world.a_ready_domain(tenant)
    await world.internet.control.call("POST", "/dns/faults", {"zone": domain.name, "kind": kind})
    await world.age(domain, SIX_HOURS_OF_FAILED_CHECKS)

    async def unreachable() -> bool:
        return statuses(await tenant.known(domain)) == ["UNREACHABLE"] * 5

    await eventually(unreachable, timedelta(seconds=20))
    assert await tenant.state(domain) == "READY"
    assert len(await tenant.transitions(domain)) == 2


@pytest.mark.parametrize("kind", ["throttle", "error_500", "error_503", "reset_before", "half_answer"])
async def test_a_failed_ses_query_is_repeated_and_changes_no_state(
    world: World, tenant: Tenant, kind: str
) -> None:
    domain = await world.a_ready_domain(tenant)
    await world.at_ses(domain, verified_for_sending=False)
    await world.fault("GetEmailIdentity", kind, count=1)

    await world.age(domain, "ses_due_at = now()")

    async def queried_twice() -> bool:
        ledger = await world.internet.control.ledger()
        queries = [each for each in ledger["controls"] if each["operation"] == "GetEmailIdentity"]
        return len(queries) >= 2

    await eventually(queried_twice)
    await tenant.reaches(domain, "DEGRADED")
    assert len(await tenant.transitions(domain)) == 3


async def test_a_degraded_domain_becomes_ready_when_all_conditions_are_met(
    world: World, tenant: Tenant
) -> None:
    domain = await world.a_ready_domain(tenant)
    await world.at_ses(domain, mail_from_status="FAILED")
    await world.age(domain, "ses_due_at = now()")
    await tenant.reaches(domain, "DEGRADED")

    await world.at_ses(domain, mail_from_status="SUCCESS")
    await query_ses_again(world, tenant, domain)

    await tenant.reaches(domain, "READY")
    ready = await eventually(lambda: world.events("domain.ready", domain))
    assert [event["data"]["previousState"] for event in ready][-1] == "STATE_DEGRADED"


async def test_a_degraded_domain_is_lost_after_its_deadline_and_can_recover(
    world: World, tenant: Tenant
) -> None:
    domain = await world.a_ready_domain(tenant)
    await world.withdraw(domain, "CNAME")
    await check_again(world, tenant, domain)
    await world.age(domain, SIX_HOURS_OF_FAILED_CHECKS)
    await tenant.reaches(domain, "DEGRADED")

    await world.age(domain, "deadline_at = now(), next_check_at = now()")
    await tenant.reaches(domain, "LOST")
    (event,) = await eventually(lambda: world.events("domain.lost", domain))
    assert event["data"]["previousState"] == "STATE_DEGRADED"

    await world.publish(domain)
    await tenant.verify(domain)
    await tenant.reaches(domain, "READY")


async def test_a_pending_domain_fails_after_its_deadline_and_can_recover(
    world: World, tenant: Tenant
) -> None:
    domain = await world.a_domain(tenant)
    await tenant.reaches(domain, "PENDING")
    await check_again(world, tenant, domain)

    await world.age(domain, "deadline_at = now(), next_check_at = now()")
    await tenant.reaches(domain, "FAILED")
    (event,) = await eventually(lambda: world.events("domain.failed", domain))
    assert "Not ready within 72 hours" in event["data"]["message"]
    failed = await tenant.known(domain)
    assert not failed.HasField("next_check_time")
    assert not failed.HasField("deadline_time")

    asked = await tenant.verify(domain)
    assert asked.HasField("next_check_time")
    assert asked.HasField("deadline_time")
    await world.publish(domain)
    await tenant.verify(domain)
    await tenant.reaches(domain, "READY")


async def test_repeated_verify_calls_count_as_one_failed_check(world: World, tenant: Tenant) -> None:
    domain = await world.a_ready_domain(tenant)
    await world.withdraw(domain, "CNAME")

    for _ in range(5):
        await check_again(world, tenant, domain)

    assert await tenant.state(domain) == "READY"
    (row,) = await world.database.fetch("SELECT failed_checks FROM verifier.verifications")
    assert row["failed_checks"] == 1


async def test_a_domain_is_not_degraded_while_a_sender_holds_the_claim_lock(
    world: World, tenant: Tenant
) -> None:
    domain = await world.a_ready_domain(tenant)
    sender = await asyncpg.connect(world.database.url("sender"))
    async with sender.transaction():
        await sender.execute("SELECT pg_advisory_xact_lock_shared(chassis.claim_lock($1))", domain.claim_id)
        await world.at_ses(domain, verified_for_sending=False)
        await world.age(domain, "ses_due_at = now()")

        async def waiting() -> bool:
            locks = await world.database.fetch(
                "SELECT FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
            )
            return bool(locks)

        await eventually(waiting)
        states = await sender.fetch("SELECT state FROM verifier.verifications")
        assert [row["state"] for row in states] == ["READY"]
    await sender.close()

    await tenant.reaches(domain, "DEGRADED")
