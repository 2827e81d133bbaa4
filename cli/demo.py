"""The demo, step by step: from adding a customer's domain to its first signed email and a bounce.

It uses only the public interfaces of a running sandbox installation: gRPC, NATS, DNS and webhooks.
`letterhead demo` prints it, and the end-to-end tests run it while they kill services.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from cli.client import Services, connect
from cli.demo_domains import DemoDomains
from cli.demo_webhook import SIGNED, DemoReceiver
from cli.dns_records import COLUMNS, row, type_of
from cli.domain_watch import DomainWatch
from cli.events import Event, Tail
from cli.installation import Installation
from cli.local_installation import TENANT
from cli.polling import DemoFailed, until
from cli.printer import Printer
from letterhead.identity.v1.domains_pb2 import CreateDomainRequest, DnsRecord, Domain, GetDomainRequest
from letterhead.identity.v1.links_pb2 import CreateLinkRequest, CreateLinkResponse
from letterhead.sender.v1.emails_pb2 import Address, Email, GetEmailRequest, SendEmailRequest
from letterhead.sender.v1.suppressions_pb2 import ListSuppressionsRequest
from letterhead.verifier.v1.check_reason_pb2 import CHECK_REASON_ZONE_APPENDED
from letterhead.verifier.v1.verifier_pb2 import RecordCheck
from letterhead.webhooks.v1.webhook_service_pb2 import EVENT_TYPE_EMAIL_BOUNCED
from sandbox.client import Json, SandboxClient


@dataclass
class DemoResult:
    """The emails, events and webhooks of a demo, for tests to check."""

    emails: dict[str, Json] = field(default_factory=dict)
    events: list[Event] = field(default_factory=list)
    webhooks: list[Json] = field(default_factory=list)
    sent: list[Email] = field(default_factory=list)
    posts: int = 0


class Demo:
    """One run of the demo; `before` is called with the name of each step before it starts."""

    def __init__(
        self,
        services: Services,
        sandbox: SandboxClient,
        tail: Tail,
        printer: Printer,
        *,
        names: DemoDomains,
        installation: Installation,
        before: Callable[[str], Awaitable[None]] | None = None,
    ) -> None:
        self.result = DemoResult()
        self._names = names
        self._services = services
        self._sandbox = sandbox
        self._tail = tail
        self._printer = printer
        self._before = before
        self._console = installation.console
        self._domain = Domain()
        self._run = f"demo-{time.time_ns()}"
        self._receiver = DemoReceiver(services, sandbox, installation.receiver, self._run)

    async def run(self) -> DemoResult:
        """Run every step; raise DemoFailed if one does not end as expected."""
        for name, step in self._steps().items():
            if self._before:
                await self._before(name)
            await step()
        return self.result

    def _steps(self) -> dict[str, Callable[[], Awaitable[None]]]:
        return {
            "add": self._add_the_domain,
            "before": self._send_before_ready,
            "publish": self._publish_records,
            "strict": lambda: self._send_as_own("adkim=s; aspf=s", ("dkim",)),
            "relaxed": lambda: self._send_as_own("adkim=r; aspf=r", ("dkim", "spf")),
            "endpoint": self._add_an_endpoint,
            "bounce": self._bounce,
            "webhook": self._webhook,
            "refused": self._refused,
        }

    # Steps

    async def _add_the_domain(self) -> None:
        self._printer.heading(f"1. A customer adds {self._names.domain}")
        await self._sandbox.call("PUT", f"/dns/zones/{self._names.zone}", {})
        request = CreateDomainRequest(name=self._names.domain, request_id=self._run)
        created = await until("CreateDomain answers", lambda: self._services.domains.CreateDomain(request))
        self._domain = created.domain
        self._domain = await until("SES creates the identity", self._records_are_known)
        self._printer.say("DNS records for the customer to publish:")
        self._printer.table(COLUMNS, map(row, self._domain.records))
        link = await until("CreateLink answers", self._link)
        self._printer.say(f"The customer's page, until the link expires: {self._console}/d/{link.token}")

    async def _send_before_ready(self) -> None:
        self._printer.heading("2. Before the domain is ready, email is sent from the shared domain")
        await self._send("before", self._names.recipient, "Hello from the shared domain")
        self._print_email("before")
        received = self.result.emails["before"]
        self._expect(
            f"From shows `{TENANT} via …` and not the customer's domain",
            holds=f"{TENANT} via" in str(received["from"])
            and self._names.domain not in str(received["from"]),
        )
        self._expect("Reply-To is unchanged", holds=self._names.support in str(received["reply_to"]))

    async def _publish_records(self) -> None:
        self._printer.heading("3. The customer publishes the DNS records")
        async with self._watching() as watch:
            required = [record for record in self._domain.records if record.required]
            await self._publish_with_zone_appended(required[0], watch)
            for record in required:
                await self._publish(record)
                await watch.until(record, RecordCheck.STATUS_FOUND)
            await watch.until_ready()
        event = await self._event("domain.ready", lambda event: event.resource == self._names.domain)
        self._printer.good(f"{event.subject} on NATS: {event.data['message']}")

    async def _send_as_own(self, alignment: str, aligned: tuple[str, ...]) -> None:
        strict = "=s" in alignment
        self._printer.heading(
            f"{4 if strict else 5}. Email is sent from the customer's domain; DMARC alignment: {alignment}"
        )
        await self._sandbox.withdraw("TXT", f"_dmarc.{self._names.domain}")
        await self._sandbox.publish("TXT", f"_dmarc.{self._names.domain}", f"v=DMARC1; p=reject; {alignment}")
        name = "strict" if strict else "relaxed"
        await self._send(name, self._names.recipient, f"Hello from our own domain ({alignment})")
        self._print_email(name)
        received = self.result.emails[name]
        self._expect(f"signed-by {self._names.domain}", holds=received["signed_by"] == self._names.domain)
        self._expect(
            f"mailed-by send.{self._names.domain}",
            holds=received["mailed_by"] == f"send.{self._names.domain}",
        )
        self._expect("dmarc=pass", holds=received["dmarc"]["result"] == "pass")
        self._expect(
            f"aligned by {' and '.join(aligned)}", holds=received["dmarc"]["aligned_by"] == list(aligned)
        )

    async def _add_an_endpoint(self) -> None:
        self._printer.heading("6. The platform adds a webhook endpoint")
        endpoint = await self._receiver.create_endpoint(EVENT_TYPE_EMAIL_BOUNCED, self._domain.id)
        self._printer.good(f"email.bounced of {self._names.domain} will be posted to {endpoint.url}")

    async def _bounce(self) -> None:
        self._printer.heading("7. An email to an unknown recipient bounces")
        email = await self._accept("bounce", self._names.bouncing, "Are you there?")
        self._printer.say(f"sent to {self._names.bouncing}: {email.id}")
        event = await self._event(
            "bounce.received", lambda event: event.data.get("email", {}).get("id") == email.id
        )
        diagnostic = event.data["recipients"][0].get("diagnosticCode", "")
        self._printer.good(f"{event.subject} on NATS: {event.data['bounceType']}, {diagnostic}")
        added = await self._event(
            "suppression.added", lambda event: event.data.get("address") == self._names.bouncing
        )
        reason = added.data["reason"].removeprefix("SUPPRESSION_REASON_").lower()
        self._printer.good(f"{added.subject} on NATS: {reason}")
        everything = ListSuppressionsRequest(page_size=1000)
        listed = await until(
            "ListSuppressions answers", lambda: self._services.suppressions.ListSuppressions(everything)
        )
        self._expect(
            f"{self._names.bouncing} is on the suppression list",
            holds=self._names.bouncing in {each.address for each in listed.suppressions},
        )

    async def _webhook(self) -> None:
        self._printer.heading("8. The webhook endpoint receives the bounce, signed")
        post = await self._receiver.post("email.bounced")
        self._printer.table(("header", "value"), [(name, post["headers"][name]) for name in SIGNED])
        event = self._receiver.verified(post["body"], post["headers"])
        self._expect("the library `standardwebhooks` verifies the signature", holds=event is not None)
        altered = self._receiver.verified(f"{post['body']} ", post["headers"])
        self._expect("the library rejects the signature of an altered body", holds=altered is None)
        bounce = event["data"]["bounce"]
        self._expect(
            f"{event['type']}: {self._names.bouncing}, {bounce['type']}, {bounce['message']}",
            holds=(event["type"], event["data"]["to"]) == ("email.bounced", [self._names.bouncing]),
        )
        self.result.webhooks.append(event)
        await self._receiver.delete_endpoint()
        self._printer.good("the platform deletes the endpoint")

    async def _refused(self) -> None:
        self._printer.heading("9. Another email to the same recipient is suppressed")
        posts = await self._posts()
        email = await self._accept("refused", self._names.bouncing, "Are you there now?")
        email = await self._until_state(email, Email.STATE_SUPPRESSED)
        self._printer.good(f"SUPPRESSED: {email.state_message}")
        self.result.posts = await self._posts()
        self._expect(
            f"no new request to SES: {posts} before, {self.result.posts} after",
            holds=self.result.posts == posts,
        )

    # Parts of steps

    async def _send(self, name: str, to: str, subject: str) -> None:
        """Send an email, and wait until it is SENT and the receiver has evaluated it."""
        email = await self._accept(name, to, subject)
        email = await self._until_state(email, Email.STATE_SENT)
        self.result.sent.append(email)
        self.result.emails[name] = await until(
            f"the receiver gets {subject!r}", lambda: self._received(email, subject)
        )

    async def _accept(self, name: str, to: str, subject: str) -> Email:
        request = SendEmailRequest(
            to=[Address(address=to, name="Ada")],
            reply_to=[Address(address=self._names.support)],
            subject=subject,
            text="This email carries its own letterhead.\n",
            html="<p>This email carries its own <b>letterhead</b>.</p>\n",
            tags={"story": "letterhead"},
            request_id=f"{self._run}-{name}",
        )
        getattr(request, "from").CopyFrom(Address(address=self._names.agent, name="The Mnexa agent"))
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
        received = self.result.emails[name]
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
        await self._sandbox.publish(
            type_of(record), name or record.name, record.value, priority=record.priority
        )

    async def _publish_with_zone_appended(self, record: DnsRecord, watch: DomainWatch) -> None:
        """Make a common mistake: enter the full name in a DNS form that appends the zone itself."""
        appended = f"{record.name}.{self._names.zone}"
        await self._publish(record, appended)
        await watch.until_reason(record, CHECK_REASON_ZONE_APPENDED)
        await self._sandbox.withdraw("CNAME", appended)

    @asynccontextmanager
    async def _watching(self) -> AsyncIterator[DomainWatch]:
        watch = DomainWatch(self._services, self._domain, self._printer)
        task = asyncio.create_task(watch.run())
        try:
            yield watch
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def _event(self, subject: str, matches: Callable[[Event], bool]) -> Event:
        async def found() -> Event | None:
            return self._tail.find(subject, matches)

        event = await until(f"{subject} arrives on NATS", found)
        self.result.events.append(event)
        return event

    async def _posts(self) -> int:
        """Return how often an email was posted to SES; heartbeats have no such tag."""
        return sum("lh-email" in each["email_tags"] for each in (await self._sandbox.ledger())["posts"])

    def _expect(self, what: str, *, holds: bool) -> None:
        if not holds:
            raise DemoFailed(f"Expectation failed: {what}")
        self._printer.good(what)


@asynccontextmanager
async def open_demo(
    installation: Installation,
    sandbox: SandboxClient,
    printer: Printer,
    *,
    names: DemoDomains | None = None,
    before: Callable[[str], Awaitable[None]] | None = None,
) -> AsyncIterator[Demo]:
    """Connect to an installation; yield a demo to run against it."""
    async with connect(installation) as services, Tail.open(installation.wire) as tail:
        yield Demo(
            services,
            sandbox,
            tail,
            printer,
            names=names or DemoDomains(),
            installation=installation,
            before=before,
        )
