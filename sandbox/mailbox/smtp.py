"""The mailbox's SMTP server."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from weakref import WeakSet

from aiosmtpd.smtp import SMTP, Session
from aiosmtpd.smtp import Envelope as SmtpEnvelope

from sandbox.mailbox.evaluate import Envelope
from sandbox.mailbox.recipients import Recipients
from sandbox.mailbox.store import Mailbox

_SIZE_LIMIT = 60 * 1024 * 1024  # bytes per email; SES sends up to 40 MB before encoding
_RECIPIENT_LIMIT = 1000


class _Handler:
    """Handles each transaction; assumes one client address for all, because loopback cannot pass SPF."""

    def __init__(self, mailbox: Mailbox, client: str) -> None:
        self._mailbox = mailbox
        self._client = client
        self._recipients = Recipients()

    async def handle_RCPT(  # noqa: N802 - aiosmtpd's name
        self, _server: SMTP, _session: Session, envelope: SmtpEnvelope, address: str, _options: list[str]
    ) -> str:
        if len(envelope.rcpt_tos) >= _RECIPIENT_LIMIT:
            return "452 4.5.3 Too many recipients"
        rejection = self._recipients.rejection(envelope.mail_from or "", address)
        if rejection is not None:
            return rejection
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 OK"

    async def handle_DATA(  # noqa: N802 - aiosmtpd's name
        self, _server: SMTP, session: Session, envelope: SmtpEnvelope
    ) -> str:
        seen = Envelope(
            self._client, session.host_name or "", envelope.mail_from or "", tuple(envelope.rcpt_tos)
        )
        email = await self._mailbox.receive(envelope.original_content or b"", seen)
        return f"250 2.0.0 OK {email.id}"


@asynccontextmanager
async def receiving(mailbox: Mailbox, *, host: str, port: int, name: str, client: str) -> AsyncIterator[int]:
    """Receive email at host and port (0: any free one) while the context lasts; yield the port."""
    handler = _Handler(mailbox, client)
    connections: WeakSet[SMTP] = WeakSet()

    def connect() -> SMTP:
        options: dict[str, Any] = {"hostname": name, "ident": "ESMTP", "data_size_limit": _SIZE_LIMIT}
        connection = SMTP(handler, enable_SMTPUTF8=True, loop=asyncio.get_running_loop(), **options)
        connections.add(connection)
        return connection

    server = await asyncio.get_running_loop().create_server(connect, host, port)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for connection in connections:
            if connection.transport is not None:
                connection.transport.close()
        await server.wait_closed()
