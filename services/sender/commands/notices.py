"""Notices to tenants: an event that a tenant must know of becomes one email to its contact.

The emails are the operator's own. They leave from the shared domain, on the path of every other email. If
none is sent, the reason is recorded.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

from chassis.codes import code_hash, new_code, shown_code
from chassis.database import Connection
from chassis.events import ReceivedEvent
from chassis.telemetry import get_logger
from services.sender.commands import drafts
from services.sender.commands.specs import EmailSpec
from services.sender.events.notices import read_notice
from services.sender.model.notices import ContactConfirmation, Notice, unsent_reason, written
from services.sender.model.origin import SharedSender
from services.sender.store.notices import Found, NoticeStore, StoredCode
from services.sender.store.own_emails import OwnEmail, accept_own

log = get_logger(__name__)

LOCAL_PART = "notice"  # reserved on the shared domain (model/impersonation.py)
TAGS = {"letterhead": "notice"}


class Notices:
    """Sends notices. `shared` is None without a shared sender; `deadline` is how long an email may wait."""

    def __init__(self, store: NoticeStore, shared: SharedSender | None, *, deadline: timedelta) -> None:
        self._store = store
        self._shared = shared
        self._deadline = deadline

    async def apply(self, connection: Connection, events: Sequence[ReceivedEvent]) -> None:
        """Accept the emails of the events, in the transaction of the inbox, which applies each event once."""
        await self._store.lock(connection)
        for event in events:
            if (notice := read_notice(event)) is not None:
                await self._send(connection, notice)

    async def _send(self, connection: Connection, notice: Notice) -> None:
        shared_domain = self._shared.domain if self._shared else None
        found = await self._store.find(connection, notice, shared_domain)
        about = {"kind": notice.KIND, "tenant_id": str(notice.tenant_id), "event_id": str(notice.event_id)}
        if unsent := unsent_reason(notice, found.circumstances):
            await self._store.add(connection, notice, unsent)
            log.warning("notice not sent", action="notice_not_sent", reason=unsent, **about)
            return
        code = new_code() if isinstance(notice, ContactConfirmation) else ""
        email_id = await accept_own(connection, self._email(notice, found, code))
        await self._store.add(connection, notice, email_id, _stored(notice, code))
        log.info("notice accepted", action="notice_accepted", email_id=str(email_id), **about)

    def _email(self, notice: Notice, found: Found, code: str) -> OwnEmail:
        assert self._shared is not None  # otherwise the notice is unsent: NO_SENDER
        assert found.sender is not None
        if isinstance(notice, ContactConfirmation):
            notice = replace(notice, code=shown_code(code))
        now = found.circumstances.now
        tenant = self._shared.shown_name(notice.tenant_id, found.tenant_name)
        subject, text = written(notice, tenant=tenant, brand=self._shared.brand)
        request = EmailSpec(
            sender=(f"{LOCAL_PART}@{self._shared.domain}", self._shared.brand),
            to=[(notice.address or found.circumstances.contact, "")],
            cc=[],
            bcc=[],
            reply_to=[],
            subject=subject,
            text=text,
            html="",
            headers={},
            tags=TAGS,
        )
        return OwnEmail(
            found.sender.tenant_id,
            found.sender.claim_id,
            drafts.draft(request, now),
            notice.useful_until or now + self._deadline,
            is_secret=bool(code),
            is_notice=True,
        )


def _stored(notice: Notice, code: str) -> StoredCode | None:
    """Return the code to store; only confirmations have one."""
    if not isinstance(notice, ContactConfirmation):
        return None
    return StoredCode(notice.confirmation_id, code_hash(notice.confirmation_id, notice.to, code))
