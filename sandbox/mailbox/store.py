"""The mailbox itself: a bounded number of judged emails in memory, and how a person would see each."""

import uuid
from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from sandbox.clock import Clock
from sandbox.dns.suffixes import registrable
from sandbox.mailbox.authentication_results import authentication_results
from sandbox.mailbox.contents import Contents, read_contents
from sandbox.mailbox.judge import Envelope, Judge, Judgement

_BYTES_KEPT = 512 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Email:
    """One email as received, byte for byte, with what the receiver makes of it."""

    id: str
    received_at: datetime
    raw: bytes
    envelope: Envelope
    contents: Contents
    judgement: Judgement
    authentication_results: str

    @property
    def mailed_by(self) -> str | None:
        """The envelope sender's domain, when SPF vouches for it."""
        verdict = self.judgement.spf
        return verdict.domain if verdict.result == "pass" else None

    @property
    def signed_by(self) -> str | None:
        """The domain of a signature that verified, one of the author's organization before any other."""
        passed = [verdict.domain for verdict in self.judgement.dkim if verdict.result == "pass"]
        return next((domain for domain in passed if self._own(domain)), passed[0] if passed else None)

    @property
    def via(self) -> str | None:
        """The domain shown beside From because neither signature nor envelope is of From's organization."""
        shown = [domain for domain in (self.signed_by, self.mailed_by) if domain]
        return None if any(self._own(domain) for domain in shown) else next(iter(shown), None)

    @property
    def passed(self) -> bool:
        """Whether DMARC vouches for the From that people see."""
        return self.judgement.dmarc.result == "pass"

    def _own(self, domain: str) -> bool:
        author = self.judgement.dmarc.domain
        return domain == author or (registrable(domain) or domain) == (registrable(author) or author)


@dataclass(frozen=True, slots=True)
class Search:
    """What to look for: parts of addresses and subject, in any case; `after` is an id already seen."""

    to: str | None = None
    from_: str | None = None
    subject: str | None = None
    limit: int = 50
    after: str | None = None

    def finds(self, email: Email) -> bool:
        """Whether the email has all that is looked for."""
        contents = email.contents
        pairs = (
            (self.to, " ".join((contents.to, *email.envelope.recipients))),
            (self.from_, contents.from_),
            (self.subject, contents.subject),
        )
        return all(wanted is None or wanted.lower() in there.lower() for wanted, there in pairs)


class Mailbox:
    """Judges and keeps emails, the newest `kept` of them and at most half a gibibyte; the oldest go first."""

    def __init__(self, judge: Judge, clock: Clock, *, host: str, kept: int = 1000) -> None:
        self._judge = judge
        self._clock = clock
        self._kept = kept
        self._host = host
        self._emails: OrderedDict[str, Email] = OrderedDict()
        self._bytes = 0

    async def receive(self, raw: bytes, envelope: Envelope) -> Email:
        """Judges an email and keeps it."""
        contents = read_contents(raw)
        judgement = await self._judge.judge(raw, envelope, contents.from_addresses)
        results = authentication_results(self._host, judgement, envelope)
        email = Email(uuid.uuid4().hex, self._clock.now(), raw, envelope, contents, judgement, results)
        self._emails[email.id] = email
        self._bytes += len(raw)
        while len(self._emails) > self._kept or self._bytes > _BYTES_KEPT:
            _, oldest = self._emails.popitem(last=False)
            self._bytes -= len(oldest.raw)
        return email

    def get(self, email_id: str) -> Email | None:
        """The email of that id, while it is kept."""
        return self._emails.get(email_id)

    def search(self, search: Search) -> tuple[list[Email], str | None]:
        """The newest emails that match, newest first, and the id to go on after when there are more."""
        found: list[Email] = []
        for email in self._older_than(search.after):
            if not search.finds(email):
                continue
            if len(found) == search.limit:
                return found, found[-1].id
            found.append(email)
        return found, None

    def clear(self) -> int:
        """Throws everything away and says how many emails that were."""
        count = len(self._emails)
        self._emails.clear()
        self._bytes = 0
        return count

    def _older_than(self, email_id: str | None) -> Iterable[Email]:
        newest_first = reversed(self._emails.values())
        if email_id is not None and email_id in self._emails:
            for email in newest_first:
                if email.id == email_id:
                    break
        return newest_first
