"""Records, states and their history carry a reason and its parameters beside the message."""

from letterhead.identity.v1 import domain_reason_pb2 as reasons
from letterhead.identity.v1.domains_pb2 import DnsRecord
from letterhead.verifier.v1 import verifier_pb2 as pb
from letterhead.verifier.v1.check_reason_pb2 import CheckReason
from tests.factories import Domain
from tests.integration.verifier.world import Tenant, World
from tests.waiting import eventually


async def checked(tenant: Tenant, domain: Domain, reason: str) -> pb.RecordCheck | None:
    """Return the check of a domain's MX record once it has this reason."""
    known = (await tenant.known(domain)).records
    records = [each for each in known if each.record.purpose == DnsRecord.PURPOSE_RETURN_PATH]
    return next(
        (each for each in records if each.reason == CheckReason.Value(f"CHECK_REASON_{reason}")), None
    )


async def test_a_record_has_the_names_and_values_of_its_message(world: World, tenant: Tenant) -> None:
    domain = await world.a_domain(tenant)
    await world.publish(domain, without="MX")
    await world.internet.control.publish("MX", f"send.{domain.name}", "mx.other.com", priority=10)

    await tenant.verify(domain)

    check = await eventually(lambda: checked(tenant, domain, "OTHER_TARGET"))
    assert (check.parameters.seen, check.parameters.value) == ("mx.other.com", check.record.value)
    assert {field.name for field, _ in check.parameters.ListFields()} == {"seen", "value"}
    assert check.message == f"Points to mx.other.com instead of {check.record.value}. Correct the value."
    known = await tenant.known(domain)
    assert known.state_reason == reasons.DOMAIN_REASON_WAITING_FOR_RECORDS
    assert (known.state_parameters.waiting_records, known.state_parameters.required_records) == (1, 5)
    assert list(known.state_parameters.purposes) == [DnsRecord.PURPOSE_RETURN_PATH]
    (first,) = await tenant.transitions(domain)
    assert (first.reason, first.message) == (
        reasons.DOMAIN_REASON_FIRST_CHECK_DUE,
        "Waiting for the first DNS check.",
    )


async def test_a_change_of_state_has_its_conditions(world: World, tenant: Tenant) -> None:
    domain = await world.a_ready_domain(tenant)

    await world.at_ses(domain, dkim_status="FAILED")
    await world.age(domain, "ses_due_at = now()")
    await tenant.reaches(domain, "DEGRADED")

    broken = [reasons.DOMAIN_CONDITION_SES_DKIM, reasons.DOMAIN_CONDITION_SES_SENDING]
    (event,) = await eventually(lambda: world.events("domain.degraded", domain))
    last, *_ = await tenant.transitions(domain)
    assert event["data"]["reason"] == "DOMAIN_REASON_NO_LONGER_VERIFIED"
    assert event["data"]["conditions"] == [reasons.DomainCondition.Name(each) for each in broken]
    assert last.reason == reasons.DOMAIN_REASON_NO_LONGER_VERIFIED
    assert list(last.parameters.conditions) == broken


async def test_only_the_message_of_another_release_is_known_until_the_next_check(
    world: World, tenant: Tenant
) -> None:
    domain = await world.a_ready_domain(tenant)
    await world.database.execute(
        "UPDATE verifier.verifications SET state_reason = '', state_note = 'All is well.'"
        " WHERE claim_id = $1",
        domain.claim_id,
    )
    await world.database.execute(
        "UPDATE verifier.record_checks SET reason = 'NOVEL', parameters = '{\"novelty\": 1}',"
        " message = 'Odd.' WHERE claim_id = $1",
        domain.claim_id,
    )

    known = await tenant.known(domain)
    assert (known.state_reason, known.state_message) == (0, "All is well.")
    assert {(each.reason, each.message, each.HasField("parameters")) for each in known.records} == {
        (0, "Odd.", False)
    }

    await tenant.verify(domain)

    await eventually(lambda: checked(tenant, domain, "AS_SHOWN"))
    known = await tenant.known(domain)
    assert known.state_reason == reasons.DOMAIN_REASON_CAN_SEND
    assert known.state_message == "The domain is verified and can send."
