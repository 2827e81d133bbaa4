"""The demo, step by step: from adding a customer's domain to its first signed email and a bounce.

It uses only the public interfaces of a running sandbox installation: gRPC, NATS and DNS. `letterhead demo`
prints it, and the end-to-end tests run it while they kill services.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from cli.client import Services, connect
from cli.events import Event, Tail
from cli.installation import Installation
from cli.prepare import TENANT
from cli.printer import Printer
from cli.turns import Turns, row
from cli.until import StoryFailed, until
from letterhead.identity.v1.domains_pb2 import CreateDomainRequest, DnsRecord, Domain, GetDomainRequest
from letterhead.identity.v1.links_pb2 import CreateLinkRequest, CreateLinkResponse
from letterhead.sender.v1.emails_pb2 import Address, Email, GetEmailRequest, SendEmailRequest
from letterhead.sender.v1.suppressions_pb2 import ListSuppressionsRequest
from letterhead.verifier.v1.verifier_pb2 import RecordCheck
from sandbox.client import Json, SandboxClient


@dataclass(frozen=True)
class Cast:
    """The domains of the demo: the customer's, in the zone of its parent, and the recipients'."""

    domain: str = "inbox.mnexa.ai"
    readers: str = "mail.reader-of-letters.com"

    @property
    def zone(self) -> str:
        """Return the zone at the customer's DNS provider."""
        return self.domain.split(".", 1)[1]

    @property
    def agent(self) -> str:
        """Return the address that sends."""
        return f"agent@{self.domain}"

    @property
    def support(self) -> str:
        """Return the address for replies."""
        return f"support@{self.zone}"

    @property
    def reader(self) -> str:
        """Return the address of the recipient."""
        return f"ada@{self.readers}"

    @property
    def nobody(self) -> str:
        """Return an address that bounces: the sandbox's mail server rejects the local part `bounce`."""
        return f"bounce@{self.readers}"


@dataclass
class Proof:
    """The emails and events of a demo, for tests to check."""

    emails: dict[str, Json] = field(default_factory=dict)
    events: list[Event] = field(default_factory=list)
    sent: list[Email] = field(default_factory=list)
    turns: list[tuple[str, str]] = field(default_factory=list)
    posts: int = 0


class Story:
    """One run of the demo; `before` is called with the name of each chapter before it starts."""

    def __init__(
        self,
        services: Services,
        sandbox: SandboxClient,
        tail: Tail,
        printer: Printer,
        *,
        cast: Cast,
        console: str,
        before: Callable[[str], Awaitable[None]] | None = None,
    ) -> None:
        self.proof = Proof()
        self._cast = cast
        self._services = services
        self._sandbox = sandbox
        self._tail = tail
        self._printer = printer
        self._before = before
        self._console = console
        self._domain = Domain()
        self._run = f"story-{time.time_ns()}"

    async def play(self) -> Proof:
        """Run every chapter; raise StoryFailed if one does not end as expected."""
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
        self._printer.heading(f"1. A customer adds {self._cast.domain}")
        await self._sandbox.call("PUT", f"/dns/zones/{self._cast.zone}", {})
        request = CreateDomainRequest(name=self._cast.domain, request_id=self._run)
        created = await until("CreateDomain answers", lambda: self._services.domains.CreateDomain(request))
        self._domain = created.domain
        self._domain = await until("SES creates the identity", self._records_are_known)
        self._printer.say("DNS records for the customer to publish:")
        self._printer.table(("for", "type", "name", "value", "ttl"), map(row, self._domain.records))
        link = await until("CreateLink answers", self._link)
        self._printer.say(f"The customer's page, until the link expires: {self._console}/d/{link.token}")

    async def _send_before_ready(self) -> None:
        self._printer.heading("2. Before the domain is ready, email is sent from the shared domain")
        await self._send("before", self._cast.reader, "Hello from the shared domain")
        self._print_email("before")
        received = self.proof.emails["before"]
        self._expect(
            f"From shows `{TENANT} via …` and not the customer's domain",
            holds=f"{TENANT} via" in str(received["from"]) and self._cast.domain not in str(received["from"]),
        )
        self._expect("Reply-To is unchanged", holds=self._cast.support in str(received["reply_to"]))

    async def _publish_records(self) -> None:
        self._printer.heading("3. The customer publishes the DNS records")
        async with self._watching() as turns:
            required = [record for record in self._domain.records if record.required]
            await self._publish_with_zone_appended(required[0], turns)
            for record in required:
                await self._publish(record)
                await turns.until(record, RecordCheck.STATUS_FOUND)
            await turns.until_ready()
        event = await self._event("domain.ready", lambda event: event.resource == self._cast.domain)
        self._printer.good(f"{event.subject} on NATS: {event.data['cause']}")

    async def _send_as_own(self, alignment: str, aligned: tuple[str, ...]) -> None:
        strict = "=s" in alignment
        self._printer.heading(
            f"{4 if strict else 5}. Email is sent from the customer's domain; DMARC alignment: {alignment}"
        )
        await self._sandbox.withdraw("TXT", f"_dmarc.{self._cast.domain}")
        await self._sandbox.publish("TXT", f"_dmarc.{self._cast.domain}", f"v=DMARC1; p=reject; {alignment}")
        name = "strict" if strict else "relaxed"
        await self._send(name, self._cast.reader, f"Hello from our own domain ({alignment})")
        self._print_email(name)
        received = self.proof.emails[name]
        self._expect(f"signed-by {self._cast.domain}", holds=received["signed_by"] == self._cast.domain)
        self._expect(
            f"mailed-by send.{self._cast.domain}", holds=received["mailed_by"] == f"send.{self._cast.domain}"
        )
        self._expect("dmarc=pass", holds=received["dmarc"]["result"] == "pass")
        self._expect(
            f"aligned by {' and '.join(aligned)}", holds=received["dmarc"]["aligned_by"] == list(aligned)
        )

    async def _bounce(self) -> None:
        self._printer.heading("6. An email to an unknown recipient bounces")
        email = await self._accept("bounce", self._cast.nobody, "Are you there?")
        self._printer.say(f"sent to {self._cast.nobody}: {email.id}")
        event = await self._event(
            "bounce.received", lambda event: event.data.get("email", {}).get("id") == email.id
        )
        diagnostic = event.data["recipients"][0].get("diagnosticCode", "")
        self._printer.good(f"{event.subject} on NATS: {event.data['bounceType']}, {diagnostic}")
        added = await self._event(
            "suppression.added", lambda event: event.data.get("address") == self._cast.nobody
        )
        self._printer.good(f"{added.subject} on NATS: {added.data['reason']}")
        everything = ListSuppressionsRequest(page_size=1000)
        listed = await until(
            "ListSuppressions answers", lambda: self._services.suppressions.ListSuppressions(everything)
        )
        self._expect(
            f"{self._cast.nobody} is on the suppression list",
            holds=self._cast.nobody in {each.address for each in listed.suppressions},
        )

    async def _refused(self) -> None:
        self._printer.heading("7. Another email to the same recipient is suppressed")
        posts = await self._posts()
        email = await self._accept("refused", self._cast.nobody, "Are you there now?")
        email = await self._until_state(email, Email.STATE_SUPPRESSED)
        self._printer.good(f"SUPPRESSED: {email.state_note}")
        self.proof.posts = await self._posts()
        self._expect(
            f"no new request to SES: {posts} before, {self.proof.posts} after",
            holds=self.proof.posts == posts,
        )

    # Steps

    async def _send(self, name: str, to: str, subject: str) -> None:
        """Send an email, and wait until it is SENT and the receiver has evaluated it."""
        email = await self._accept(name, to, subject)
        email = await self._until_state(email, Email.STATE_SENT)
        self.proof.sent.append(email)
        self.proof.emails[name] = await until(
            f"the receiver gets {subject!r}", lambda: self._received(email, subject)
        )

    async def _accept(self, name: str, to: str, subject: str) -> Email:
        request = SendEmailRequest(
            to=[Address(address=to, name="Ada")],
            reply_to=[Address(address=self._cast.support)],
            subject=subject,
            text="This email carries its own letterhead.\n",
            html="<p>This email carries its own <b>letterhead</b>.</p>\n",
            tags={"story": "letterhead"},
            request_id=f"{self._run}-{name}",
        )
        getattr(request, "from").CopyFrom(Address(address=self._cast.agent, name="The Mnexa agent"))
        return (await until("SendEmail answers", lambda: self._services.sender.SendEmail(request))).email

    async def _until_state(self, email: Email, wanted: Email.State.ValueType) -> Email:
        async def in_state() -> Email | None:
            now = (await self._services.sender.GetEmail(GetEmailRequest(email_id=email.id))).email
            return now if now.state == wanted else None

        return await until(f"the email is {Email.State.Name(wanted).removeprefix('STATE_')}", in_state)

    async def _received(self, email: Email, subject: str) -> Json | None:
        for each in await self._sandbox.emails(subject=subject):
            received = await self._sandbox.email(each["id"])
            if email.ses_id in str(received["headers"]):
                return received
        return None

    def _print_email(self, name: str) -> None:
        received = self.proof.emails[name]
        rows = [
            ("From", received["from"]),
            ("Reply-To", received["reply_to"]),
            ("mailed-by", received["mailed_by"]),
            ("signed-by", received["signed_by"]),
        ]
        self._printer.table(("the receiver shows", ""), rows)
        self._printer.say(f"Authentication-Results: {received['authentication_results']}")

    async def _records_are_known(self) -> Domain | None:
        domain = (await self._services.domains.GetDomain(GetDomainRequest(domain_id=self._domain.id))).domain
        return domain if domain.state != Domain.STATE_PROVISIONING and domain.records else None

    async def _link(self) -> CreateLinkResponse:
        return await self._services.links.CreateLink(CreateLinkRequest(domain_id=self._domain.id))

    async def _publish(self, record: DnsRecord, name: str | None = None) -> None:
        kind = DnsRecord.Type.Name(record.type).removeprefix("TYPE_")
        await self._sandbox.publish(kind, name or record.name, record.value, priority=record.priority)

    async def _publish_with_zone_appended(self, record: DnsRecord, turns: Turns) -> None:
        """Make a common mistake: enter the full name in a DNS form that appends the zone itself."""
        appended = f"{record.name}.{self._cast.zone}"
        await self._publish(record, appended)
        await turns.until_message(record, appended)
        await self._sandbox.withdraw("CNAME", appended)

    @asynccontextmanager
    async def _watching(self) -> AsyncIterator[Turns]:
        turns = Turns(self._services, self._domain, self._printer, self.proof.turns)
        task = asyncio.create_task(turns.run())
        try:
            yield turns
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def _event(self, subject: str, matches: Callable[[Event], bool]) -> Event:
        async def found() -> Event | None:
            return self._tail.find(subject, matches)

        event = await until(f"{subject} arrives on NATS", found)
        self.proof.events.append(event)
        return event

    async def _posts(self) -> int:
        return len((await self._sandbox.ledger())["posts"])

    def _expect(self, what: str, *, holds: bool) -> None:
        if not holds:
            raise StoryFailed(f"Expectation failed: {what}")
        self._printer.good(what)


@asynccontextmanager
async def telling(
    installation: Installation,
    sandbox: SandboxClient,
    printer: Printer,
    *,
    cast: Cast = Cast(),
    before: Callable[[str], Awaitable[None]] | None = None,
) -> AsyncIterator[Story]:
    """Connect to an installation; yield a demo to run against it."""
    async with connect(installation) as services, Tail.open(installation.wire) as tail:
        yield Story(services, sandbox, tail, printer, cast=cast, console=installation.console, before=before)
