"""SNS's deliveries to HTTP and HTTPS endpoints: headers, what counts as taken, tries, dead letters."""

import asyncio
import json
import ssl
from dataclasses import dataclass
from pathlib import Path

import aiohttp

from chassis.telemetry import get_logger
from sandbox.aws.config import AwsConfig
from sandbox.aws.queues import QueuedMessage
from sandbox.aws.sqs import Queues

TIMEOUT = 15.0  # seconds after which SNS gives a connection up
DEFAULT_RETRIES = 3
_MOST_RETRIES = 100
_log = get_logger(__name__)


@dataclass(frozen=True, kw_only=True, slots=True)
class Delivery:
    """One message for one endpoint."""

    endpoint: str
    body: str
    kind: str
    message_id: str
    topic_arn: str
    subscription_arn: str | None
    raw: bool
    delivery_policy: str | None
    redrive_policy: str | None

    def headers(self) -> dict[str, str]:
        """The headers that SNS sends; they are not signed."""
        known = {
            "x-amz-sns-message-type": self.kind,
            "x-amz-sns-message-id": self.message_id,
            "x-amz-sns-topic-arn": self.topic_arn,
            "x-amz-sns-subscription-arn": self.subscription_arn,
            "x-amz-sns-rawdelivery": "true" if self.raw else None,
            "Content-Type": "text/plain; charset=UTF-8",
            "User-Agent": "Amazon Simple Notification Service Agent",
        }
        return {name: value for name, value in known.items() if value is not None}


class Subscribers:
    """The HTTP client of the pretend SNS."""

    def __init__(self, config: AwsConfig, queues: Queues, ca: Path) -> None:
        """Trusts the sandbox's own `ca`, the system's, and what the config names."""
        self._retry_wait = config.sns_retry_wait
        self._queues = queues
        self._tls = ssl.create_default_context()
        for file in (ca, config.subscriber_ca_file):
            if file:
                self._tls.load_verify_locations(file)

    async def deliver(self, delivery: Delivery) -> None:
        """Tries until the endpoint takes it; after the last try it goes to the dead-letter queue, if any."""
        retries, wait = self._policy(delivery)
        for attempt in range(retries + 1):
            if attempt:
                await asyncio.sleep(wait)
            if await self._taken(delivery):
                return
        self._bury(delivery)

    def _policy(self, delivery: Delivery) -> tuple[int, float]:
        """How many retries, and the seconds before each: SNS's default, or what the policy says."""
        try:
            policy = json.loads(delivery.delivery_policy or "{}")["healthyRetryPolicy"]
            return min(int(policy["numRetries"]), _MOST_RETRIES), float(policy["minDelayTarget"])
        except (ValueError, KeyError, TypeError):
            return DEFAULT_RETRIES, self._retry_wait

    async def _taken(self, delivery: Delivery) -> bool:
        """Whether the endpoint answered 2xx to 4xx: SNS takes even a 404 for an answer."""
        try:
            timeout = aiohttp.ClientTimeout(total=TIMEOUT)
            async with (
                aiohttp.ClientSession(timeout=timeout) as session,
                session.post(
                    delivery.endpoint,
                    data=delivery.body.encode(),
                    headers=delivery.headers(),
                    ssl=self._tls,
                    allow_redirects=False,
                ) as answer,
            ):
                return 200 <= answer.status < 500
        except (aiohttp.ClientError, TimeoutError) as error:
            _log.info("An SNS subscriber did not answer", action="sns_delivery_failed", error=repr(error))
            return False

    def _bury(self, delivery: Delivery) -> None:
        arn = json.loads(delivery.redrive_policy or "{}").get("deadLetterTargetArn")
        queue = self._queues.find(arn) if arn else None
        if queue and queue.lets_in(delivery.topic_arn):
            queue.put(QueuedMessage(delivery.body))
        _log.warning("SNS gave a delivery up", action="sns_delivery_given_up", dead_letter=bool(queue))
