"""The main job, step by step: from a customer's domain to its first signed email, and a bounce that comes back.

Plays against a running sandbox installation through the doors that everyone has: gRPC, NATS and DNS.
`letterhead demo` prints it; the end-to-end tests play it while they kill services.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TypeVar

import grpc
from letterhead.identity.v1.domains_pb2 import CreateDomainRequest, DnsRecord, Domain, GetDomainRequest
from letterhead.sender.v1.emails_pb2 import Address, Email, GetEmailRequest, SendEmailRequest
from letterhead.sender.v1.suppressions_pb2 import ListSuppressionsRequest
from letterhead.verifier.v1.verifier_pb2 import RecordCheck, Verification, WatchDomainRequest

from cli.client import Services, connect
from cli.events import Event, Tail
from cli.installation import Installation
from cli.teller import Teller
from sandbox.client import Json, SandboxClient

DOMAIN = "inbox.mnexa.ai"
ADDRESS = f"agent@{DOMAIN}"
REPLY_TO = "support@mnexa.ai"
READER = "ada@mail.example-reader.com"
NOBODY = "bounce@mail.example-reader.com"
PATIENCE = timedelta(seconds=60)
POLL_SECONDS = 0.1

T = TypeVar("T")


class StoryFailed(Exception):
    """The story did not go as it should; the text says where."""


@dataclass
class Proof:
    """What was shown on the way, for the tests to look at."""

    emails: dict[str, Json] = field(default_factory=dict)
    events: list[Event] = field(default_factory=list)
    sent: list[Email] = field(default_factory=list)
    turns: list[tuple[str, str]] = field(default_factory=list)
    posts: int = 0


class Story:
    """One telling. `before` is called with the name of each chapter before it begins."""

    def __init__(
        self,
        services: Services,
        sandbox: SandboxClient,
        tail: Tail,
        teller: Teller,
        before: Callable[[str], Awaitable[None]] | None = None,
    ) -> None:
        self.proof = Proof()
        self._services = services
        self._sandbox = sandbox
        self._tail = tail
        self._teller = teller
        self._before = before
        self._domain = Domain()
        self._run = f"story-{time.time_ns()}"

    async def play(self) -> Proof:
        """Plays every chapter; raises StoryFailed when one does not end as it should."""
        for name, chapter in self._chapters().items():
            if self._before:
                await self._before(name)
            await chapter()
        return self.proof

    def _chapters(self) -> dict[str, Callable[[], Awaitable[None]]]:
        return {
            "add": self._add_the_domain,
            "before": self._send_before_ready,
            "publish": self._publish_records,
            "strict": lambda: self._send_as_own("adkim=s; aspf=s", ("dkim",)),
            "relaxed": lambda: self._send_as_own("adkim=r; aspf=r", ("dkim", "spf")),
            "bounce": self._bounce,
            "refused": self._refused,
        }

    # Chapters

    async def _add_the_domain(self) -> None:
        self._teller.heading(f"1. A customer adds {DOMAIN}")
        request = CreateDomainRequest(name=DOMAIN, request_id=self._run)
        self._domain = (await self._services.domains.CreateDomain(request)).domain
        self._domain = await self._until("SES makes the identity", self._records_are_known)
        self._teller.say("The records to paste into the DNS provider's form:")
        self._teller.table(("for", "type", "name", "value", "ttl"), map(_row, self._domain.records))

    async def _send_before_ready(self) -> None:
        self._teller.heading("2. An email before the domain is ready leaves through the shared sender")
        await self._send("before", READER, "Hello, before the records")
        self._tell_email("before")
        judged = self.proof.emails["before"]
        self._expect(
            "From says via, and for whom",
            holds="via" in str(judged["from"]) and DOMAIN in str(judged["from"]),
        )
        self._expect("Reply-To is kept", holds=REPLY_TO in str(judged["reply_to"]))

    async def _publish_records(self) -> None:
        self._teller.heading("3. The customer pastes the records, and the chips turn")
        async with self._watching() as turns:
            required = [record for record in self._domain.records if record.required]
            await self._paste_wrongly(required[0], turns)
            for record in required:
                await self._publish(record)
                await turns.until(record, RecordCheck.VERDICT_FOUND)
            await turns.until_ready()
        event = await self._event("domain.ready", lambda event: event.resource == DOMAIN)
        self._teller.good(f"{event.subject} on NATS: {event.data['cause']}")

    async def _send_as_own(self, alignment: str, aligned: tuple[str, ...]) -> None:
        strict = "s" in alignment
        self._teller.heading(f"{4 if strict else 5}. An email as itself, under DMARC with {alignment}")
        await self._sandbox.withdraw("TXT", f"_dmarc.{DOMAIN}")
        await self._sandbox.publish("TXT", f"_dmarc.{DOMAIN}", f"v=DMARC1; p=reject; {alignment}")
        name = "strict" if strict else "relaxed"
        await self._send(name, READER, f"Hello, as myself ({alignment})")
        self._tell_email(name)
        judged = self.proof.emails[name]
        self._expect(f"signed-by {DOMAIN}", holds=judged["signed_by"] == DOMAIN)
        self._expect(f"mailed-by send.{DOMAIN}", holds=judged["mailed_by"] == f"send.{DOMAIN}")
        self._expect("dmarc=pass", holds=judged["dmarc"]["result"] == "pass")
        self._expect(f"aligned by {' and '.join(aligned)}", holds=judged["dmarc"]["aligned"] == list(aligned))

    async def _bounce(self) -> None:
        self._teller.heading("6. An email to nobody comes back")
        email = await self._accept("bounce", NOBODY, "Are you there?")
        self._teller.say(f"sent to {NOBODY}: {email.id}")
        event = await self._event(
            "bounce.received", lambda event: event.data.get("email", {}).get("id") == email.id
        )
        said = event.data["recipients"][0].get("diagnosticCode", "")
        self._teller.good(f"{event.subject} on NATS: {event.data['bounceType']}, {said}")
        added = await self._event("suppression.added", lambda event: event.data.get("address") == NOBODY)
        self._teller.good(f"{added.subject} on NATS: {added.data['reason']}")
        listed = await self._services.suppressions.ListSuppressions(ListSuppressionsRequest())
        self._expect(
            f"{NOBODY} is on the suppression list",
            holds=NOBODY in {each.address for each in listed.suppressions},
        )

    async def _refused(self) -> None:
        self._teller.heading("7. A second email to nobody is not sent at all")
        posts = await self._posts()
        email = await self._accept("refused", NOBODY, "Are you there now?")
        email = await self._settled(email, Email.STATE_SUPPRESSED)
        self._teller.good(f"SUPPRESSED: {email.state_note}")
        self.proof.posts = await self._posts()
        self._expect(
            f"requests to SES, before and after: {posts} and {self.proof.posts}",
            holds=self.proof.posts == posts,
        )

    # What chapters are made of

    async def _send(self, name: str, to: str, subject: str) -> None:
        """Sends an email, and waits until it is SENT and judged by the receiver."""
        email = await self._accept(name, to, subject)
        email = await self._settled(email, Email.STATE_SENT)
        self.proof.sent.append(email)
        self.proof.emails[name] = await self._until(
            f"the receiver has {subject!r}", lambda: self._received(email, subject)
        )

    async def _accept(self, name: str, to: str, subject: str) -> Email:
        request = SendEmailRequest(
            to=[Address(address=to, name="Ada")],
            reply_to=[Address(address=REPLY_TO)],
            subject=subject,
            text="This letter carries its own letterhead.\n",
            html="<p>This letter carries its own <b>letterhead</b>.</p>\n",
            tags={"story": "letterhead"},
            request_id=f"{self._run}-{name}",
        )
        getattr(request, "from").CopyFrom(Address(address=ADDRESS, name="The Mnexa agent"))
        return (await self._services.sender.SendEmail(request)).email

    async def _settled(self, email: Email, wanted: Email.State.ValueType) -> Email:
        async def look() -> Email | None:
            now = (await self._services.sender.GetEmail(GetEmailRequest(email_id=email.id))).email
            return now if now.state == wanted else None

        return await self._until(f"the email is {Email.State.Name(wanted).removeprefix('STATE_')}", look)

    async def _received(self, email: Email, subject: str) -> Json | None:
        for each in await self._sandbox.emails(subject=subject):
            judged = await self._sandbox.email(each["id"])
            if email.ses_id in str(judged["headers"]):
                return judged
        return None

    def _tell_email(self, name: str) -> None:
        judged = self.proof.emails[name]
        rows = [
            ("From", judged["from"]),
            ("Reply-To", judged["reply_to"]),
            ("mailed-by", judged["mailed_by"]),
            ("signed-by", judged["signed_by"]),
        ]
        self._teller.table(("the receiver shows", ""), rows)
        self._teller.say(f"Authentication-Results: {judged['authentication_results']}")

    async def _records_are_known(self) -> Domain | None:
        domain = (await self._services.domains.GetDomain(GetDomainRequest(domain_id=self._domain.id))).domain
        return domain if domain.state != Domain.STATE_PROVISIONING and domain.records else None

    async def _publish(self, record: DnsRecord, name: str | None = None) -> None:
        kind = DnsRecord.Type.Name(record.type).removeprefix("TYPE_")
        await self._sandbox.publish(kind, name or record.name, record.value, priority=record.priority)

    async def _paste_wrongly(self, record: DnsRecord, turns: "Turns") -> None:
        """What every DNS form invites to: the whole name, where the form adds the zone itself."""
        appended = f"{record.name}.mnexa.ai"
        await self._publish(record, appended)
        await turns.until_hint(record, appended)
        await self._sandbox.withdraw("CNAME", appended)

    @asynccontextmanager
    async def _watching(self) -> AsyncIterator["Turns"]:
        turns = Turns(self._services, self._domain, self._teller, self.proof.turns)
        task = asyncio.create_task(turns.run())
        try:
            yield turns
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def _event(self, subject: str, fits: Callable[[Event], bool]) -> Event:
        async def look() -> Event | None:
            return self._tail.find(subject, fits)

        event = await self._until(f"{subject} arrives on NATS", look)
        self.proof.events.append(event)
        return event

    async def _posts(self) -> int:
        return len((await self._sandbox.ledger())["posts"])

    async def _until(self, what: str, look: Callable[[], Awaitable[T | None]]) -> T:
        return await until(what, look)

    def _expect(self, what: str, *, holds: bool) -> None:
        if not holds:
            raise StoryFailed(f"this does not hold: {what}")
        self._teller.good(what)


class Turns:
    """A domain's chips as they turn, over a watch that is opened again when it breaks."""

    def __init__(
        self, services: Services, domain: Domain, teller: Teller, seen: list[tuple[str, str]]
    ) -> None:
        self._services = services
        self._domain = domain
        self._teller = teller
        self._seen = seen
        self._shown: dict[str, tuple[int, str]] = {}
        self._latest = Verification()

    async def run(self) -> None:
        """Follows the watch until it is canceled."""
        while True:
            try:
                async for answer in self._services.verifier.WatchDomain(
                    WatchDomainRequest(domain_id=self._domain.id)
                ):
                    self._latest = answer.verification
                    self._tell()
            except grpc.aio.AioRpcError:
                pass
            await asyncio.sleep(POLL_SECONDS)

    async def until(self, record: DnsRecord, verdict: "RecordCheck.Verdict.ValueType") -> None:
        """Waits until a record has a verdict."""
        await until(
            f"{_label(record)} is seen", lambda: self._check(record, lambda check: check.verdict == verdict)
        )

    async def until_hint(self, record: DnsRecord, words: str) -> None:
        """Waits until the hint at a record says some words."""
        what = f"the hint at {_label(record)} names {words}"
        await until(what, lambda: self._check(record, lambda check: words in check.hint))

    async def until_ready(self) -> None:
        """Waits until the domain is READY."""

        async def look() -> bool | None:
            return self._latest.state == Domain.STATE_READY or None

        await until("the domain is READY", look)
        self._teller.good(f"{self._domain.name} is READY: {self._latest.state_note}")

    async def _check(self, record: DnsRecord, fits: Callable[[RecordCheck], bool]) -> RecordCheck | None:
        return next((each for each in self._latest.records if each.record == record and fits(each)), None)

    def _tell(self) -> None:
        for check in self._latest.records:
            label = _label(check.record)
            if self._shown.get(label) == (check.verdict, check.hint) or not check.record.required:
                continue
            self._shown[label] = (check.verdict, check.hint)
            verdict = RecordCheck.Verdict.Name(check.verdict).removeprefix("VERDICT_").lower()
            self._seen.append((label, verdict))
            tell = self._teller.good if check.verdict == RecordCheck.VERDICT_FOUND else self._teller.waiting
            tell(f"{label}: {verdict}" + (f" — {check.hint}" if check.hint else ""))


async def until(what: str, look: Callable[[], Awaitable[T | None]]) -> T:
    """Looks again and again until there is something; raises StoryFailed after PATIENCE."""
    trouble = ""
    for _ in range(int(PATIENCE.total_seconds() / POLL_SECONDS)):
        try:
            if (found := await look()) is not None:
                return found
        except grpc.aio.AioRpcError as error:
            if error.code() not in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED):
                raise
            trouble = f" (last trouble: {error.details()})"
        await asyncio.sleep(POLL_SECONDS)
    raise StoryFailed(f"waited {PATIENCE.total_seconds():g} s in vain until {what}{trouble}")


def _label(record: DnsRecord) -> str:
    purpose = DnsRecord.Purpose.Name(record.purpose).removeprefix("PURPOSE_").replace("_", " ").lower()
    return f"DKIM {record.ordinal} of 3" if record.purpose == DnsRecord.PURPOSE_DKIM else purpose


def _row(record: DnsRecord) -> tuple[str, str, str, str, int]:
    kind = DnsRecord.Type.Name(record.type).removeprefix("TYPE_")
    value = f"{record.priority} {record.value}" if record.type == DnsRecord.TYPE_MX else record.value
    return (_label(record), kind, record.name, value, record.ttl)


@asynccontextmanager
async def telling(
    installation: Installation,
    sandbox: SandboxClient,
    teller: Teller,
    before: Callable[[str], Awaitable[None]] | None = None,
) -> AsyncIterator[Story]:
    """A story against an installation, with its connections."""
    async with connect(installation) as services, Tail.open(installation.nats_url) as tail:
        yield Story(services, sandbox, tail, teller, before)
