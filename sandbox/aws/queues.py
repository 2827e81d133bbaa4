"""SQS: standard queues with long polling, visibility timeouts and dead-letter queues.

Timeouts use real time, not the sandbox's clock: advancing SES by three days must not redeliver messages.
"""

import asyncio
import hashlib
import heapq
import itertools
import json
import secrets
import time
import uuid
from collections import deque
from dataclasses import dataclass, field

from sandbox.aws.errors import AwsError
from sandbox.aws.policies import AccessRequest, allows, denies

DEFAULTS = {
    "VisibilityTimeout": "30",
    "MaximumMessageSize": "1048576",
    "MessageRetentionPeriod": "345600",
    "DelaySeconds": "0",
    "ReceiveMessageWaitTimeSeconds": "0",
}
_RECEIPT_PREFIX = "AQEB"


@dataclass(slots=True)
class QueuedMessage:
    """One message; times are Unix seconds. `receipt` is its latest receipt handle."""

    body: str
    id: str = field(default_factory=lambda: str(uuid.uuid4()))
    sent_at: float = field(default_factory=time.time)
    receive_count: int = 0
    first_received_at: float = 0
    receipt: str = ""
    hidden_until: float = 0
    deleted: bool = False
    dead_letter_source: str | None = None

    @property
    def md5(self) -> str:
        """Return the MD5 of the body, with which clients verify it."""
        return hashlib.md5(self.body.encode(), usedforsecurity=False).hexdigest()


class Queue:
    """One queue: visible messages, and messages hidden until a time, in a heap by that time."""

    def __init__(self, name: str, arn: str, attributes: dict[str, str]) -> None:
        self.name = name
        self.arn = arn
        self.attributes = DEFAULTS | attributes
        self.tags: dict[str, str] = {}
        self.created_at = time.time()
        self.dead_letter_queue: Queue | None = None
        self._ready: deque[QueuedMessage] = deque()
        self._hidden: list[tuple[float, int, QueuedMessage]] = []
        self._by_receipt: dict[str, QueuedMessage] = {}
        self._order = itertools.count()
        self._arrived = asyncio.Event()

    def lets_in(self, service: str, source_arn: str) -> bool:
        """Return whether the queue's policy allows SNS or EventBridge to send for that topic or rule."""
        asking = AccessRequest(
            service=service,
            action="sqs:SendMessage",
            resource=self.arn,
            context={"aws:SourceArn": source_arn, "aws:SecureTransport": "true"},
        )
        return allows(self.attributes.get("Policy"), asking)

    def keeps_out(self, asking: AccessRequest) -> bool:
        """Return whether the queue's policy denies a request with the account's credentials."""
        return denies(self.attributes.get("Policy"), asking)

    def put(self, message: QueuedMessage, delay: float = 0) -> None:
        """Add a message, visible after `delay` seconds."""
        if delay > 0:
            self._hide(message, delay)
        else:
            self._ready.append(message)
            self._arrived.set()

    async def receive(self, limit: int, visibility: float, wait: float) -> list[QueuedMessage]:
        """Return up to `limit` messages, hidden for `visibility` seconds; wait up to `wait` for the first."""
        deadline = time.monotonic() + wait
        while not (taken := self._take(limit, visibility)):
            left = deadline - time.monotonic()
            if left <= 0:
                break
            await self._change(min(left, self._until_next()))
        return taken

    def delete(self, receipt: str) -> None:
        """Delete the message of the receipt; an outdated receipt has no effect, as in SQS."""
        message = self._by_receipt.pop(_checked(receipt), None)
        if message:
            message.deleted = True

    def change_visibility(self, receipt: str, seconds: float) -> None:
        """Hide an in-flight message until `seconds` from now; 0 makes it visible at once."""
        message = self._by_receipt.get(_checked(receipt))
        if message is None or message.hidden_until <= time.monotonic():
            raise AwsError("MessageNotInflight", "The specified message isn't in flight.")
        self._hide(message, seconds)
        self._arrived.set()

    def purge(self) -> None:
        """Delete all messages."""
        self._ready.clear()
        self._hidden.clear()
        self._by_receipt.clear()

    def counts(self) -> dict[str, str]:
        """Return SQS's three approximate counts, which are exact here."""
        self._show_due()
        live = {id(message): message for _, _, message in self._hidden if not message.deleted}.values()
        in_flight = sum(1 for message in live if message.receipt)
        return {
            "ApproximateNumberOfMessages": str(len(self._ready)),
            "ApproximateNumberOfMessagesNotVisible": str(in_flight),
            "ApproximateNumberOfMessagesDelayed": str(len(live) - in_flight),
        }

    @property
    def max_receive_count(self) -> int | None:
        """Return maxReceiveCount of the redrive policy, or None without one."""
        policy = self.attributes.get("RedrivePolicy")
        return int(json.loads(policy)["maxReceiveCount"]) if policy else None

    def _take(self, limit: int, visibility: float) -> list[QueuedMessage]:
        self._show_due()
        taken: list[QueuedMessage] = []
        while self._ready and len(taken) < limit:
            message = self._ready.popleft()
            if not message.deleted and not self._dead_lettered(message):
                taken.append(message)
                self._hand_out(message, visibility)
        return taken

    def _hand_out(self, message: QueuedMessage, visibility: float) -> None:
        self._by_receipt.pop(message.receipt, None)
        message.receipt = _RECEIPT_PREFIX + secrets.token_urlsafe(60)
        message.receive_count += 1
        message.first_received_at = message.first_received_at or time.time()
        self._by_receipt[message.receipt] = message
        self._hide(message, visibility)

    def _dead_lettered(self, message: QueuedMessage) -> bool:
        """Move a message above maxReceiveCount to the dead-letter queue; return whether it was moved."""
        limit = self.max_receive_count
        if limit is None or self.dead_letter_queue is None or message.receive_count < limit:
            return False
        self._by_receipt.pop(message.receipt, None)
        self.dead_letter_queue.put(
            QueuedMessage(message.body, message.id, message.sent_at, dead_letter_source=self.arn)
        )
        return True

    def _hide(self, message: QueuedMessage, seconds: float) -> None:
        message.hidden_until = time.monotonic() + seconds
        heapq.heappush(self._hidden, (message.hidden_until, next(self._order), message))

    def _show_due(self) -> None:
        now = time.monotonic()
        while self._hidden and self._hidden[0][0] <= now:
            until, _, message = heapq.heappop(self._hidden)
            if not message.deleted and until == message.hidden_until:
                self._ready.append(message)

    def _until_next(self) -> float:
        return max(0.0, self._hidden[0][0] - time.monotonic()) if self._hidden else float("inf")

    async def _change(self, seconds: float) -> None:
        self._arrived.clear()
        try:
            await asyncio.wait_for(self._arrived.wait(), seconds)
        except TimeoutError:
            return


def _checked(receipt: str) -> str:
    if not receipt.startswith(_RECEIPT_PREFIX):
        raise AwsError(
            "ReceiptHandleIsInvalid", f'The input receipt handle "{receipt}" is not a valid receipt handle.'
        )
    return receipt
