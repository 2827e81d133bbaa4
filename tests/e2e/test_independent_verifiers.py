"""Independent verifiers pass email that the sandbox's SES delivers, and fail an altered copy."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import boto3
import pytest

from sandbox.__main__ import running
from sandbox.client import Json, SandboxClient, connect_sandbox
from sandbox.config import Addresses, SandboxConfig
from tests.e2e.independent_verifiers import VerifierResult, Verifiers, running_verifiers
from tests.waiting import eventually

pytestmark = pytest.mark.timeout(400)  # the first run installs two Debian packages

AUTHOR, RETURN_PATH = "inbox.mnexa.ai", "send.inbox.mnexa.ai"
HELO = "a1.smtp-out.amazonses.com"
PASSES = {AUTHOR: "pass", "amazonses.com": "pass"}
FAILS = {AUTHOR: "fail", "amazonses.com": "fail"}


@pytest.fixture
async def addresses(workspace: Path) -> AsyncIterator[Addresses]:
    """Run a sandbox of its own, whose SES has no rate limit."""
    settings = SandboxConfig(
        sandbox_control_port=0,
        sandbox_ses_port=0,
        sandbox_tls_port=0,
        sandbox_smtp_port=0,
        sandbox_dns_port=0,
        sandbox_control_rate=0,
        sandbox_directory=workspace / "sandbox",
    )
    async with running(settings) as addresses:
        yield addresses


@pytest.fixture
async def control(addresses: Addresses) -> AsyncIterator[SandboxClient]:
    async with connect_sandbox(addresses.control) as client:
        yield client


@pytest.fixture
async def verifiers(addresses: Addresses, workspace: Path) -> AsyncIterator[Verifiers]:
    """Run both verifiers with that sandbox's recursive resolver."""
    dns = f"{addresses.dns_recursor}:{addresses.dns_port}"
    async with running_verifiers(workspace / "verifiers", dns) as verifiers:
        yield verifiers


class Ses:
    """The sandbox's SES, called with boto3 in threads."""

    def __init__(self, addresses: Addresses) -> None:
        session = boto3.Session("sandbox", "sandbox", region_name="us-east-1")
        self._client = session.client("sesv2", endpoint_url=addresses.ses)

    async def __call__(self, operation: str, **parameters: Any) -> Any:
        return await asyncio.to_thread(getattr(self._client, operation), **parameters)

    async def verified(self) -> bool:
        identity = await self("get_email_identity", EmailIdentity=AUTHOR)
        mail_from = identity["MailFromAttributes"]["MailFromDomainStatus"]
        return bool(identity["VerifiedForSendingStatus"]) and mail_from == "SUCCESS"


async def delivered(ses: Ses, control: SandboxClient) -> Json:
    """Create and verify the identity AUTHOR, send one email, and return it from the mailbox."""
    identity = await ses("create_email_identity", EmailIdentity=AUTHOR)
    await ses("put_email_identity_mail_from_attributes", EmailIdentity=AUTHOR, MailFromDomain=RETURN_PATH)
    dkim = identity["DkimAttributes"]
    for token in dkim["Tokens"]:
        name, value = f"{token}._domainkey.{AUTHOR}", f"{token}.{dkim['SigningHostedZone']}"
        await control.publish("CNAME", name, value)
    await control.publish("MX", RETURN_PATH, "feedback-smtp.us-east-1.amazonses.com", priority=10)
    await control.publish("TXT", RETURN_PATH, "v=spf1 include:amazonses.com ~all")
    await control.publish("TXT", f"_dmarc.{AUTHOR}", "v=DMARC1; p=reject; adkim=s; aspf=s")
    await eventually(ses.verified)
    text = {"Text": {"Data": "Your code is 1234."}}
    await ses(
        "send_email",
        FromEmailAddress=f"Agent <agent@{AUTHOR}>",
        Destination={"ToAddresses": ["ada@example.com"]},
        Content={"Simple": {"Subject": {"Data": "Your code"}, "Body": text}},
    )
    return (await eventually(control.emails))[0]


async def test_delivered_email_passes_and_an_altered_byte_fails(
    addresses: Addresses, control: SandboxClient, verifiers: Verifiers
) -> None:
    email = await delivered(Ses(addresses), control)
    original = await control.raw(email["id"])
    altered = original.replace(b"1234", b"1235")

    sender = email["envelope_from"]
    assert await verifiers.opendkim(original) == VerifierResult(PASSES)
    assert await verifiers.opendkim(altered) == VerifierResult(FAILS)
    assert await verifiers.rspamd(original, sender=sender, helo=HELO) == VerifierResult(
        PASSES, "pass", "pass"
    )
    assert await verifiers.rspamd(altered, sender=sender, helo=HELO) == VerifierResult(FAILS, "pass", "fail")
    assert email["passed"]


async def test_an_unsigned_email_from_another_server_fails(
    control: SandboxClient, verifiers: Verifiers
) -> None:
    await control.publish("TXT", RETURN_PATH, "v=spf1 include:amazonses.com ~all")
    await control.publish("TXT", f"_dmarc.{AUTHOR}", "v=DMARC1; p=reject")
    raw = f"From: agent@{AUTHOR}\r\nSubject: Your code\r\n\r\nYour code is 1234.\r\n".encode()

    status = await verifiers.rspamd(raw, sender=f"1@{RETURN_PATH}", helo=HELO, client="198.51.100.1")

    assert status == VerifierResult({}, "softfail", "fail")
    assert await verifiers.opendkim(raw) == VerifierResult({})
