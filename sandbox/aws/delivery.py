"""Delivery of accepted emails: sign them, send them to the receiver over SMTP, publish their events."""

import asyncio
from collections import defaultdict
from collections.abc import Iterable

import aiosmtplib
from cryptography.hazmat.primitives.asymmetric import rsa

from sandbox.aws import dkim, reports
from sandbox.aws.account import Account, SuppressionList
from sandbox.aws.background import Background
from sandbox.aws.composing import join_headers
from sandbox.aws.config import AwsConfig
from sandbox.aws.configuration_sets import ConfigurationSets
from sandbox.aws.emails import Email
from sandbox.aws.events import Events
from sandbox.aws.registry import Identity
from sandbox.aws.reports import Response
from sandbox.aws.simulator import is_simulator, simulated
from sandbox.clock import Clock

AMAZON_DOMAIN = "amazonses.com"
AMAZON_SELECTOR = "ug7nbtf4gccmlpwj322ax3p6ow6yfsug"
SMTP_TIMEOUT = 30.0  # seconds for each command
_AT_ONCE = 16  # concurrent SMTP connections
_VIRUSES = (b"X5O!P%@AP[4\\PZX54(P^)7CC)7}$EICAR", b"WDVPIVAlQEFQWzRcUFpYNTQoUF4pN0NDKTd9JEVJQ0FS")


class Dispatch:
    """Delivers accepted emails to the mail server at `smtp` (host, port) and publishes their events."""

    def __init__(
        self,
        config: AwsConfig,
        smtp: tuple[str, int],
        *,
        amazon_key: rsa.RSAPrivateKey,
        account: Account,
        suppressions: SuppressionList,
        configuration_sets: ConfigurationSets,
        events: Events,
        background: Background,
        clock: Clock,
    ) -> None:
        self._retries = config.delivery_retries
        self._smtp = smtp
        self._amazon_key = amazon_key
        self._account = account
        self._suppressions = suppressions
        self._configuration_sets = configuration_sets
        self._events = events
        self._background = background
        self._clock = clock
        self._connections = asyncio.Semaphore(_AT_ONCE)

    def accept(self, email: Email, signer: Identity | None) -> None:
        """Deliver an email in the background; `signer` is the domain to sign as, if any."""
        self._events.remember(email)
        self._background.start(self._run(email, signer))

    async def _run(self, email: Email, signer: Identity | None) -> None:
        content = self._signed(email, signer)
        email.body = b""
        await self._events.publish(email, "Send", {})
        if any(virus in content for virus in _VIRUSES):
            await self._events.publish(email, "Reject", {"reason": "Bad content"})
            return
        suppressed = [address for address in email.recipients if self._suppressed(email, address)]
        others = [address for address in email.recipients if address not in suppressed]
        await self._report_suppressed(email, suppressed)
        await self._simulate(email, [address for address in others if is_simulator(address)])
        real = (address for address in others if not is_simulator(address))
        await asyncio.gather(*(self._deliver(email, content, group) for group in _by_domain(real)))

    def _signed(self, email: Email, signer: Identity | None) -> bytes:
        """Return the signed email: the domain's signature first, then amazonses.com's, then the email."""
        hashed, now = dkim.body_hash(email.body), self._clock.now()
        signatures = []
        if signer:
            named = {"domain": signer.name, "selector": signer.tokens[0]}
            signatures.append(dkim.sign(email.headers, hashed, signer.keys[0], now=now, **named))
        named = {"domain": AMAZON_DOMAIN, "selector": AMAZON_SELECTOR}
        signatures.append(dkim.sign(email.headers, hashed, self._amazon_key, now=now, **named))
        return join_headers([*signatures, *email.headers]) + b"\r\n" + email.body

    def _suppressed(self, email: Email, address: str) -> bool:
        entry = self._suppressions.find(address)
        found = self._configuration_sets.find(email.configuration_set or "")
        own_reasons = found.suppressed_reasons() if found else None
        reasons = self._account.suppressed_reasons if own_reasons is None else own_reasons
        return entry is not None and entry.reason in reasons

    async def _report_suppressed(self, email: Email, addresses: list[str]) -> None:
        if addresses:
            responses = [Response(address, 0, reports.SUPPRESSED, "5.1.1") for address in addresses]
            block = reports.bounced("Permanent", "OnAccountSuppressionList", responses, self._clock.now())
            await self._events.publish(email, "Bounce", block)

    async def _simulate(self, email: Email, addresses: list[str]) -> None:
        for event_type, block in simulated(email, addresses, self._clock.now()):
            await self._events.publish(email, event_type, block)

    async def _deliver(self, email: Email, content: bytes, recipients: list[str]) -> None:
        """Retry until every recipient is accepted or refused; those deferred after the last retry bounce."""
        for wait in (*self._retries, None):
            responses = await self._transact(email.envelope_from, recipients, content)
            await self._report_delivered(email, [one for one in responses if one.taken])
            await self._report_refused(email, [one for one in responses if one.refused])
            deferred = [one for one in responses if not one.taken and not one.refused]
            if not deferred:
                return
            now = self._clock.now()
            if wait is None:
                await self._events.publish(
                    email, "Bounce", reports.bounced("Transient", "General", deferred, now)
                )
                return
            await self._events.publish(email, "DeliveryDelay", reports.delay(email, deferred, now))
            await asyncio.sleep(wait)
            recipients = [one.recipient for one in deferred]

    async def _report_delivered(self, email: Email, responses: list[Response]) -> None:
        if responses:
            block = reports.delivery(email, responses, self._smtp[0], self._clock.now())
            await self._events.publish(email, "Delivery", block)

    async def _report_refused(self, email: Email, responses: list[Response]) -> None:
        """Publish a bounce per response; a permanent one also suppresses the address in the account."""
        for response in responses:
            block = reports.bounce([response], self._smtp[0], self._clock.now())
            if block["bounceType"] == "Permanent" and "BOUNCE" in self._account.suppressed_reasons:
                self._suppressions.add(response.recipient, "BOUNCE", email.message_id, block["feedbackId"])
            await self._events.publish(email, "Bounce", block)

    async def _transact(self, sender: str, recipients: list[str], content: bytes) -> list[Response]:
        """Run one SMTP transaction; return a response per recipient, with code 0 if the server gave none."""
        host, port = self._smtp
        client = aiosmtplib.SMTP(
            hostname=host,
            port=port,
            local_hostname=reports.REPORTING_MTA,
            start_tls=False,
            timeout=SMTP_TIMEOUT,
        )
        async with self._connections:
            try:
                async with client:
                    return await _send(client, sender, recipients, content)
            except aiosmtplib.SMTPResponseException as error:
                return [Response(recipient, error.code, error.message) for recipient in recipients]
            except (aiosmtplib.SMTPException, OSError) as error:
                return [
                    Response(recipient, 0, f"Cannot reach the mail server: {error}")
                    for recipient in recipients
                ]


async def _send(
    client: aiosmtplib.SMTP, sender: str, recipients: list[str], content: bytes
) -> list[Response]:
    await client.mail(sender, options=["BODY=8BITMIME"] if client.supports_extension("8bitmime") else None)
    responses = []
    for recipient in recipients:
        try:
            await client.rcpt(recipient)
        except aiosmtplib.SMTPRecipientRefused as rejection:
            responses.append(Response(recipient, rejection.code, rejection.message))
    refused = {response.recipient for response in responses}
    accepted = [recipient for recipient in recipients if recipient not in refused]
    if accepted:
        code, text = await _data(client, content)
        responses += [Response(recipient, code, text) for recipient in accepted]
    return responses


async def _data(client: aiosmtplib.SMTP, content: bytes) -> tuple[int, str]:
    try:
        answer = await client.data(content)
    except aiosmtplib.SMTPDataError as rejection:
        return rejection.code, rejection.message
    return answer.code, answer.message


def _by_domain(addresses: Iterable[str]) -> list[list[str]]:
    groups = defaultdict(list)
    for address in addresses:
        groups[address.rpartition("@")[2].lower()].append(address)
    return list(groups.values())
