"""The HTTPS endpoint that SNS posts SES's feedback to. It is public, so it verifies every message.

It answers 200 once a message is stored, 403 to a message that cannot be genuine, and 503 to everything else:
SNS retries after a 503 and drops the message after a 4xx.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from chassis.aws import AwsClient, AwsError, Timeouts
from chassis.config import PREFIX, ConfigError
from chassis.errors import ServiceError
from chassis.memory import ByteBudget
from chassis.telemetry import get_logger
from chassis.web import Site, listen, serving
from services.webhooks.intake.certificates import Signatures
from services.webhooks.intake.rejections import Rejections
from services.webhooks.metrics import POSTS, UNSUBSCRIBED
from services.webhooks.model.envelope import arrival_of
from services.webhooks.model.rejections import Forged, Rejected, Unproven
from services.webhooks.model.sns import MAX_BODY, Message, Topic, check_age, is_bare, parse, topic_of
from services.webhooks.store.feedback import FeedbackStore

log = get_logger(__name__)

PATH = "/sns"
BODY_WITHIN = timedelta(seconds=10)  # SNS closes a connection after 15 s
CONNECTIONS = 200
SMALL = 64 * 1024  # bytes; events of SES are smaller, and the server buffers as much
COPIES = 6  # of a larger body while it is verified and stored
# SNS waits 15 s for our answer, and posts a confirmation again after a 503.
CONFIRMATION_TIMEOUTS = Timeouts(connect=timedelta(seconds=5), read=timedelta(seconds=5))
CONFIRMATIONS = 2  # at once
RETRY = 503
FORBIDDEN = 403
RAW_HEADER = "x-amz-sns-rawdelivery"


@dataclass(frozen=True, slots=True)
class Source:
    """The topic of a region, what its messages are verified with, and the client that confirms them."""

    topic: Topic
    signatures: Signatures
    sns: AwsClient


class Posts:
    """Handles SNS's posts about any of the `sources`; calls `stored` after each notification it stores."""

    def __init__(
        self,
        sources: Sequence[Source],
        store: FeedbackStore,
        memory: ByteBudget,
        *,
        max_age: timedelta,
        stored: Callable[[], None],
    ) -> None:
        self._sources = {each.topic.arn: each for each in sources}
        self._store = store
        self._memory = memory
        self._max_age = max_age
        self._stored = stored
        self._rejections = Rejections("https")
        self.application = Starlette(
            routes=[Route(PATH, self._post, methods=["POST"]), Route("/healthz", _health, methods=["GET"])]
        )

    async def _post(self, request: Request) -> Response:
        try:
            outcome = await self._take(request)
        except Rejected as rejected:
            self._rejections.record(rejected)
            return _answer("refused", FORBIDDEN if isinstance(rejected, Forged) else RETRY)
        except (ServiceError, AwsError, TimeoutError, ClientDisconnect) as error:
            log.warning("SNS post failed", action="sns_post_failed", error=type(error).__name__)
            return _answer("failed", RETRY)
        return _answer(outcome, 200)

    async def _take(self, request: Request) -> str:
        """Verify a post and act on it; return the outcome for the metric."""
        async with AsyncExitStack() as held:
            return await self._handle(request, await self._body(request, held))

    async def _body(self, request: Request, held: AsyncExitStack) -> bytes:
        """Return the body, limited in size and time; memory for it is held unless it is small.

        A timeout is answered with 503, not 403: a slow network must not make SNS drop the message.
        """
        body = bytearray()
        async with asyncio.timeout(BODY_WITHIN.total_seconds()):
            async for chunk in request.stream():
                if len(body) <= SMALL < len(body) + len(chunk):
                    held.enter_context(await self._memory.reserve(MAX_BODY * COPIES))
                body += chunk
                if len(body) > MAX_BODY:
                    raise Forged("too_large")
        return bytes(body)

    async def _handle(self, request: Request, body: bytes) -> str:
        if request.headers.get(RAW_HEADER) == "true" and is_bare(body):
            raise Unproven("raw_delivery")
        source = self._source(body)
        message = parse(body, source.topic)
        await source.signatures.check(message)
        check_age(message, datetime.now(UTC), self._max_age)
        if message.type == "Notification":
            new = await self._store.store_notifications([arrival_of(message)])
            self._stored()
            return "stored" if new else "repeated"
        if message.type == "SubscriptionConfirmation":
            await _confirm(source.sns, message)
            log.info("SNS subscription confirmed", action="sns_confirmed", topic=message.topic_arn)
            return "confirmed"
        UNSUBSCRIBED.inc()
        log.error("SNS subscription ended", action="sns_unsubscribed", topic=message.topic_arn)
        return "unsubscribed"

    def _source(self, body: bytes) -> Source:
        """Return the source whose topic a body names; raise Forged for a topic that is not ours."""
        source = self._sources.get(topic_of(body))
        if source is None:
            raise Forged("foreign_topic")
        return source


async def _confirm(sns: AwsClient, message: Message) -> None:
    """Confirm a subscription through the API, never through the URL in the message.

    With our own signature, so that only the account's own credentials can end the subscription.
    """
    await sns.call(
        "confirm_subscription",
        TopicArn=message.topic_arn,
        Token=message.token,
        AuthenticateOnUnsubscribe="true",
    )


def _answer(outcome: str, status: int) -> Response:
    POSTS.labels(outcome).inc()
    return Response(status_code=status)


async def _health(_: Request) -> Response:
    return PlainTextResponse("ok")


@asynccontextmanager
async def serving_posts(host: str, port: int, posts: Posts) -> AsyncIterator[int]:
    """Serve the endpoint while the block runs; yield the port that it listens on."""
    try:
        listener = listen(host, port)
    except OSError as error:
        raise ConfigError([f"{PREFIX}SNS_PORT: {error.strerror}"]) from None
    with listener:
        options = {"limit_concurrency": CONNECTIONS, "server_header": False}
        async with serving(Site(posts.application, listener, options)):
            bound: int = listener.getsockname()[1]
            log.info("SNS endpoint serving", action="sns_endpoint_started", port=bound)
            yield bound
