"""SNS's deliveries to HTTP and HTTPS endpoints: headers, success, retries, dead-letter queues."""

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

TIMEOUT = 15.0  # seconds; SNS's timeout of one request
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
        """Return the headers that SNS sends; the signature does not cover them."""
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
    """The HTTP client of the simulated SNS."""

    def __init__(self, config: AwsConfig, queues: Queues, ca: Path) -> None:
        """Trust the sandbox's `ca`, the system's CAs and the one in the config."""
        self._retry_wait = config.sns_retry_wait
        self._queues = queues
        self._tls = ssl.create_default_context()
        for file in (ca, config.subscriber_ca_file):
            if file:
                self._tls.load_verify_locations(file)

    async def deliver(self, delivery: Delivery) -> None:
        """Retry until the endpoint accepts it; after the last retry, use the dead-letter queue, if any."""
        retries, wait = self._policy(delivery)
        for attempt in range(retries + 1):
            if attempt:
                await asyncio.sleep(wait)
            if await self._accepted(delivery):
                return
        self._dead_letter(delivery)

    def _policy(self, delivery: Delivery) -> tuple[int, float]:
        """Return the number of retries and the seconds before each, from the policy or SNS's defaults."""
        try:
            policy = json.loads(delivery.delivery_policy or "{}")["healthyRetryPolicy"]
            return min(int(policy["numRetries"]), _MOST_RETRIES), float(policy["minDelayTarget"])
        except (ValueError, KeyError, TypeError):
            return DEFAULT_RETRIES, self._retry_wait

    async def _accepted(self, delivery: Delivery) -> bool:
        """Return whether the endpoint answered with 2xx, 3xx or 4xx, all of which SNS does not retry."""
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
            _log.info("SNS delivery failed", action="sns_delivery_failed", error=repr(error))
            return False

    def _dead_letter(self, delivery: Delivery) -> None:
        arn = json.loads(delivery.redrive_policy or "{}").get("deadLetterTargetArn")
        queue = self._queues.find(arn) if arn else None
        if queue and queue.lets_in("sns.amazonaws.com", delivery.topic_arn):
            queue.put(QueuedMessage(delivery.body))
        _log.warning("SNS delivery abandoned", action="sns_delivery_given_up", dead_letter=bool(queue))
