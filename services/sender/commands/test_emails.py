"""Test emails of a domain: the text is fixed, and the recipient is on the domain or its test address.

They are rate limited per domain and per tenant, because anyone with a domain's link may request one.
"""

import hashlib
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

from chassis.access import TenantVisibility, Visibility
from chassis.bucket import RateBucket
from services.sender.commands import drafts
from services.sender.commands.acceptance import Acceptance
from services.sender.commands.specs import EmailSpec
from services.sender.commands.test_addresses import TestAddresses
from services.sender.errors import DomainNotFound, DomainNotReady, TooManyTests
from services.sender.model.emails import Email
from services.sender.store.acceptance import Request
from services.sender.store.test_emails import Subject, TestEmailStore

LOCAL_PART = "hello"
TAG = ("letterhead", "test-email")
AT_ONCE = 5
INTERVAL = timedelta(minutes=1)
# For all domains of a tenant: test emails do not count in its reputation, but SES counts their bounces.
TENANT_AT_ONCE = 50
TENANT_INTERVAL = timedelta(minutes=10)

_TEXT = """\
This test email was sent from {name} to show that its DNS records are correct.

Your mail program can show the origin of this email next to the sender's name:

    mailed-by:  {return_path}
    signed-by:  {name}

You do not need to reply.
"""
_HTML = """\
<p>This test email was sent from <strong>{name}</strong> to show that its DNS records are correct.</p>
<p>Your mail program can show the origin of this email next to the sender's name:</p>
<p>mailed-by: {return_path}<br>signed-by: {name}</p>
<p>You do not need to reply.</p>
"""


class TestEmails:
    """Sends test emails, which are accepted like any other email."""

    def __init__(
        self,
        store: TestEmailStore,
        test_addresses: TestAddresses,
        bucket: RateBucket,
        acceptance: Acceptance,
    ) -> None:
        self._store = store
        self._test_addresses = test_addresses
        self._bucket = bucket
        self._acceptance = acceptance

    async def send(self, claim_id: UUID, to: str, request_id: str | None, sees: Visibility) -> Email:
        """Accept one; raise NotFound, FailedPrecondition if the domain cannot sign, or ResourceExhausted."""
        subject = await self._store.find(claim_id, sees)
        if subject is None:
            raise DomainNotFound
        if not subject.signs:
            raise DomainNotReady(subject.name, subject.state)
        draft = replace(drafts.draft(_email_request(subject, to), datetime.now(UTC)), is_test=True)
        await self._test_addresses.check(subject, draft.recipients[0].address.address)
        await self._check_rate(f"test-email:{claim_id}", INTERVAL, AT_ONCE)
        await self._check_rate(f"test-emails:{subject.tenant_id}", TENANT_INTERVAL, TENANT_AT_ONCE)
        content = hashlib.sha256(f"SendTestEmail\0{claim_id}\0{to}".encode()).digest()
        within = TenantVisibility(subject.tenant_id, sees.claim_ids, sees.kinds)
        request = Request(within, _namespaced_id(claim_id, request_id), content)
        [email] = await self._acceptance.accept(request, [draft])
        return email

    async def _check_rate(self, key: str, interval: timedelta, at_once: int) -> None:
        rate = 1 / interval.total_seconds()
        if await self._bucket.take(key, rate=rate, capacity=at_once, patience=timedelta(0)) is None:
            raise TooManyTests(interval)


def _namespaced_id(claim_id: UUID, request_id: str | None) -> str | None:
    """Return the request id in a namespace of the domain, so that a link cannot use up its tenant's ids.

    The line breaks prevent collisions, as no caller's id contains one.
    """
    return f"SendTestEmail\n{claim_id}\n{request_id}" if request_id else None


def _email_request(subject: Subject, to: str) -> EmailSpec:
    return EmailSpec(
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
