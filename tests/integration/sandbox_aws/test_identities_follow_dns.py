"""The verification status of an identity changes only by SES's DNS checks."""

from collections.abc import Callable

import pytest
from botocore.exceptions import ClientError

from sandbox.dns.faults import Fault, FaultKind
from tests.integration.sandbox_aws.world import MakeWorld, World

NAME = "inbox.mnexa.ai"


async def test_an_identity_is_pending_until_all_three_cnames_exist(world: World) -> None:
    created = await world.create(NAME)
    dkim = created["DkimAttributes"]
    for token in dkim["Tokens"][:2]:
        world.internet.publish(f"{token}._domainkey.{NAME}", "CNAME", f"{token}.{dkim['SigningHostedZone']}.")
    await world.error_is(NAME, "HOST_NOT_FOUND")
    assert (await world.identity(NAME))["VerificationStatus"] == "PENDING"

    world.publish_dkim(NAME, created)

    await world.sees(NAME, "SUCCESS", "PENDING")
    identity = await world.identity(NAME)
    assert identity["VerifiedForSendingStatus"]
    assert identity["VerificationStatus"] == identity["DkimAttributes"]["Status"] == "SUCCESS"
    assert "ErrorType" not in identity["VerificationInfo"]
    assert identity["VerificationInfo"]["SOARecord"]["AdminEmail"] == "hostmaster@mnexa.ai"


Make = Callable[[World, str], object]


def _records(rdtype: str, value: str) -> Make:
    return lambda world, name: world.internet.publish(name, rdtype, value)


def _fault(kind: FaultKind) -> Make:
    return lambda world, name: world.internet.faults.add(Fault(kind, name=name))


SITUATIONS: dict[str, tuple[Make, str]] = {
    "nothing there": (lambda world, _: world.internet.version, "HOST_NOT_FOUND"),
    "another type there": (_records("TXT", "x"), "TYPE_NOT_FOUND"),
    "a wrong target": (_records("CNAME", "x.com."), "INVALID_VALUE"),
    "SERVFAIL": (_fault(FaultKind.SERVFAIL), "DNS_SERVER_ERROR"),
    "no answer": (_fault(FaultKind.TIMEOUT), "DNS_SERVER_ERROR"),
}


@pytest.mark.parametrize(("make", "error"), SITUATIONS.values(), ids=SITUATIONS)
async def test_verification_info_has_the_error_type(world: World, make: Make, error: str) -> None:
    created = await world.create(NAME)

    make(world, f"{created['DkimAttributes']['Tokens'][0]}._domainkey.{NAME}")

    await world.error_is(NAME, error)
    assert (await world.identity(NAME))["DkimAttributes"]["Status"] == "PENDING"


async def test_a_temporary_dns_fault_does_not_prevent_verification(world: World) -> None:
    created = await world.create(NAME)
    world.internet.faults.add(Fault(FaultKind.SERVFAIL, zone="mnexa.ai", count=20))

    world.publish_dkim(NAME, created)

    await world.sees(NAME, "SUCCESS")


async def test_after_72_hours_ses_stops_checking(world: World) -> None:
    created = await world.create(NAME)

    await world.later(hours=72, seconds=1)
    await world.sees(NAME, "FAILED", "FAILED")
    world.publish_dkim(NAME, created)
    world.publish_mail_from(NAME)
    other = await world.verified("other.mnexa.ai")

    assert other
    await world.sees(NAME, "FAILED", "FAILED")
    assert not (await world.identity(NAME))["VerifiedForSendingStatus"]


async def test_a_restart_checks_again_with_the_same_tokens(world: World) -> None:
    created = await world.create(NAME)
    await world.later(hours=72, seconds=1)
    await world.sees(NAME, "FAILED", "FAILED")
    world.publish_dkim(NAME, created)
    world.publish_mail_from(NAME)

    again = await world.ses(
        "put_email_identity_dkim_signing_attributes", EmailIdentity=NAME, SigningAttributesOrigin="AWS_SES"
    )
    await world.ses(
        "put_email_identity_mail_from_attributes", EmailIdentity=NAME, MailFromDomain=f"send.{NAME}"
    )

    assert (again["DkimStatus"], again["DkimTokens"]) == ("PENDING", created["DkimAttributes"]["Tokens"])
    await world.sees(NAME, "SUCCESS", "SUCCESS")


async def test_another_key_length_creates_new_tokens(world: World) -> None:
    created = await world.create(NAME)

    again = await world.ses(
        "put_email_identity_dkim_signing_attributes",
        EmailIdentity=NAME,
        SigningAttributesOrigin="AWS_SES",
        SigningAttributes={"NextSigningKeyLength": "RSA_1024_BIT"},
    )

    assert not set(again["DkimTokens"]) & set(created["DkimAttributes"]["Tokens"])
    old = created["DkimAttributes"]["Tokens"][0]
    assert (await world.internet.resolve(f"{old}.dkim.amazonses.com", "TXT")).status == "NXDOMAIN"


async def test_a_missing_record_after_verification_is_a_temporary_failure_for_72_hours(world: World) -> None:
    created = await world.create(NAME)
    world.publish_dkim(NAME, created)
    world.publish_mail_from(NAME)
    await world.sees(NAME, "SUCCESS", "SUCCESS")

    world.withdraw_dkim(NAME, created)
    await world.sees(NAME, "TEMPORARY_FAILURE", "SUCCESS")
    assert (await world.identity(NAME))["VerifiedForSendingStatus"]
    await world.later(hours=71)
    world.publish_dkim(NAME, created)
    await world.sees(NAME, "SUCCESS")
    world.withdraw_dkim(NAME, created)
    await world.sees(NAME, "TEMPORARY_FAILURE")
    await world.later(hours=72, seconds=1)

    await world.sees(NAME, "FAILED")
    assert not (await world.identity(NAME))["VerifiedForSendingStatus"]


async def test_mail_from_requires_exactly_one_mx(world: World) -> None:
    await world.create(NAME)

    world.internet.publish(f"send.{NAME}", "MX", "mx.elsewhere.com.", priority=20)
    world.publish_mail_from(NAME)
    await world.mail_from_error_is(NAME, "INVALID_VALUE")
    world.internet.withdraw(f"send.{NAME}", "MX", "20 mx.elsewhere.com")

    await world.sees(NAME, "PENDING", "SUCCESS")


async def test_a_verified_parent_makes_a_pending_child_sendable(world: World) -> None:
    await world.verified("mnexa.ai")

    created = await world.create(NAME)

    identity = await world.identity(NAME)
    assert identity["DkimAttributes"]["Status"] == created["DkimAttributes"]["Status"] == "PENDING"
    assert identity["VerificationStatus"] == "SUCCESS"
    assert identity["VerifiedForSendingStatus"]


async def test_keys_are_published_below_the_tokens_and_removed_with_the_identity(world: World) -> None:
    tokens = (await world.create(NAME))["DkimAttributes"]["Tokens"]

    for token in tokens:
        (value,) = (await world.internet.resolve(f"{token}.dkim.amazonses.com", "TXT")).values
        assert value.startswith("v=DKIM1; k=rsa; p=MII")
    await world.ses("delete_email_identity", EmailIdentity=NAME)

    assert (await world.internet.resolve(f"{tokens[0]}.dkim.amazonses.com", "TXT")).status == "NXDOMAIN"
    with pytest.raises(ClientError, match="NotFoundException"):
        await world.identity(NAME)


async def test_identities_are_listed_in_pages(world: World) -> None:
    await world.control("POST", "/ses/identities/seed", {"count": 5})

    first = await world.ses("list_email_identities", PageSize=3)
    second = await world.ses("list_email_identities", PageSize=3, NextToken=first["NextToken"])

    rows = first["EmailIdentities"] + second["EmailIdentities"]
    assert "NextToken" not in second
    assert len({row["IdentityName"] for row in rows}) == 5
    assert {row["VerificationStatus"] for row in rows} == {"PENDING"}


async def test_two_thousand_seeded_identities_do_not_delay_the_check_of_another(
    make_world: MakeWorld,
) -> None:
    world = await make_world(check_interval=0.5)
    await world.control("POST", "/ses/identities/seed", {"count": 2000})
    created = await world.create(NAME)

    world.publish_dkim(NAME, created)
    world.publish_mail_from(NAME)

    await world.sees(NAME, "SUCCESS", "SUCCESS")
