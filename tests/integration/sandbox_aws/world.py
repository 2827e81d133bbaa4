"""A simulated Internet with AWS in it, and helpers that act on them and inspect them."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import aiohttp
import boto3
from botocore.config import Config

from chassis.web import Site, listen, serving
from sandbox.aws import KEEP_ALIVE, Aws, AwsConfig, HttpProtocol, open_certificates
from sandbox.clock import Clock
from sandbox.control import control_app
from sandbox.dns import Internet
from sandbox.dns.internet import OUTBOUND_ADDRESS
from sandbox.mailbox import Mailbox
from sandbox.mailbox.evaluate import Evaluator
from sandbox.mailbox.smtp import receiving
from sandbox.mailbox.store import Email, Search
from tests.waiting import eventually

HOST = "127.0.0.1"
REGION = "us-east-1"
MAIL_HOST = "mx.letterhead-mailbox.com"
CONFIGURATION_SET = "letterhead"
TOPIC = "letterhead-feedback"
EVENT_TYPES = [
    "SEND",
    "REJECT",
    "BOUNCE",
    "COMPLAINT",
    "DELIVERY",
    "OPEN",
    "CLICK",
    "RENDERING_FAILURE",
    "DELIVERY_DELAY",
]

BOTO3 = boto3.Session("AKIASANDBOX", "sandbox", region_name=REGION)  # shared, because it caches the models

Json = dict[str, Any]


class World:
    """A simulated Internet with AWS in it."""

    def __init__(self, aws: Aws, internet: Internet, mailbox: Mailbox, ports: list[int]) -> None:
        self.aws = aws
        self.internet = internet
        self.mailbox = mailbox
        port, self.tls_port, control_port = ports
        self.url = f"http://{HOST}:{port}"
        self.control_url = f"http://{HOST}:{control_port}"
        self.queue_url = ""
        self.topic_arn = ""
        self._clients: dict[str, Any] = {}
        self._session = aiohttp.ClientSession()

    async def close(self) -> None:
        """Close all clients."""
        await self._session.close()
        for client in self._clients.values():
            client.close()

    async def ses(self, operation: str, **params: Any) -> Json:
        """Call SES as the services do, with one attempt."""
        return await self.call("sesv2", operation, **params)

    async def call(self, service: str, operation: str, **params: Any) -> Json:
        """Call any service, with one attempt."""
        answer: Json = await asyncio.to_thread(getattr(self.client(service), operation), **params)
        return answer

    def client(self, service: str) -> Any:
        """Return boto3's client of the service, created once."""
        if service not in self._clients:
            config = Config(
                retries={"total_max_attempts": 1}, connect_timeout=2, read_timeout=3, max_pool_connections=30
            )
            self._clients[service] = BOTO3.client(service, endpoint_url=self.url, config=config)
        return self._clients[service]

    async def control(self, method: str, path: str, body: Json | None = None) -> Json:
        """Call the control API; an error fails the test."""
        async with self._session.request(method, self.control_url + path, json=body) as answer:
            content: Json = await answer.json()
            assert answer.status < 400, content
            return content

    async def identity(self, name: str) -> Json:
        """Return the identity by GetEmailIdentity."""
        return await self.ses("get_email_identity", EmailIdentity=name)

    async def create(self, name: str) -> Json:
        """Create an identity with its MAIL FROM domain at `send.`; return the first response."""
        created = await self.ses("create_email_identity", EmailIdentity=name)
        await self.ses(
            "put_email_identity_mail_from_attributes", EmailIdentity=name, MailFromDomain=f"send.{name}"
        )
        return created

    def publish_dkim(self, name: str, created: Json) -> None:
        """Publish the three CNAMEs, as the customer would."""
        dkim = created["DkimAttributes"]
        for token in dkim["Tokens"]:
            self.internet.publish(
                f"{token}._domainkey.{name}", "CNAME", f"{token}.{dkim['SigningHostedZone']}."
            )

    def withdraw_dkim(self, name: str, created: Json) -> None:
        """Remove the first of the CNAMEs."""
        self.internet.withdraw(f"{created['DkimAttributes']['Tokens'][0]}._domainkey.{name}", "CNAME")

    def publish_mail_from(self, name: str) -> None:
        """Publish the MX and SPF records of the MAIL FROM domain."""
        exchanger = f"feedback-smtp.{REGION}.amazonses.com."
        self.internet.publish(f"send.{name}", "MX", exchanger, priority=10)
        self.internet.publish(f"send.{name}", "TXT", "v=spf1 include:amazonses.com ~all")

    async def verified(self, name: str) -> str:
        """Create a domain, verify it with its MAIL FROM domain, and return its name."""
        self.publish_dkim(name, await self.create(name))
        self.publish_mail_from(name)
        await self.sees(name, "SUCCESS", "SUCCESS")
        return name

    async def sees(self, name: str, dkim: str, mail_from: str | None = None) -> Json:
        """Wait until the identity has these statuses in SES; return it as the control API shows it."""

        async def seen() -> Json:
            shown = await self.control("GET", f"/ses/identities/{name}")
            assert shown["dkim_status"] == dkim, shown
            assert mail_from in (None, shown["mail_from_status"]), shown
            return shown

        return await eventually(seen)

    async def error_is(self, name: str, error: str) -> None:
        """Wait until GetEmailIdentity has this ErrorType."""

        async def check() -> None:
            assert (await self.identity(name))["VerificationInfo"].get("ErrorType") == error

        await eventually(lambda: _done(check()))

    async def mail_from_error_is(self, name: str, error: str) -> None:
        """Wait until the check of the MAIL FROM domain has this error."""

        async def check() -> None:
            assert (await self.control("GET", f"/ses/identities/{name}"))["mail_from"]["error"] == error

        await eventually(lambda: _done(check()))

    async def send(self, sender: str, to: str, **more: Any) -> str:
        """Send a small email and return SES's message id."""
        content = {"Simple": {"Subject": {"Data": "Hello"}, "Body": {"Text": {"Data": "Hello, you.\n"}}}}
        answer = await self.ses(
            "send_email",
            **{"FromEmailAddress": sender, "Destination": {"ToAddresses": [to]}, "Content": content} | more,
        )
        message_id: str = answer["MessageId"]
        return message_id

    async def later(self, **amount: float) -> None:
        """Advance the sandbox's clock by an amount given as keyword arguments of timedelta."""
        await self.control("POST", "/clock", {"advance_seconds": timedelta(**amount).total_seconds()})

    async def arrived(self, to: str) -> Email:
        """Wait for an email to that address; return the newest."""

        def found() -> list[Email]:
            emails, _ = self.mailbox.search(Search(to, None, None, 1, None))
            return list(emails)

        return (await eventually(found))[0]

    async def subscribe_queue(self, **attributes: str) -> None:
        """Create topic, queue, configuration set and destination, with the policies that they need."""
        self.topic_arn = (await self.call("sns", "create_topic", Name=TOPIC))["TopicArn"]
        self.queue_url = (await self.call("sqs", "create_queue", QueueName=TOPIC))["QueueUrl"]
        queue_arn = self.topic_arn.replace(":sns:", ":sqs:")
        topic = {"Policy": allowing("ses.amazonaws.com", "sns:Publish"), "SignatureVersion": "2"}
        for name, value in topic.items():
            await self.call(
                "sns",
                "set_topic_attributes",
                TopicArn=self.topic_arn,
                AttributeName=name,
                AttributeValue=value,
            )
        policy = {"Policy": allowing("sns.amazonaws.com", "sqs:SendMessage")}
        await self.call("sqs", "set_queue_attributes", QueueUrl=self.queue_url, Attributes=policy)
        await self.call(
            "sns",
            "subscribe",
            TopicArn=self.topic_arn,
            Protocol="sqs",
            Endpoint=queue_arn,
            Attributes=attributes,
        )
        await self.ses("create_configuration_set", ConfigurationSetName=CONFIGURATION_SET)
        wanted = {
            "Enabled": True,
            "MatchingEventTypes": EVENT_TYPES,
            "SnsDestination": {"TopicArn": self.topic_arn},
        }
        await self.ses(
            "create_configuration_set_event_destination",
            ConfigurationSetName=CONFIGURATION_SET,
            EventDestinationName="feedback",
            EventDestination=wanted,
        )

    async def bodies(self, count: int) -> list[str]:
        """Receive and delete that many messages from the queue; return their bodies."""
        found: list[str] = []
        while len(found) < count:
            answer = await self.call(
                "sqs", "receive_message", QueueUrl=self.queue_url, WaitTimeSeconds=3, MaxNumberOfMessages=1
            )
            assert answer.get("Messages"), f"only {len(found)} of {count} came: {found}"
            (message,) = answer["Messages"]
            found.append(message["Body"])
            receipt = message["ReceiptHandle"]
            await self.call("sqs", "delete_message", QueueUrl=self.queue_url, ReceiptHandle=receipt)
        return found

    async def notifications(self, count: int) -> list[Json]:
        """Receive and delete that many SNS envelopes from the queue."""
        return [json.loads(body) for body in await self.bodies(count)]

    async def events(self, count: int) -> list[Json]:
        """Receive that many of SES's events, in order of arrival."""
        return [json.loads(envelope["Message"]) for envelope in await self.notifications(count)]


MakeWorld = Callable[..., Awaitable[World]]


@asynccontextmanager
async def open_world(directory: Path, **settings: Any) -> AsyncIterator[World]:
    """Run a world; unless a setting differs, SES does not throttle and checks DNS continuously."""
    usual = AwsConfig(check_interval=0.02, control_rate=0.0, max_send_rate=1000.0)
    config, clock = replace(usual, **settings), Clock()
    internet = Internet(now=clock.now)
    mailbox = Mailbox(Evaluator(internet), clock, host=MAIL_HOST, max_emails=1000)
    wire = {"http": HttpProtocol, "timeout_keep_alive": KEEP_ALIVE}
    async with AsyncExitStack() as stack:
        smtp = await stack.enter_async_context(
            receiving(mailbox, host=HOST, port=0, name=MAIL_HOST, client=OUTBOUND_ADDRESS)
        )
        certificates = open_certificates(directory, [config.region])
        aws = Aws(config, certificates, internet, clock, (HOST, smtp))
        stop = asyncio.Event()
        task = asyncio.create_task(aws.run(stop))
        stack.push_async_callback(_end, stop, task)
        tls = wire | {"ssl_certfile": certificates.tls_cert, "ssl_keyfile": certificates.tls_key}
        sites = (
            Site(aws.app, listen(HOST, 0), wire),
            Site(aws.tls_app, listen(HOST, 0), tls),
            Site(control_app(clock, aws.control_routes), listen(HOST, 0)),
        )
        await stack.enter_async_context(serving(*sites))
        ports = [site.listener.getsockname()[1] for site in sites]
        world = World(aws, internet, mailbox, ports)
        stack.push_async_callback(world.close)
        yield world


async def _end(stop: asyncio.Event, task: "asyncio.Task[None]") -> None:
    stop.set()
    await task


async def _done(check: Coroutine[Any, Any, None]) -> bool:
    await check
    return True


def allowing(service: str, action: str) -> str:
    """Return a resource policy that allows one AWS service one action."""
    statement = {"Effect": "Allow", "Principal": {"Service": service}, "Action": action, "Resource": "*"}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})
