"""SNS's topics and subscriptions, and the publishing of messages to subscribers."""

import json
import uuid
from dataclasses import dataclass, field
from typing import Any

from chassis.telemetry import get_logger
from sandbox.aws.background import Background
from sandbox.aws.config import AwsConfig
from sandbox.aws.errors import AwsError
from sandbox.aws.notifications import MessageSigner
from sandbox.aws.policies import AccessRequest, allows, denies
from sandbox.aws.queues import QueuedMessage
from sandbox.aws.sqs import Queues
from sandbox.aws.subscribers import Delivery, Subscribers
from sandbox.aws.times import milliseconds
from sandbox.clock import Clock

SERVICE = "sns.amazonaws.com"
_log = get_logger(__name__)


@dataclass(slots=True)
class Subscription:
    """A subscriber, notified once confirmed; `token` is what an HTTP endpoint confirms with.

    If `guarded`, only the account's credentials can end it (AuthenticateOnUnsubscribe).
    """

    arn: str
    topic_arn: str
    protocol: str
    endpoint: str
    token: str
    confirmed: bool
    guarded: bool = False
    attributes: dict[str, str] = field(default_factory=dict)

    @property
    def raw(self) -> bool:
        """Return whether it receives the raw message, without SNS's envelope."""
        return self.attributes.get("RawMessageDelivery") == "true"


@dataclass(slots=True)
class Topic:
    """A standard topic with its subscriptions by ARN."""

    arn: str
    attributes: dict[str, str] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    subscriptions: dict[str, Subscription] = field(default_factory=dict)

    def lets_in(self, configuration_set_arn: str, account: str) -> bool:
        """Return whether the topic's policy allows SES to publish for that configuration set."""
        context = {
            "aws:SourceArn": configuration_set_arn,
            "aws:SourceAccount": account,
            "aws:SecureTransport": "true",
        }
        asking = AccessRequest(
            service="ses.amazonaws.com", action="sns:Publish", resource=self.arn, context=context
        )
        return allows(self.attributes.get("Policy"), asking)

    def keeps_out(self, asking: AccessRequest) -> bool:
        """Return whether the topic's policy denies a request with the account's credentials."""
        return denies(self.attributes.get("Policy"), asking)

    @property
    def signature_version(self) -> str:
        """Return the topic's signature version; SNS's default is 1 (SHA-1)."""
        return self.attributes.get("SignatureVersion", "1")


class Topics:
    """All topics, and the sending of messages to their subscribers."""

    def __init__(
        self,
        config: AwsConfig,
        *,
        queues: Queues,
        subscribers: Subscribers,
        notary: MessageSigner,
        clock: Clock,
        background: Background,
    ) -> None:
        self.account = config.account
        self.region = config.region
        self._queues = queues
        self._subscribers = subscribers
        self._notary = notary
        self._clock = clock
        self._background = background
        self.by_arn: dict[str, Topic] = {}

    def find(self, arn: str) -> Topic | None:
        """Return the topic of this ARN, or None."""
        return self.by_arn.get(arn)

    def get(self, arn: str) -> Topic:
        """Return the topic of this ARN; raise Refusal if there is none."""
        topic = self.by_arn.get(arn)
        if topic is None:
            raise AwsError("NotFound", "Topic does not exist")
        return topic

    def subscription(self, arn: str) -> Subscription:
        """Return the subscription of this ARN; raise Refusal if there is none."""
        topic = self.by_arn.get(arn.rpartition(":")[0])
        found = topic.subscriptions.get(arn) if topic else None
        if found is None:
            raise AwsError("NotFound", "Subscription does not exist")
        return found

    async def publish(self, arn: str, message: str, *, subject: str | None) -> str:
        """Send a message to all confirmed subscribers and return its id."""
        topic, message_id = self.get(arn), str(uuid.uuid4())
        for subscription in topic.subscriptions.values():
            if subscription.confirmed:
                self._send(topic, subscription, message_id, message, subject)
        return message_id

    def ask_to_confirm(self, topic: Topic, subscription: Subscription) -> None:
        """Send an HTTP endpoint its SubscriptionConfirmation."""
        text = (
            f"You have chosen to subscribe to the topic {topic.arn}.\n"
            "To confirm the subscription, visit the SubscribeURL included in this message."
        )
        self._post_confirmation(topic, subscription, "SubscriptionConfirmation", text)

    def confirm_unsubscribe(self, topic: Topic, subscription: Subscription) -> None:
        """Send an HTTP endpoint the UnsubscribeConfirmation, by which it may subscribe again."""
        text = (
            f"You have chosen to deactivate subscription {subscription.arn}.\n"
            "To cancel this operation and restore the subscription, visit the SubscribeURL included here."
        )
        self._post_confirmation(topic, subscription, "UnsubscribeConfirmation", text)

    def _post_confirmation(self, topic: Topic, subscription: Subscription, kind: str, text: str) -> None:
        envelope = {
            "Type": kind,
            "MessageId": str(uuid.uuid4()),
            "Token": subscription.token,
            "TopicArn": topic.arn,
            "Message": text,
            "SubscribeURL": self._notary.link(
                Action="ConfirmSubscription", TopicArn=topic.arn, Token=subscription.token
            ),
            "Timestamp": milliseconds(self._clock.now()),
        }
        self._post(subscription, envelope["Type"], envelope["MessageId"], self._signed(topic, envelope))

    def _send(
        self, topic: Topic, subscription: Subscription, message_id: str, message: str, subject: str | None
    ) -> None:
        body = (
            message
            if subscription.raw
            else self._notification(topic, subscription, message_id, message, subject)
        )
        if subscription.protocol == "sqs":
            self._queue(topic, subscription, body)
        else:
            self._post(subscription, "Notification", message_id, body)

    def _queue(self, topic: Topic, subscription: Subscription, body: str) -> None:
        queue = self._queues.find(subscription.endpoint)
        if queue and queue.lets_in(SERVICE, topic.arn):
            queue.put(QueuedMessage(body))
        else:
            _log.warning(
                "notification dropped: the queue does not exist or its policy does not allow the topic",
                action="sns_queue_refused",
                queue=subscription.endpoint,
                topic=topic.arn,
            )

    def _notification(
        self, topic: Topic, subscription: Subscription, message_id: str, message: str, subject: str | None
    ) -> str:
        envelope = {
            "Type": "Notification",
            "MessageId": message_id,
            "TopicArn": topic.arn,
            **({"Subject": subject} if subject else {}),
            "Message": message,
            "Timestamp": milliseconds(self._clock.now()),
        }
        link = self._notary.link(Action="Unsubscribe", SubscriptionArn=subscription.arn)
        return self._signed(topic, envelope, UnsubscribeURL=link)

    def _signed(self, topic: Topic, envelope: dict[str, Any], **more: str) -> str:
        return json.dumps(self._notary.sign(envelope, topic.signature_version) | more)

    def _post(self, subscription: Subscription, kind: str, message_id: str, body: str) -> None:
        delivery = Delivery(
            endpoint=subscription.endpoint,
            body=body,
            kind=kind,
            message_id=message_id,
            topic_arn=subscription.topic_arn,
            subscription_arn=subscription.arn if subscription.confirmed else None,
            raw=subscription.raw,
            delivery_policy=subscription.attributes.get("DeliveryPolicy"),
            redrive_policy=subscription.attributes.get("RedrivePolicy"),
        )
        self._background.start(self._subscribers.deliver(delivery))
