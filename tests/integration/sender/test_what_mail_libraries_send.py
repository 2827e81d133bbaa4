"""Emails as mail libraries write them arrive as meant, and the response shows what was made of them."""

import asyncio

import grpc

from letterhead.sender.v1.emails_pb2 import Address, Attachment
from tests.factories import Domain
from tests.integration.identity.callers import refused
from tests.integration.sender.callers import Caller, a_request
from tests.integration.sender.conftest import Sender, State, becomes
from tests.integration.sender.test_attachments import arrived

CALENDAR = b"BEGIN:VCALENDAR\r\nMETHOD:REQUEST\r\nEND:VCALENDAR\r\n"


async def test_an_address_that_is_given_twice_gets_one_copy(
    caller: Caller, sender: Sender, domain: Domain
) -> None:
    accepted = await caller.send(
        f"agent@{domain.name}",
        ["ada@example.com", "bob@example.com", "ADA@example.com"],
        cc=[Address(address="bob@example.com", name="Bob")],
        bcc=[Address(address="ada@example.com"), Address(address="eve@example.com")],
    )

    email = await becomes(caller, accepted, State.STATE_SENT)
    read = await arrived(sender)
    [copy] = await sender.internet.control.emails()

    assert copy["envelope_to"] == ["ada@example.com", "bob@example.com", "eve@example.com"]
    assert read["To"] == "ada@example.com, bob@example.com, ADA@example.com"
    assert read["Cc"] == "Bob <bob@example.com>"
    assert len(email.recipients) == 6


async def test_an_address_with_adjacent_dots_is_sent_to(
    caller: Caller, sender: Sender, domain: Domain
) -> None:
    accepted = await caller.send(f"agent@{domain.name}", "a..b@docomo.ne.jp")

    email = await becomes(caller, accepted, State.STATE_SENT)
    read = await arrived(sender)

    assert email.recipients[0].address.address == '"a..b"@docomo.ne.jp'
    assert read["To"] == "a..b@docomo.ne.jp"  # as Python's parser shows it


async def test_a_reply_by_id_joins_the_thread(caller: Caller, sender: Sender, domain: Domain) -> None:
    first = await becomes(caller, await caller.send(f"agent@{domain.name}"), State.STATE_SENT)
    read = await arrived(sender)

    by_id = await caller.send(f"agent@{domain.name}", in_reply_to=first.id, references=[first.ses_id])
    by_header = await caller.send(f"agent@{domain.name}", headers={"In-Reply-To": f"<{first.ses_id}>"})

    assert first.message_id == read["Message-ID"] == f"<{first.ses_id}@email.amazonses.com>"
    assert by_id.headers == {"In-Reply-To": first.message_id, "References": first.message_id}
    assert by_header.headers == {"In-Reply-To": first.message_id}


async def test_a_reply_to_an_email_that_is_not_sent_is_rejected(caller: Caller, domain: Domain) -> None:
    later = a_request(f"agent@{domain.name}")
    later.send_time.GetCurrentTime()
    later.send_time.seconds += 3600
    first = (await caller.emails.SendEmail(later)).email

    request = a_request(f"agent@{domain.name}", in_reply_to=first.id)
    error = await refused(caller.emails.SendEmail(request))

    assert error.code is grpc.StatusCode.INVALID_ARGUMENT
    assert list(error.fields) == ["in_reply_to"]
    assert "is not sent yet" in error.fields["in_reply_to"]


async def test_html_gets_a_text_that_the_response_shows(
    caller: Caller, sender: Sender, domain: Domain
) -> None:
    request = a_request(f"agent@{domain.name}", html="<h1>Hi</h1>" + "<p>Good day.</p>" * 2000)
    request.ClearField("text")

    accepted, other = await asyncio.gather(
        caller.emails.SendEmail(request), caller.send(f"agent@{domain.name}", text="", html="<p>Hi</p>")
    )
    email = await caller.get(accepted.email.id)

    assert email.text == "Hi" + "\n\nGood day." * 2000
    assert (await caller.get(other.id)).text == ""


async def test_a_calendar_with_a_method_is_a_body_too(caller: Caller, sender: Sender, domain: Domain) -> None:
    file = Attachment(
        file_name="invite.ics.", content=CALENDAR, content_type='text/calendar; name="invite.ics"'
    )

    accepted = await caller.send(f"agent@{domain.name}", html="<p>Come.</p>", attachments=[file])
    await becomes(caller, accepted, State.STATE_SENT)
    read = await arrived(sender)

    types = [part.get_content_type() for part in read.walk()]
    assert types == [
        "multipart/mixed",
        "multipart/alternative",
        "text/plain",
        "text/html",
        "text/calendar",
        "text/calendar",
    ]
    invitation, attached = list(read.walk())[4:]
    assert (invitation.get_param("method"), invitation.get_filename()) == ("REQUEST", None)
    assert attached.get_filename() == "invite.ics"
    assert [each.file_name for each in accepted.attachments] == ["invite.ics"]
    assert [each.content_type for each in accepted.attachments] == ["text/calendar"]
