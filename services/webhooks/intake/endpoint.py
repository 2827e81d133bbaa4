"""The HTTPS endpoint that SNS posts SES's feedback to. It is public, so it verifies every message.

It answers 200 once a message is stored, 403 to a message that cannot be genuine, and 503 to everything else:
SNS retries after a 503 and drops the message after a 4xx.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from botocore.exceptions import BotoCoreError, ClientError
from prometheus_client import Counter
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from chassis import config
from chassis.errors import ServiceError
from chassis.telemetry import get_logger
from chassis.web import Site, listen, serving
from services.webhooks.intake.certificates import Signatures
from services.webhooks.intake.rejections import Rejections
from services.webhooks.intake.subscriptions import Subscriptions
from services.webhooks.model.envelope import arrival_of
from services.webhooks.model.sns import (
    MAX_BODY,
    Forged,
    Message,
    Rejected,
    Topic,
    Unproven,
    check_age,
    is_bare,
    parse,
)
from services.webhooks.store.feedback import FeedbackStore

log = get_logger(__name__)
POSTS = Counter("letterhead_sns_posts_total", "Posts to the SNS endpoint, by outcome", ["outcome"])
UNSUBSCRIBED = Counter("letterhead_sns_unsubscribed_total", "Subscriptions of the endpoint that ended")

PATH = "/sns"
BODY_WITHIN = timedelta(seconds=10)  # SNS closes a connection after 15 s
CONNECTIONS = 200
RETRY = 503
REFUSED = 403
RAW_HEADER = "x-amz-sns-rawdelivery"


@dataclass(frozen=True, kw_only=True)
class Endpoint:
    """Settings of the endpoint that SNS posts to."""

    sns_port: int | None = config.setting(
        None, help="port of the endpoint that SNS posts to, `/sns`; unset: no endpoint",
        minimum=0, maximum=65535,
    )  # fmt: skip
    sns_max_age: timedelta = config.setting(
        timedelta(hours=2),
        help="seconds after which a post counts as a replay; SNS retries for an hour at most",
        minimum=timedelta(hours=1),
    )


class Posts:
    """Handles SNS's posts; calls `stored` after each notification that it stores."""

    def __init__(
        self,
        topic: Topic,
        signatures: Signatures,
        subscriptions: Subscriptions,
        store: FeedbackStore,
        *,
        max_age: timedelta,
        stored: Callable[[], None],
    ) -> None:
        self._topic = topic
        self._signatures = signatures
        self._subscriptions = subscriptions
        self._store = store
        self._max_age = max_age
        self._stored = stored
        self._rejections = Rejections("https")
        self.application = Starlette(
            routes=[Route(PATH, self._post, methods=["POST"]), Route("/healthz", _health, methods=["GET"])]
        )

    async def _post(self, request: Request) -> Response:
        try:
            outcome = await self._take(request)
        except Rejected as refused:
            self._rejections.note(refused)
            return _answer("refused", REFUSED if isinstance(refused, Forged) else RETRY)
        except (ServiceError, BotoCoreError, ClientError, TimeoutError, ClientDisconnect) as error:
            log.warning("SNS post failed", action="sns_post_failed", error=type(error).__name__)
            return _answer("failed", RETRY)
        return _answer(outcome, 200)

    async def _take(self, request: Request) -> str:
        """Verify a post and act on it; return the outcome for the metric."""
        body = await _body(request)
        if request.headers.get(RAW_HEADER) == "true" and is_bare(body):
            raise Unproven("raw_delivery")
        message = parse(body, self._topic)
        await self._signatures.check(message)
        check_age(message, datetime.now(UTC), self._max_age)
        if message.type == "Notification":
            return await self._keep(message)
        if message.type == "SubscriptionConfirmation":
            await self._subscriptions.confirm(message.topic_arn, message.token)
            log.info("SNS subscription confirmed", action="sns_confirmed", topic=message.topic_arn)
            return "confirmed"
        UNSUBSCRIBED.inc()
        log.error("SNS subscription ended", action="sns_unsubscribed", topic=message.topic_arn)
        return "unsubscribed"

    async def _keep(self, message: Message) -> str:
        new = await self._store.keep_notifications([arrival_of(message)])
        self._stored()
        return "stored" if new else "repeated"


def _answer(outcome: str, status: int) -> Response:
    POSTS.labels(outcome).inc()
    return Response(status_code=status)


async def _body(request: Request) -> bytes:
    """Return the body, limited in size and time.

    A timeout is answered with 503, not 403: a slow network must not make SNS drop the message.
    """
    body = bytearray()
    async with asyncio.timeout(BODY_WITHIN.total_seconds()):
        async for chunk in request.stream():
            body += chunk
            if len(body) > MAX_BODY:
                raise Forged("too_large")
    return bytes(body)


async def _health(_: Request) -> Response:
    return PlainTextResponse("ok")


@asynccontextmanager
async def serving_posts(host: str, port: int, posts: Posts) -> AsyncIterator[int]:
    """Serve the endpoint while the block runs; yield the port that it listens on."""
    try:
        listener = listen(host, port)
    except OSError as error:
        raise config.ConfigError([f"{config.PREFIX}SNS_PORT: {error.strerror}"]) from None
    with listener:
        options = {"limit_concurrency": CONNECTIONS, "server_header": False}
        async with serving(Site(posts.application, listener, options)):
            bound: int = listener.getsockname()[1]
            log.info("SNS endpoint serving", action="sns_endpoint_started", port=bound)
            yield bound
