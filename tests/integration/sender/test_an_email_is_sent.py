"""An email leaves once, as its domain's own, and what became of it can be read."""

from letterhead.sender.v1.emails_pb2 import Email
from tests.factories import Domain
from tests.integration.sender.callers import Caller
from tests.integration.sender.conftest import Sender, State, becomes
from tests.waiting import eventually


async def test_an_email_leaves_as_its_domains_own(caller: Caller, sender: Sender, domain: Domain) -> None:
    address = f"agent@{domain.name}"

    accepted = await caller.send(address, html="<p>Good day.</p>", tags={"kind": "greeting"})
    email = await becomes(caller, accepted, State.STATE_SENT)

    assert accepted.state == State.STATE_QUEUED
    assert (email.sent_as, email.sent_from) == (Email.SENT_AS_OWN, address)
    [post] = await sender.posts()
    assert email.ses_id == post["message_id"]
    assert post["email_tags"]["lh-email"] == email.id
    [delivered] = await eventually(lambda: sender.internet.control.emails(to="reader@example.com"))
    assert (delivered["from"], delivered["subject"]) == (address, "Hello")
    [event] = await sender.events("email.sent")
    assert event["data"]["email"]["tags"] == {"kind": "greeting"}
    assert [each.state for each in email.history] == [
        State.STATE_QUEUED,
        State.STATE_CLAIMED,
        State.STATE_SENT,
    ]
