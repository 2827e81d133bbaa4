"""The test email of a domain: the words are ours, the reader is chosen, and a domain has few at a time.

Few and in our words, because whoever has a domain's link may ask for one.
"""

import hashlib
from datetime import UTC, datetime, timedelta
from uuid import UUID

from chassis.bucket import RateBucket
from services.sender.commands import drafts
from services.sender.commands.acceptance import Acceptance
from services.sender.commands.drafts import Wish
from services.sender.model.emails import Email
from services.sender.refusals import DomainNotFound, DomainNotReady, TooManyTests
from services.sender.store.acceptance import Request
from services.sender.store.changes import Sight
from services.sender.store.specimens import SpecimenStore, Subject

LOCAL_PART = "hello"
TAG = ("letterhead", "test-email")
AT_ONCE = 5
INTERVAL = timedelta(minutes=1)

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

    def __init__(self, store: SpecimenStore, bucket: RateBucket, acceptance: Acceptance) -> None:
        self._store = store
        self._bucket = bucket
        self._acceptance = acceptance

    async def send(self, claim_id: UUID, to: str, request_id: str, sight: Sight) -> Email:
        """Accept one; raises NotFound, FailedPrecondition until the domain signs, or ResourceExhausted."""
        subject = await self._store.find(claim_id, sight)
        if subject is None:
            raise DomainNotFound
        if not subject.signs:
            raise DomainNotReady(subject.name, subject.state)
        draft = drafts.draft(_wish(subject, to), datetime.now(UTC))
        await self._take_turn(claim_id)
        content = hashlib.sha256(f"SendTestEmail\0{claim_id}\0{to}".encode()).digest()
        request = Request(subject.tenant_id, request_id or None, content)
        [email] = await self._acceptance.accept(request, [draft], sight.claim_ids)
        return email

    async def _take_turn(self, claim_id: UUID) -> None:
        rate = 1 / INTERVAL.total_seconds()
        key = f"test-email:{claim_id}"
        if await self._bucket.take(key, rate=rate, capacity=AT_ONCE, patience=timedelta(0)) is None:
            raise TooManyTests(INTERVAL)


def is_specimen(email: Email) -> bool:
    """Tell a test email from others."""
    name, value = TAG
    return email.tags.get(name) == value


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
