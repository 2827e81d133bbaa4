"""Searching and reading received emails."""

import aiohttp
import aiosmtplib
import pytest

from sandbox.client import SandboxClient, SandboxError
from sandbox.config import Addresses


async def deliver(addresses: Addresses, number: int) -> None:
    host, _, port = addresses.smtp.rpartition(":")
    raw = f"From: <b>Ada</b> <ada{number}@mnexa.ai>\r\nSubject: Number {number}\r\n\r\nHello\r\n".encode()
    to = f"to{number}@example.com"
    await aiosmtplib.send(raw, sender="s@mnexa.ai", recipients=[to], hostname=host, port=int(port))


async def fetched(url: str) -> str:
    async with aiohttp.ClientSession() as session, session.get(url) as answer:
        return await answer.text()


async def test_emails_are_paged_newest_first(addresses: Addresses, control: SandboxClient) -> None:
    for number in range(5):
        await deliver(addresses, number)

    first = await control.call("GET", "/mailbox/emails", limit=3)
    second = await control.call("GET", "/mailbox/emails", limit=3, after=first["next"])

    subjects = [email["subject"] for email in first["emails"] + second["emails"]]
    assert subjects == [f"Number {number}" for number in reversed(range(5))]
    assert second["next"] is None


@pytest.mark.parametrize("search", [{"to": "TO3@"}, {"from": "ada3@"}, {"subject": "number 3"}])
async def test_emails_are_found_by_recipient_sender_and_subject(
    addresses: Addresses, control: SandboxClient, search: dict[str, str]
) -> None:
    for number in range(5):
        await deliver(addresses, number)

    found = await control.emails(**search)

    assert [email["subject"] for email in found] == ["Number 3"]


async def test_clearing_the_mailbox_deletes_all_emails(addresses: Addresses, control: SandboxClient) -> None:
    await deliver(addresses, 1)
    email_id = (await control.emails())[0]["id"]

    await control.call("DELETE", "/mailbox/emails")

    assert await control.emails() == []
    with pytest.raises(SandboxError, match="There is no email"):
        await control.email(email_id)


async def test_the_page_escapes_the_contents_of_emails(addresses: Addresses, control: SandboxClient) -> None:
    await deliver(addresses, 1)
    email_id = (await control.emails())[0]["id"]

    pages = [await fetched(url) for url in (addresses.mailbox, f"{addresses.mailbox}/{email_id}")]

    for page in pages:
        assert "&lt;b&gt;Ada&lt;/b&gt; &lt;ada1@mnexa.ai&gt;" in page
        assert "<b>" not in page
        assert "<script" not in page
