"""Attachments reach the recipients, are listed without their content, and are erased with the body."""

from datetime import timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from uuid import UUID

import grpc

from chassis.regions import SesRegion
from letterhead.sender.v1.emails_pb2 import Attachment, ListUnsubscribe
from services.sender.store.queue import QueueStore
from services.sender.store.states import EmailStates
from tests.factories import ACCOUNT, REGION, Domain
from tests.integration.identity.callers import refused
from tests.integration.sender.callers import Caller, a_request
from tests.integration.sender.conftest import Sender, State, becomes
from tests.integration.sender.test_batches import a_batch
from tests.stores import FreshDatabase
from tests.waiting import eventually

PDF = Attachment(file_name="Rechnung für Köln.pdf", content=bytes(range(256)) * 4000)
LOGO = Attachment(file_name="logo.png", content=b"\x89PNG\r\n\x1a\n", content_id="logo")


async def arrived(sender: Sender) -> EmailMessage:
    """Wait for the only email that was delivered and return it parsed."""

    async def one() -> bytes:
        emails = await sender.internet.control.emails()
        assert len(emails) == 1
        return await sender.internet.control.raw(emails[0]["id"])

    email = message_from_bytes(await eventually(one), policy=policy.SMTP)
    assert isinstance(email, EmailMessage)
    return email


async def test_attachments_arrive_unchanged(caller: Caller, sender: Sender, domain: Domain) -> None:
    accepted = await caller.send(
        f"agent@{domain.name}", html='<img src="cid:logo">', attachments=[PDF, LOGO], text="See the invoice."
    )

    email = await becomes(caller, accepted, State.STATE_SENT)
    read = await arrived(sender)

    leaves = {part.get_content_type(): part for part in read.walk() if not part.is_multipart()}
    assert leaves["application/pdf"].get_payload(decode=True) == PDF.content
    assert leaves["application/pdf"].get_filename() == PDF.file_name
    assert leaves["image/png"].get_payload(decode=True) == LOGO.content
    assert (leaves["image/png"]["Content-ID"], read.get_content_type()) == ("<logo>", "multipart/mixed")
    assert [(each.file_name, each.size, each.content) for each in email.attachments] == [
        (each.file_name, len(each.content), b"") for each in (PDF, LOGO)
    ]
    assert [each.content_type for each in email.attachments] == ["application/pdf", "image/png"]


async def test_threading_and_unsubscribe_fields_arrive_as_headers(
    caller: Caller, sender: Sender, domain: Domain
) -> None:
    accepted = await caller.send(
        f"agent@{domain.name}",
        list_unsubscribe=ListUnsubscribe(
            url="https://example.com/u?id=1", mailto="off@example.com", one_click=True
        ),
        in_reply_to="<2@example.com>",
        references=["<1@example.com>", "<2@example.com>"],
    )

    await becomes(caller, accepted, State.STATE_SENT)
    read = await arrived(sender)

    assert read["List-Unsubscribe"] == "<https://example.com/u?id=1>, <mailto:off@example.com>"
    assert read["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert (read["In-Reply-To"], read["References"]) == ("<2@example.com>", "<1@example.com> <2@example.com>")


async def test_a_file_type_that_ses_rejects_is_rejected_with_its_field_path(
    caller: Caller, domain: Domain
) -> None:
    bad = a_request(f"agent@{domain.name}", attachments=[PDF, Attachment(file_name="a.pdf.EXE")])

    rejection = await refused(caller.emails.SendEmails(a_batch([a_request(f"agent@{domain.name}"), bad])))

    assert rejection.code == grpc.StatusCode.INVALID_ARGUMENT
    assert set(rejection.fields) == {"emails[1].attachments[1].file_name"}


async def test_attachments_that_are_too_large_are_rejected_with_their_field_path(
    caller: Caller, domain: Domain
) -> None:
    large = Attachment(file_name="a.bin", content=b"x" * 20_000_000)

    request = a_request(f"agent@{domain.name}", attachments=[large, large])
    rejection = await refused(caller.emails.SendEmail(request))

    assert set(rejection.fields) == {"attachments[1].content"}


async def test_the_content_of_attachments_is_erased_with_the_body(
    sender: Sender, tenant_id: UUID, database: FreshDatabase
) -> None:
    domain = await sender.a_ready_domain(tenant_id)
    async with sender.start() as channel:
        caller = await sender.a_caller(channel, tenant_id)
        accepted = await caller.send(f"agent@{domain.name}", attachments=[PDF])
        await becomes(caller, accepted, State.STATE_SENT)
    await database.execute("UPDATE sender.emails SET body_erase_at = now()")

    async def erased() -> bool:
        [row] = await database.fetch("SELECT content, size FROM sender.attachments")
        assert row["size"] == len(PDF.content)
        return row["content"] is None

    async with sender.start():
        await eventually(erased)


async def test_leasing_does_not_read_the_content_of_heavy_emails(
    sender: Sender, tenant_id: UUID, domain: Domain, database: FreshDatabase
) -> None:
    """However many emails are leased ahead, memory holds only the heavy ones being submitted."""
    async with sender.start(submitting=False) as channel:
        caller = await sender.a_caller(channel, tenant_id)
        heavy = await caller.send(f"agent@{domain.name}", attachments=[PDF], text="See the invoice.")
        await caller.send(f"agent@{domain.name}", attachments=[LOGO], text="See the logo.")

    async with database.open("sender") as opened:
        states = EmailStates(body_retention=timedelta(days=7))
        claims = QueueStore(opened, states, SesRegion(ACCOUNT, REGION), shared=None, worker="test")
        claimed = [each.candidate for each in (await claims.claim(2)).postings]
        whole = await claims.content(UUID(heavy.id))

    known = [(each.heavy, each.content.text, len(each.content.attachments)) for each in claimed]
    assert known == [(True, None, 0), (False, "See the logo.", 1)]
    assert (whole.text, whole.attachments[0].content) == ("See the invoice.", PDF.content)


async def test_heavy_emails_are_built_one_at_a_time_and_all_are_sent(caller: Caller, domain: Domain) -> None:
    """Those that wait for the build lock do not occupy a POST slot."""
    film = Attachment(file_name="film.bin", content=bytes(range(256)) * 16_000)
    large = [await caller.send(f"agent@{domain.name}", attachments=[film]) for _ in range(3)]
    small = await caller.send(f"agent@{domain.name}")

    for email in (small, *large):
        await becomes(caller, email, State.STATE_SENT, within=timedelta(seconds=40))
