"""SNS's HTTP protocol: confirmation, signatures by the test CA, retries, dead-dead_lettered queues."""

import asyncio
import base64
import json
import ssl
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

import aiohttp
import pytest
from aiohttp import web
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa

from tests.integration.sandbox_aws.world import HOST, TOPIC, MakeWorld, World, allowing
from tests.waiting import eventually

SIGNED = ("Message", "MessageId", "Subject", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type")


@dataclass
class Subscriber:
    """A web server that stores SNS's posts; it answers with `statuses`, then 200."""

    url: str = ""
    statuses: list[int] = field(default_factory=list)
    posts: list[tuple[dict[str, str], str]] = field(default_factory=list)

    async def take(self, request: web.Request) -> web.Response:
        """Store the post."""
        self.posts.append((dict(request.headers), await request.text()))
        return web.Response(status=self.statuses.pop(0) if self.statuses else 200)

    async def envelope(self, number: int) -> dict[str, Any]:
        """Wait for the post with that index, from 0, and return its envelope."""
        await eventually(lambda: len(self.posts) > number)
        found: dict[str, Any] = json.loads(self.posts[number][1])
        return found


@pytest.fixture
async def subscriber() -> AsyncIterator[Subscriber]:
    subscriber, app = Subscriber(), web.Application()
    app.router.add_post("/hook", subscriber.take)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, HOST, 0)
    await site.start()
    subscriber.url = f"http://{HOST}:{runner.addresses[0][1]}/hook"
    yield subscriber
    await runner.cleanup()


async def topic(world: World, version: str = "2") -> str:
    arn: str = (
        await world.call("sns", "create_topic", Name=TOPIC, Attributes={"SignatureVersion": version})
    )["TopicArn"]
    return arn


async def subscribed(world: World, subscriber: Subscriber, version: str = "2", **attributes: str) -> str:
    """Create a topic with the subscriber's confirmed subscription; return its ARN."""
    arn = await topic(world, version)
    await world.call(
        "sns", "subscribe", TopicArn=arn, Protocol="http", Endpoint=subscriber.url, Attributes=attributes
    )
    confirmation = await subscriber.envelope(0)
    await world.call("sns", "confirm_subscription", TopicArn=arn, Token=confirmation["Token"])
    subscriber.posts.clear()
    return arn


async def certificate(world: World, url: str) -> x509.Certificate:
    """Fetch the signing certificate as in production: by name, with TLS verified by the test CA."""
    trust = ssl.create_default_context(cafile=world.aws.certificates.ca)
    target = urlsplit(url)
    assert (target.scheme, target.hostname) == ("https", "sns.us-east-1.amazonaws.com")
    async with (
        aiohttp.ClientSession() as session,
        session.get(
            f"https://{HOST}:{world.tls_port}{target.path}", ssl=trust, server_hostname=target.hostname
        ) as answer,
    ):
        assert answer.status == 200
        return x509.load_pem_x509_certificate(await answer.read())


def verify(envelope: dict[str, Any], certificate: x509.Certificate) -> None:
    """Raise InvalidSignature unless the envelope was signed with the certificate's key."""
    text = "".join(f"{key}\n{envelope[key]}\n" for key in SIGNED if key in envelope)
    key = certificate.public_key()
    assert isinstance(key, rsa.RSAPublicKey)
    digest = hashes.SHA1() if envelope["SignatureVersion"] == "1" else hashes.SHA256()  # noqa: S303 - as SNS does
    key.verify(base64.b64decode(envelope["Signature"]), text.encode(), padding.PKCS1v15(), digest)


async def test_nothing_is_sent_before_the_endpoint_confirms(world: World, subscriber: Subscriber) -> None:
    arn = await topic(world)
    answer = await world.call("sns", "subscribe", TopicArn=arn, Protocol="http", Endpoint=subscriber.url)
    confirmation = await subscriber.envelope(0)

    await world.call("sns", "publish", TopicArn=arn, Message="too early")
    confirmed = await world.call("sns", "confirm_subscription", TopicArn=arn, Token=confirmation["Token"])
    await world.call("sns", "publish", TopicArn=arn, Message="now")

    assert answer["SubscriptionArn"] == "pending confirmation"
    assert confirmation["Type"] == "SubscriptionConfirmation"
    assert (await subscriber.envelope(1))["Message"] == "now"
    assert subscriber.posts[1][0]["x-amz-sns-subscription-arn"] == confirmed["SubscriptionArn"]


async def test_the_subscribe_url_confirms_too(world: World, subscriber: Subscriber) -> None:
    arn = await topic(world)
    await world.call("sns", "subscribe", TopicArn=arn, Protocol="http", Endpoint=subscriber.url)
    link = urlsplit((await subscriber.envelope(0))["SubscribeURL"])

    async with aiohttp.ClientSession() as session, session.get(f"{world.url}/?{link.query}") as answer:
        assert answer.status == 200

    assert parse_qs(link.query)["TopicArn"] == [arn]
    (row,) = (await world.call("sns", "list_subscriptions_by_topic", TopicArn=arn))["Subscriptions"]
    assert row["SubscriptionArn"].startswith(arn)


@pytest.mark.parametrize("version", ["1", "2"])
@pytest.mark.parametrize("subject", [{}, {"Subject": "Hello"}])
async def test_a_notification_is_signed(
    world: World, subscriber: Subscriber, version: str, subject: dict[str, str]
) -> None:
    arn = await subscribed(world, subscriber, version)

    await world.call("sns", "publish", TopicArn=arn, Message="Grüße\n& more", **subject)

    envelope = await subscriber.envelope(0)
    assert (envelope["Type"], envelope["SignatureVersion"]) == ("Notification", version)
    assert envelope.get("Subject") == subject.get("Subject")
    verify(envelope, await certificate(world, envelope["SigningCertURL"]))


async def test_a_confirmation_is_signed_by_a_certificate_of_the_test_ca(
    world: World, subscriber: Subscriber
) -> None:
    arn = await topic(world)

    await world.call("sns", "subscribe", TopicArn=arn, Protocol="http", Endpoint=subscriber.url)

    envelope = await subscriber.envelope(0)
    signer = await certificate(world, envelope["SigningCertURL"])
    verify(envelope, signer)
    ca = x509.load_pem_x509_certificate(await asyncio.to_thread(world.aws.certificates.ca.read_bytes))
    signer.verify_directly_issued_by(ca)
    assert isinstance(ca.public_key(), ec.EllipticCurvePublicKey)


async def test_headers_identify_the_message(world: World, subscriber: Subscriber) -> None:
    arn = await subscribed(world, subscriber)

    message_id = (await world.call("sns", "publish", TopicArn=arn, Message="m"))["MessageId"]

    envelope = await subscriber.envelope(0)
    headers = subscriber.posts[0][0]
    assert headers["Content-Type"] == "text/plain; charset=UTF-8"
    assert headers["x-amz-sns-message-type"] == "Notification"
    assert headers["x-amz-sns-topic-arn"] == arn
    assert headers["x-amz-sns-message-id"] == envelope["MessageId"] == message_id


async def test_a_5xx_is_retried_with_the_same_message_id(
    make_world: MakeWorld, subscriber: Subscriber
) -> None:
    world = await make_world(sns_retry_wait=0.02)
    arn = await subscribed(world, subscriber)
    subscriber.statuses = [500, 503]

    await world.call("sns", "publish", TopicArn=arn, Message="m")

    await subscriber.envelope(2)
    assert len({json.loads(body)["MessageId"] for _, body in subscriber.posts}) == 1


async def test_a_4xx_is_final_and_an_abandoned_delivery_is_dead_lettered(
    make_world: MakeWorld, subscriber: Subscriber
) -> None:
    world = await make_world(sns_retry_wait=0.02)
    await world.call(
        "sqs",
        "create_queue",
        QueueName="dead",
        Attributes={"Policy": allowing("sns.amazonaws.com", "sqs:SendMessage")},
    )
    redrive = json.dumps({"deadLetterTargetArn": "arn:aws:sqs:us-east-1:123456789012:dead"})
    arn = await subscribed(world, subscriber, RedrivePolicy=redrive)
    subscriber.statuses = [404, 500, 500, 500, 500]

    await world.call("sns", "publish", TopicArn=arn, Message="final")
    await subscriber.envelope(0)
    await world.call("sns", "publish", TopicArn=arn, Message="given up")

    world.queue_url = (await world.call("sqs", "get_queue_url", QueueName="dead"))["QueueUrl"]
    (dead_lettered,) = await world.bodies(1)
    assert json.loads(dead_lettered)["Message"] == "given up"
    assert [json.loads(body)["Message"] for _, body in subscriber.posts] == ["final"] + ["given up"] * 4


async def test_raw_delivery_is_the_message_without_envelope_and_signature(
    world: World, subscriber: Subscriber
) -> None:
    arn = await subscribed(world, subscriber, RawMessageDelivery="true")

    await world.call("sns", "publish", TopicArn=arn, Message="bare")

    await eventually(lambda: subscriber.posts)
    headers, body = subscriber.posts[0]
    assert (headers["x-amz-sns-rawdelivery"], body) == ("true", "bare")


async def test_an_unsubscribed_endpoint_is_removed(world: World, subscriber: Subscriber) -> None:
    arn = await subscribed(world, subscriber)
    (row,) = (await world.call("sns", "list_subscriptions_by_topic", TopicArn=arn))["Subscriptions"]

    await world.call("sns", "unsubscribe", SubscriptionArn=row["SubscriptionArn"])

    assert (await world.call("sns", "list_subscriptions_by_topic", TopicArn=arn))["Subscriptions"] == []
