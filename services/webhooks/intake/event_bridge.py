"""Accepts SES's events from EventBridge while the queue's policy proves that only the rule sends them."""

import time
from datetime import timedelta

from chassis.aws import AwsError
from chassis.queue_policy import fault_of
from chassis.telemetry import get_logger
from services.webhooks.intake.queue import Queue
from services.webhooks.model.envelope import Arrival
from services.webhooks.model.event_bridge import EventRule, unwrap_event
from services.webhooks.model.rejections import Unproven, Unverifiable
from services.webhooks.model.sns import Topic

log = get_logger(__name__)

READ_AGAIN_AFTER = timedelta(minutes=1)


class RuleEvents:
    """The events of a region's rule, or of none; reads the queue's policy at most once per minute."""

    def __init__(self, queue: Queue, rule: EventRule | None, topic: Topic) -> None:
        self._queue = queue
        self._rule = rule
        self._topic = topic
        self._fault = ""
        self._read_at = float("-inf")

    async def open(self, body: str) -> Arrival:
        """Return SES's event in a message; raise Rejected if it is not proven to be of the rule."""
        if self._rule is None:
            raise Unproven("no_rule")
        arrival = unwrap_event(body, self._rule)
        if time.monotonic() - self._read_at > READ_AGAIN_AFTER.total_seconds():
            await self._read_policy(self._rule)
        if self._fault:
            raise Unproven("queue_policy")
        return arrival

    async def _read_policy(self, rule: EventRule) -> None:
        try:
            policy, queue_arn = await self._queue.policy()
        except AwsError as error:
            log.warning("reading the queue's policy failed", action="queue_policy_not_read", error=str(error))
            raise Unverifiable("queue_policy_unavailable") from error
        self._fault = fault_of(policy, queue_arn, rule_arn=rule.arn, others=(self._topic.arn,))
        self._read_at = time.monotonic()
        if self._fault:
            log.error("queue policy proves no event", action="queue_policy_at_fault", fault=self._fault)
