"""The mailbox: a bounded number of authenticated emails in memory, and how a mail client shows each."""

import uuid
from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from sandbox.clock import Clock
from sandbox.dns.suffixes import registrable
from sandbox.mailbox.authentication_results import authentication_results
from sandbox.mailbox.contents import Contents, read_contents
from sandbox.mailbox.evaluate import Envelope, Evaluation, Evaluator

_MAX_BYTES = 512 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Email:
    """One email as received, byte for byte, with its authentication results."""

    id: str
    received_at: datetime
    raw: bytes
    envelope: Envelope
    contents: Contents
    evaluation: Evaluation
    authentication_results: str

    @property
    def mailed_by(self) -> str | None:
        """Return the envelope sender's domain if SPF passes."""
        result = self.evaluation.spf
        return result.domain if result.result == "pass" else None

    @property
    def signed_by(self) -> str | None:
        """Return the domain of a signature that verified, preferring the author's organization."""
        passed = [result.domain for result in self.evaluation.dkim if result.result == "pass"]
        return next((domain for domain in passed if self._own(domain)), passed[0] if passed else None)

    @property
    def via(self) -> str | None:
        """Return the domain shown beside From if neither signature nor envelope is of From's organization."""
        shown = [domain for domain in (self.signed_by, self.mailed_by) if domain]
        return None if any(self._own(domain) for domain in shown) else next(iter(shown), None)

    @property
    def passed(self) -> bool:
        """Return whether DMARC passes for the From address."""
        return self.evaluation.dmarc.result == "pass"

    def _own(self, domain: str) -> bool:
        author = self.evaluation.dmarc.domain
        return domain == author or (registrable(domain) or domain) == (registrable(author) or author)


@dataclass(frozen=True, slots=True)
class Search:
    """A search for parts of addresses and subject, case-insensitive; `after` is the last id seen."""

    to: str | None = None
    from_: str | None = None
    subject: str | None = None
    limit: int = 50
    after: str | None = None

    def finds(self, email: Email) -> bool:
        """Return whether the email matches every filter."""
        contents = email.contents
        pairs = (
            (self.to, " ".join((contents.to, *email.envelope.recipients))),
            (self.from_, contents.from_),
            (self.subject, contents.subject),
        )
        return all(wanted is None or wanted.lower() in there.lower() for wanted, there in pairs)


class Mailbox:
    """Authenticates and stores emails: the newest `max_emails`, at most 512 MiB in total."""

    def __init__(self, evaluator: Evaluator, clock: Clock, *, host: str, max_emails: int = 1000) -> None:
        self._evaluator = evaluator
        self._clock = clock
        self._max_emails = max_emails
        self._host = host
        self._emails: OrderedDict[str, Email] = OrderedDict()
        self._bytes = 0

    async def receive(self, raw: bytes, envelope: Envelope) -> Email:
        """Authenticate an email and keep it."""
        contents = read_contents(raw)
        evaluation = await self._evaluator.evaluate(raw, envelope, contents.from_addresses)
        results = authentication_results(self._host, evaluation, envelope)
        email = Email(uuid.uuid4().hex, self._clock.now(), raw, envelope, contents, evaluation, results)
        self._emails[email.id] = email
        self._bytes += len(raw)
        while len(self._emails) > self._max_emails or self._bytes > _MAX_BYTES:
            _, oldest = self._emails.popitem(last=False)
            self._bytes -= len(oldest.raw)
        return email

    def get(self, email_id: str) -> Email | None:
        """Return the email with that id, or None if it is not stored."""
        return self._emails.get(email_id)

    def search(self, search: Search) -> tuple[list[Email], str | None]:
        """Return the matching emails, newest first, and the id to continue after if there are more."""
        found: list[Email] = []
        for email in self._older_than(search.after):
            if not search.finds(email):
                continue
            if len(found) == search.limit:
                return found, found[-1].id
            found.append(email)
        return found, None

    def clear(self) -> int:
        """Delete all emails and return how many there were."""
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
