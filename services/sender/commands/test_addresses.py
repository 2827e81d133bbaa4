"""Confirmation of the one address of a domain, besides its own, that test emails may be sent to.

Anyone with a domain's link may request a code, so there are limits on codes per domain, per tenant and per
address, on wrong codes, and on how long a code is valid.
"""

from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID

from chassis.access import Visibility
from chassis.addresses import BadAddress, parse_address
from chassis.codes import code_hash, is_same, new_code, read_code, shown_code
from chassis.database import Connection, Database
from chassis.errors import InvalidField, RequestIdReused, TooManyCodes
from services.sender.commands import drafts
from services.sender.commands.specs import EmailSpec
from services.sender.errors import (
    DomainNotFound,
    DomainNotReady,
    TenantPaused,
    TestAddressNotConfirmed,
    TestCodeEnded,
)
from services.sender.model.emails import Draft
from services.sender.model.test_addresses import CODE_LIVES, State, TestAddress
from services.sender.store.test_addresses import Live, NewCode, TestAddressStore
from services.sender.store.test_emails import Subject, TestEmailStore

SENDER = "hello"
TAGS = {"letterhead": "test-code"}
# The subject does not contain the code, because lists of emails show subjects.
SUBJECT = "Your code for test emails from {name}"
TEXT = """\
Your code is {code}. It expires in {minutes} minutes.

Someone asked to send test emails from {name} to this address and must
enter the code to confirm it. If you did not ask for this, ignore this email:
without the code, no test emails are sent to you.
"""
HTML = """\
<p>Your code is <strong>{code}</strong>. It expires in {minutes} minutes.</p>
<p>Someone asked to send test emails from {name} to this address and must enter the code to confirm it.
If you did not ask for this, ignore this email: without the code, no test emails are sent to you.</p>
"""


class TestAddresses:
    """Sends codes and confirms addresses, for domains that are visible to the caller."""

    def __init__(self, database: Database, domains: TestEmailStore, store: TestAddressStore) -> None:
        self._database = database
        self._domains = domains
        self._store = store

    async def send_code(
        self, claim_id: UUID, typed: str, request_id: str | None, sees: Visibility
    ) -> TestAddress:
        """Email a code to an address; raise NotFound, FailedPrecondition, or ResourceExhausted."""
        subject = await self._found(claim_id, sees)
        if subject.pause_reason is not None:
            raise TenantPaused(subject.pause_reason)
        if not subject.signs:
            raise DomainNotReady(subject.name, subject.state)
        address, code = _address(typed), new_code()
        new = NewCode(
            claim_id,
            subject.tenant_id,
            address,
            request_id,
            code_hash(claim_id, address, code),
            _email(subject, address, code),
        )
        async with self._database.transaction() as connection:
            await self._store.lock(connection)
            return await self._repeated(connection, new) or await self._added(connection, new)

    async def confirm(self, claim_id: UUID, typed: str, code: str, sees: Visibility) -> TestAddress:
        """Confirm an address with its code; raise NotFound, InvalidField, or FailedPrecondition."""
        await self._found(claim_id, sees)
        address = _address(typed)
        digest = code_hash(claim_id, address, read_code(code))
        async with self._database.transaction() as connection:
            live = await self._store.live(connection, claim_id, address)
            opened = live.get(State.CODE_SENT)
            if repeated := _confirmed_by(live.get(State.CONFIRMED), digest):
                return repeated
            if opened is None:
                raise TestCodeEnded(address)
            if is_same(opened.code_hash, digest):
                return await self._store.confirm(connection, opened)
            left = await self._store.count_wrong(connection, opened.id)
        raise _wrong(address, left)  # raised after the commit, so that the failed try is counted

    async def check(self, subject: Subject, address: str) -> None:
        """Raise FailedPrecondition unless a test email of the domain may go to an address."""
        if address.rpartition("@")[2] == subject.name:
            return
        if not await self._store.is_confirmed(subject.claim_id, address.lower()):
            raise TestAddressNotConfirmed(subject.name, address)

    async def _found(self, claim_id: UUID, sees: Visibility) -> Subject:
        subject = await self._domains.find(claim_id, sees)
        if subject is None:
            raise DomainNotFound
        return subject

    async def _repeated(self, connection: Connection, new: NewCode) -> TestAddress | None:
        if new.request_id is None:
            return None
        earlier = await self._store.requested(connection, new.claim_id, new.request_id)
        if earlier is not None and earlier.address != new.address:
            raise RequestIdReused(new.request_id)
        return earlier

    async def _added(self, connection: Connection, new: NewCode) -> TestAddress:
        if (wait := await self._store.wait(connection, new)) is not None:
            raise TooManyCodes(wait)
        return await self._store.add(connection, new)


def _address(typed: str) -> str:
    try:
        return parse_address(typed).lower()
    except BadAddress as bad:
        raise InvalidField.of("address", bad) from None


def _confirmed_by(confirmed: Live | None, digest: bytes) -> TestAddress | None:
    """Return the address if this very code confirmed it before, as in a repeated call; else None."""
    same = confirmed is not None and is_same(confirmed.code_hash, digest)
    return confirmed.test_address if confirmed is not None and same else None


def _wrong(address: str, left: int) -> InvalidField | TestCodeEnded:
    return InvalidField("code", "WRONG_CODE", address=address, tries=left) if left else TestCodeEnded(address)


def _email(subject: Subject, address: str, code: str) -> Draft:
    words = {"name": subject.name, "code": shown_code(code), "minutes": int(CODE_LIVES.total_seconds() // 60)}
    request = EmailSpec(
        sender=(f"{SENDER}@{subject.name}", ""),
        to=[(address, "")],
        cc=[],
        bcc=[],
        reply_to=[],
        subject=SUBJECT.format(**words),
        text=TEXT.format(**words),
        html=HTML.format(**words),
        headers={},
        tags=TAGS,
    )
    return replace(drafts.draft(request, datetime.now(UTC)), is_test=True)
