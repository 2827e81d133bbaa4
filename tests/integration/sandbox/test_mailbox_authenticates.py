"""Authentication results of emails received over SMTP, as the control API shows them."""

import aiosmtplib
import pytest

from sandbox.client import Json, SandboxClient
from sandbox.config import Addresses
from tests.integration.sandbox.signed import AUTHOR, HELO, PLAIN, SENDER, records, signed

OWN_AND_AMAZON = (AUTHOR, "amazonses.com")


@pytest.fixture
async def published(control: SandboxClient) -> SandboxClient:
    """Publish AUTHOR's records, all correct, in the sandbox."""
    for name, rdtype, value in records(*OWN_AND_AMAZON):
        await control.publish(rdtype, name, value)
    return control


async def delivered(
    addresses: Addresses, raw: bytes, sender: str = SENDER, to: str = "ada@example.com"
) -> None:
    host, _, port = addresses.smtp.rpartition(":")
    await aiosmtplib.send(
        raw, sender=sender, recipients=[to], hostname=host, port=int(port), local_hostname=HELO
    )


async def newest(control: SandboxClient) -> Json:
    return await control.email((await control.emails(limit=1))[0]["id"])


async def test_a_fully_aligned_email_passes(addresses: Addresses, published: SandboxClient) -> None:
    raw = signed(PLAIN, *OWN_AND_AMAZON)

    await delivered(addresses, raw)

    email = await newest(published)
    assert [(each["domain"], each["result"]) for each in email["dkim"]] == [
        (AUTHOR, "pass"),
        ("amazonses.com", "pass"),
    ]
    assert email["spf"] == {"result": "pass", "domain": "send.inbox.mnexa.ai"}
    assert (email["dmarc"]["result"], email["dmarc"]["aligned_by"]) == ("pass", ["dkim"])
    assert (email["from"], email["signed_by"]) == ("Agent <agent@inbox.mnexa.ai>", AUTHOR)
    assert (email["mailed_by"], email["via"], email["passed"]) == ("send.inbox.mnexa.ai", None, True)
    assert email["authentication_results"].split(";\r\n       ") == [
        "mx.letterhead-mailbox.com",
        "dkim=pass (2048-bit key) header.d=inbox.mnexa.ai header.s=s1",
        "dkim=pass (2048-bit key) header.d=amazonses.com header.s=s1",
        "spf=pass (client 203.0.113.10) smtp.mailfrom=0100@send.inbox.mnexa.ai",
        "dmarc=pass (p=reject dis=none) header.from=inbox.mnexa.ai",
    ]
    assert await published.raw(email["id"]) == raw


async def test_one_changed_byte_breaks_both_signatures(
    addresses: Addresses, published: SandboxClient
) -> None:
    await delivered(addresses, signed(PLAIN, *OWN_AND_AMAZON).replace(b"1234", b"1235"))

    email = await newest(published)
    assert [each["result"] for each in email["dkim"]] == ["fail", "fail"]
    assert (email["dmarc"]["result"], email["dmarc"]["disposition"]) == ("fail", "reject")
    assert (email["spf"]["result"], email["passed"]) == ("pass", False)


@pytest.mark.parametrize(
    ("alignment", "aligned_by"),
    [
        ("adkim=s; aspf=s", ["dkim"]),
        ("adkim=s; aspf=r", ["dkim", "spf"]),
        ("adkim=r; aspf=r", ["dkim", "spf"]),
    ],
)
async def test_relaxed_alignment_accepts_the_return_path_domain(
    addresses: Addresses, published: SandboxClient, alignment: str, aligned_by: list[str]
) -> None:
    await published.withdraw("TXT", f"_dmarc.{AUTHOR}")
    await published.publish("TXT", f"_dmarc.{AUTHOR}", f"v=DMARC1; p=reject; {alignment}")

    await delivered(addresses, signed(PLAIN, *OWN_AND_AMAZON))

    email = await newest(published)
    assert (email["dmarc"]["result"], email["dmarc"]["aligned_by"]) == ("pass", aligned_by)


async def test_an_unaligned_email_is_shown_with_via(addresses: Addresses, published: SandboxClient) -> None:
    await delivered(addresses, signed(PLAIN, "amazonses.com"), sender="0100@amazonses.com")

    email = await newest(published)
    assert (email["signed_by"], email["mailed_by"]) == ("amazonses.com", "amazonses.com")
    assert (email["via"], email["dmarc"]["result"]) == ("amazonses.com", "fail")


async def test_an_unavailable_key_is_an_error_not_a_failure(
    addresses: Addresses, published: SandboxClient
) -> None:
    await published.withdraw("TXT", f"s1._domainkey.{AUTHOR}")
    fault = {"name": "s1._domainkey.amazonses.com", "kind": "servfail"}
    await published.call("POST", "/dns/faults", fault)

    await delivered(addresses, signed(PLAIN, *OWN_AND_AMAZON))

    email = await newest(published)
    assert [each["result"] for each in email["dkim"]] == ["permerror", "temperror"]


@pytest.mark.parametrize(
    ("record", "result"),
    [
        ("v=spf1 -all", "fail"),
        ("v=spf1 ~all", "softfail"),
        ("v=spf1 ?all", "neutral"),
        ("v=spf1 nonsense", "permerror"),
        ("v=spf1 mx -all", "pass"),
        ("not spf", "none"),
        ("v=spf1 exists:%{i}.a.mnexa.ai exists:b.mnexa.ai exists:c.mnexa.ai -all", "permerror"),
    ],
)
async def test_spf_checks_the_envelope_sender(
    addresses: Addresses, control: SandboxClient, record: str, result: str
) -> None:
    await control.publish("TXT", "send.inbox.mnexa.ai", record)
    await control.publish("MX", "send.inbox.mnexa.ai", "10 out.mnexa.ai")
    await control.publish("A", "out.mnexa.ai", "203.0.113.10")

    await delivered(addresses, PLAIN)

    email = await newest(control)
    assert email["spf"]["result"] == result
    assert email["mailed_by"] == ("send.inbox.mnexa.ai" if result == "pass" else None)


@pytest.mark.parametrize(
    "header", [b"", b"From: a@mnexa.ai, b@mnexa.com\r\n", b"From: nobody\r\n", b"no header at all\r\n"]
)
async def test_an_email_without_a_single_author_cannot_pass(
    addresses: Addresses, control: SandboxClient, header: bytes
) -> None:
    await delivered(addresses, header + b"Subject: who?\r\n\r\nx\r\n")

    assert (await newest(control))["dmarc"]["result"] == "permerror"


@pytest.mark.parametrize(
    "tags",
    [
        "",
        "v=1",
        "d=..; s=x",
        "v=1; a=rsa-sha256; d=mnexa.ai; s=s1; h=from; bh=x; b=x",
        "i=a; d=inbox.mnexa.ai",
    ],
)
async def test_a_malformed_signature_is_a_permerror(
    addresses: Addresses, published: SandboxClient, tags: str
) -> None:
    await delivered(addresses, f"DKIM-Signature: {tags}\r\n".encode() + signed(PLAIN, AUTHOR))

    email = await newest(published)
    assert [each["result"] for each in email["dkim"]] == ["permerror", "pass"]
    assert email["signed_by"] == AUTHOR


async def test_an_envelope_sender_without_a_domain_has_no_spf_result(
    addresses: Addresses, control: SandboxClient
) -> None:
    await delivered(addresses, PLAIN, sender="nobody@[203.0.113.10]")

    assert (await newest(control))["spf"]["result"] in {"none", "neutral"}


async def test_recipients_reply_according_to_their_local_parts(
    addresses: Addresses, control: SandboxClient
) -> None:
    with pytest.raises(aiosmtplib.SMTPRecipientsRefused) as refused:
        await delivered(addresses, PLAIN, to="bounce@example.com")

    assert [(each.code, each.message[:5]) for each in refused.value.recipients] == [(550, "5.1.1")]
    assert await control.emails() == []
