"""Emails as the receiver gets and authenticates them."""

from tests.integration.sandbox_aws.world import World

NAME = "inbox.mnexa.ai"
SENDER = f"agent@{NAME}"
TO = "somebody@customer.com"


async def test_an_email_has_the_signatures_of_its_domain_and_of_amazonses(world: World) -> None:
    await world.verified(NAME)

    message_id = await world.send(SENDER, TO)

    email = await world.arrived(TO)
    first, second = email.evaluation.dkim
    assert (first.domain, first.result, second.domain, second.result) == (
        NAME,
        "pass",
        "amazonses.com",
        "pass",
    )
    assert (email.evaluation.spf.domain, email.evaluation.spf.result) == (f"send.{NAME}", "pass")
    assert email.envelope.sender == f"{message_id}@send.{NAME}"
    assert f"Message-ID: <{message_id}@email.amazonses.com>".encode() in email.raw


async def test_an_unverified_mail_from_falls_back_to_amazonses(world: World) -> None:
    world.publish_dkim(NAME, await world.create(NAME))
    await world.sees(NAME, "SUCCESS", "PENDING")

    message_id = await world.send(SENDER, TO)

    email = await world.arrived(TO)
    assert email.envelope.sender == f"{message_id}@amazonses.com"
    assert (email.evaluation.spf.domain, email.evaluation.spf.result) == ("amazonses.com", "pass")


async def test_a_pending_child_is_signed_by_its_verified_parent(world: World) -> None:
    await world.verified("mnexa.ai")
    await world.create(NAME)

    await world.send(SENDER, TO)

    email = await world.arrived(TO)
    assert [(signature.domain, signature.result) for signature in email.evaluation.dkim] == [
        ("mnexa.ai", "pass"),
        ("amazonses.com", "pass"),
    ]


async def test_with_signing_disabled_only_amazonses_signs(world: World) -> None:
    await world.verified(NAME)
    await world.ses("put_email_identity_dkim_attributes", EmailIdentity=NAME, SigningEnabled=False)

    await world.send(SENDER, TO)

    assert [signature.domain for signature in (await world.arrived(TO)).evaluation.dkim] == ["amazonses.com"]


async def test_bcc_recipients_are_not_visible(world: World) -> None:
    await world.verified(NAME)

    await world.send(SENDER, TO, Destination={"ToAddresses": [TO], "BccAddresses": ["hidden@elsewhere.com"]})

    email = await world.arrived("hidden@elsewhere.com")
    assert email.contents.to == TO
    assert b"hidden" not in email.raw


async def test_a_raw_email_keeps_its_body_byte_for_byte(world: World) -> None:
    await world.verified(NAME)
    body = "Zeile eins\r\n.\r\n..\r\nGrüße \t\r\n\r\n".encode()
    raw = f"From: {SENDER}\r\nTo: {TO}\r\nBcc: x@y.com\r\nSubject: Raw\r\n\r\n".encode() + body

    await world.ses("send_email", Content={"Raw": {"Data": raw}}, Destination={"ToAddresses": [TO]})

    email = await world.arrived(TO)
    assert email.raw.endswith(b"\r\n\r\n" + body)
    assert {signature.result for signature in email.evaluation.dkim} == {"pass"}
    assert b"Bcc" not in email.raw


async def test_keys_move_with_the_hosted_zone(world: World) -> None:
    created = await world.create(NAME)
    zone = "abcd.dkim.us-east-1.amazonses.com"
    await world.control("PATCH", f"/ses/identities/{NAME}", {"signing_hosted_zone": zone})
    created["DkimAttributes"]["SigningHostedZone"] = zone
    world.publish_dkim(NAME, created)
    await world.sees(NAME, "SUCCESS")

    await world.send(SENDER, TO)

    assert (await world.arrived(TO)).evaluation.dkim[0].result == "pass"
    assert (await world.identity(NAME))["DkimAttributes"]["SigningHostedZone"] == zone
