"""Callers of sender with an API key."""

from typing import Any

import grpc

from letterhead.sender.v1 import emails_pb2_grpc, suppressions_pb2_grpc, test_addresses_pb2_grpc
from letterhead.sender.v1.emails_pb2 import Address, Email, GetEmailRequest, SendEmailRequest
from tests.integration.identity.callers import Keyed


def a_request(sender: str, to: str | list[str] = "reader@example.com", **fields: Any) -> SendEmailRequest:
    """Return a request to send a small email; `fields` are added to the message."""
    addresses = [to] if isinstance(to, str) else to
    fields = {"subject": "Hello", "text": "Good day."} | fields
    request = SendEmailRequest(to=[Address(address=each) for each in addresses], **fields)
    getattr(request, "from").address = sender
    return request


class Caller:
    """A caller with a key, connected to one replica."""

    def __init__(self, channel: grpc.aio.Channel, token: str) -> None:
        self.channel = channel
        self.emails = Keyed(emails_pb2_grpc.SenderServiceStub(channel), token)
        self.test_addresses = Keyed(test_addresses_pb2_grpc.TestAddressServiceStub(channel), token)
        self.suppressions = Keyed(suppressions_pb2_grpc.SuppressionServiceStub(channel), token)

    async def send(self, sender: str, to: str | list[str] = "reader@example.com", **fields: Any) -> Email:
        """Send a small email and return it as accepted."""
        email: Email = (await self.emails.SendEmail(a_request(sender, to, **fields))).email
        return email

    async def get(self, email_id: str) -> Email:
        """Return an email in its current state."""
        email: Email = (await self.emails.GetEmail(GetEmailRequest(email_id=email_id))).email
        return email
