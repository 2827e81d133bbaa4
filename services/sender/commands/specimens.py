"""The test email of a domain: the words are ours, and it goes to the domain itself or to its test address.

A domain and a tenant have few at a time, because whoever has a domain's link may ask for one.
"""

import hashlib
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

from chassis.access import TenantVisibility, Visibility
from chassis.bucket import RateBucket
from services.sender.commands import drafts
from services.sender.commands.acceptance import Acceptance
from services.sender.commands.drafts import Wish
from services.sender.commands.test_addresses import TestAddresses
from services.sender.model.emails import Email
from services.sender.refusals import DomainNotFound, DomainNotReady, TooManyTests
from services.sender.store.acceptance import Request
from services.sender.store.specimens import SpecimenStore, Subject

LOCAL_PART = "hello"
TAG = ("letterhead", "test-email")
AT_ONCE = 5
INTERVAL = timedelta(minutes=1)
# Of all domains of a tenant: nothing counts their bounces but SES.
TENANT_AT_ONCE = 50
TENANT_INTERVAL = timedelta(minutes=10)

_TEXT = """\
This email was sent as {name}, to show that its DNS records are right.

Your mail program can show where it comes from, near the sender's name:

    mailed-by:  {return_path}
    signed-by:  {name}

Nobody needs to answer it.
"""
_HTML = """\
<p>This email was sent as <strong>{name}</strong>, to show that its DNS records are right.</p>
<p>Your mail program can show where it comes from, near the sender's name:</p>
<p>mailed-by: {return_path}<br>signed-by: {name}</p>
<p>Nobody needs to answer it.</p>
"""


class Specimens:
    """Has test emails accepted like any other email."""

    def __init__(
        self,
        store: SpecimenStore,
        test_addresses: TestAddresses,
        bucket: RateBucket,
        acceptance: Acceptance,
    ) -> None:
        self._store = store
        self._test_addresses = test_addresses
        self._bucket = bucket
        self._acceptance = acceptance

    async def send(self, claim_id: UUID, to: str, request_id: str, sees: Visibility) -> Email:
        """Accept one; raises NotFound, FailedPrecondition until the domain signs, or ResourceExhausted."""
        subject = await self._store.find(claim_id, sees)
        if subject is None:
            raise DomainNotFound
        if not subject.signs:
            raise DomainNotReady(subject.name, subject.state)
        draft = replace(drafts.draft(_wish(subject, to), datetime.now(UTC)), is_test=True)
        await self._test_addresses.check(subject, draft.recipients[0].address.address)
        await self._take_turn(f"test-email:{claim_id}", INTERVAL, AT_ONCE)
        await self._take_turn(f"test-emails:{subject.tenant_id}", TENANT_INTERVAL, TENANT_AT_ONCE)
        content = hashlib.sha256(f"SendTestEmail\0{claim_id}\0{to}".encode()).digest()
        within = TenantVisibility(subject.tenant_id, sees.claim_ids, sees.kinds)
        request = Request(within, _own_id(claim_id, request_id), content)
        [email] = await self._acceptance.accept(request, [draft])
        return email

    async def _take_turn(self, key: str, interval: timedelta, at_once: int) -> None:
        rate = 1 / interval.total_seconds()
        if await self._bucket.take(key, rate=rate, capacity=at_once, patience=timedelta(0)) is None:
            raise TooManyTests(interval)


def _own_id(claim_id: UUID, request_id: str) -> str | None:
    """Return the id in a space of the domain's own, so that a link uses up no id of its tenant's.

    The line breaks keep it apart: no caller's id has one.
    """
    return f"SendTestEmail\n{claim_id}\n{request_id}" if request_id else None


def _wish(subject: Subject, to: str) -> Wish:
    return Wish(
        sender=(f"{LOCAL_PART}@{subject.name}", ""),
        to=[(to, "")],
        cc=[],
        bcc=[],
        reply_to=[],
        subject=f"A test email from {subject.name}",
        text=_TEXT.format(name=subject.name, return_path=subject.return_path),
        html=_HTML.format(name=subject.name, return_path=subject.return_path),
        headers={},
        tags=dict([TAG]),
    )
