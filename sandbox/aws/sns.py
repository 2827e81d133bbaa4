"""SNS's operations on topics and subscriptions."""

import json
import re
import secrets
import uuid
from typing import Any

from sandbox.aws.errors import AwsError
from sandbox.aws.policies import AccessRequest
from sandbox.aws.service import Call, Params
from sandbox.aws.topics import Subscription, Topic, Topics

_TOPIC_NAME = re.compile(r"[A-Za-z0-9_-]{1,256}")
_TOPIC_ATTRIBUTES = frozenset(
    {"DeliveryPolicy", "DisplayName", "Policy", "SignatureVersion", "TracingConfig", "KmsMasterKeyId"}
)
_SUBSCRIPTION_ATTRIBUTES = frozenset({"DeliveryPolicy", "RawMessageDelivery", "RedrivePolicy"})
_JSON_ATTRIBUTES = frozenset({"DeliveryPolicy", "Policy", "RedrivePolicy"})
_ENDPOINTS = {
    "sqs": re.compile(r"arn:aws:sqs:[a-z0-9-]+:\d{12}:[A-Za-z0-9_-]{1,80}"),
    "http": re.compile(r"http://[^/\s]+(/\S*)?"),
    "https": re.compile(r"https://[^/\s]+(/\S*)?"),
}
MESSAGE_LIMIT = 256 * 1024  # bytes


class Sns:
    """The handlers of SNS's operations."""

    def __init__(self, topics: Topics) -> None:
        self._topics = topics

    async def create_topic(self, call: Call) -> Params:
        name = call["Name"]
        if not _TOPIC_NAME.fullmatch(name):
            raise _invalid("Topic Name")
        arn = f"arn:aws:sns:{self._topics.region}:{self._topics.account}:{name}"
        attributes = {
            key: _checked(_TOPIC_ATTRIBUTES, key, value) for key, value in call.get("Attributes", {}).items()
        }
        tags = {tag["Key"]: tag["Value"] for tag in call.get("Tags", [])}
        topic = self._topics.by_arn.setdefault(arn, Topic(arn, attributes, tags))
        if attributes.items() - topic.attributes.items():
            raise _invalid("Attributes Reason: Topic already exists with different attributes")
        if tags and tags != topic.tags:
            raise _invalid("Tags Reason: Topic already exists with different tags")
        return {"TopicArn": arn}

    async def list_topics(self, call: Call) -> Params:  # noqa: ARG002 - all handlers have the same signature
        return {"Topics": [{"TopicArn": arn} for arn in self._topics.by_arn]}

    async def delete_topic(self, call: Call) -> Params:
        self._topics.by_arn.pop(call["TopicArn"], None)
        return {}

    async def get_topic_attributes(self, call: Call) -> Params:
        topic = self._topics.get(call["TopicArn"])
        pending = sum(1 for subscription in topic.subscriptions.values() if not subscription.confirmed)
        known = {
            "TopicArn": topic.arn,
            "Owner": self._topics.account,
            "DisplayName": "",
            "SubscriptionsPending": str(pending),
            "SubscriptionsConfirmed": str(len(topic.subscriptions) - pending),
            "SubscriptionsDeleted": "0",
        }
        return {"Attributes": known | topic.attributes}

    async def set_topic_attributes(self, call: Call) -> Params:
        topic, name = self._topics.get(call["TopicArn"]), call["AttributeName"]
        topic.attributes[name] = _checked(_TOPIC_ATTRIBUTES, name, call.get("AttributeValue", ""))
        return {}

    async def list_tags_for_resource(self, call: Call) -> Params:
        topic = self._tagged(call)
        return {"Tags": [{"Key": key, "Value": value} for key, value in topic.tags.items()]}

    async def tag_resource(self, call: Call) -> Params:
        self._tagged(call).tags |= {tag["Key"]: tag["Value"] for tag in call["Tags"]}
        return {}

    async def subscribe(self, call: Call) -> Params:
        """Subscribe an endpoint: a queue of the same account at once, an HTTP endpoint after it confirms."""
        topic, protocol, endpoint = (
            self._topics.get(call["TopicArn"]),
            call["Protocol"],
            call.get("Endpoint", ""),
        )
        if protocol not in _ENDPOINTS:
            raise _invalid(f"Does not support this protocol string: {protocol}")
        if not _ENDPOINTS[protocol].fullmatch(endpoint):
            raise _invalid(f"{protocol.upper()} endpoint {endpoint}")
        attributes = {
            key: _checked(_SUBSCRIPTION_ATTRIBUTES, key, value)
            for key, value in call.get("Attributes", {}).items()
        }
        known = _same(topic, protocol, endpoint)
        if known and attributes and known.attributes != attributes:
            raise _invalid("Attributes Reason: Subscription already exists with different attributes")
        subscription = known or self._subscription(topic, protocol, endpoint)
        subscription.attributes |= attributes
        if not subscription.confirmed:
            self._topics.ask_to_confirm(topic, subscription)
        hidden = not subscription.confirmed and not call.get("ReturnSubscriptionArn")
        return {"SubscriptionArn": "pending confirmation" if hidden else subscription.arn}

    async def confirm_subscription(self, call: Call) -> Params:
        topic = self._topics.get(call["TopicArn"])
        for subscription in topic.subscriptions.values():
            if secrets.compare_digest(subscription.token, call["Token"]):
                wants_guard = call.get("AuthenticateOnUnsubscribe", "").lower() == "true"
                if wants_guard and not call.signed:
                    raise AwsError("AuthorizationError", "AuthenticateOnUnsubscribe takes a signed request.")
                subscription.confirmed = True
                subscription.guarded = subscription.guarded or wants_guard
                return {"SubscriptionArn": subscription.arn}
        raise _invalid("Token")

    async def unsubscribe(self, call: Call) -> Params:
        """End a subscription; an unsigned link can do so, and notifies the endpoint, unless it is guarded."""
        subscription = self._topics.subscription(call["SubscriptionArn"])
        topic = self._topics.get(subscription.topic_arn)
        if not call.signed and subscription.guarded:
            raise AwsError("AuthorizationError", "Only the owner of the subscription may end it.")
        del topic.subscriptions[subscription.arn]
        if not call.signed and subscription.protocol != "sqs":
            self._topics.confirm_unsubscribe(topic, subscription)
        return {}

    async def list_subscriptions_by_topic(self, call: Call) -> Params:
        topic = self._topics.get(call["TopicArn"])
        return {"Subscriptions": [self._shown(subscription) for subscription in topic.subscriptions.values()]}

    async def get_subscription_attributes(self, call: Call) -> Params:
        subscription = self._topics.subscription(call["SubscriptionArn"])
        attributes = subscription.attributes | {
            "SubscriptionArn": subscription.arn,
            "TopicArn": subscription.topic_arn,
            "Protocol": subscription.protocol,
            "Endpoint": subscription.endpoint,
            "Owner": self._topics.account,
            "PendingConfirmation": str(not subscription.confirmed).lower(),
            "ConfirmationWasAuthenticated": str(
                subscription.guarded or subscription.protocol == "sqs"
            ).lower(),
            "RawMessageDelivery": str(subscription.raw).lower(),
        }
        return {"Attributes": attributes}

    async def set_subscription_attributes(self, call: Call) -> Params:
        subscription, name = self._topics.subscription(call["SubscriptionArn"]), call["AttributeName"]
        subscription.attributes[name] = _checked(
            _SUBSCRIPTION_ATTRIBUTES, name, call.get("AttributeValue", "")
        )
        return {}

    async def publish(self, call: Call) -> Params:
        arn, subject = call.get("TopicArn") or call.get("TargetArn"), call.get("Subject")
        if not arn:
            raise _invalid("TopicArn or TargetArn Reason: no value for required parameter")
        if not call["Message"] or len(call["Message"].encode()) > MESSAGE_LIMIT:
            raise _invalid("Message too long" if call["Message"] else "Empty message")
        if subject is not None and (
            not 0 < len(subject) < 100 or not subject.isascii() or not subject.isprintable()
        ):
            raise _invalid("Subject")
        asking = AccessRequest(
            account=self._topics.account,
            action="sns:Publish",
            resource=arn,
            context={"aws:SecureTransport": call.secure},
        )
        if self._topics.get(arn).keeps_out(asking):
            raise AwsError("AuthorizationError", f"Not authorized to perform SNS:Publish on resource {arn}")
        return {"MessageId": await self._topics.publish(arn, call["Message"], subject=subject)}

    def _tagged(self, call: Call) -> Topic:
        topic = self._topics.find(call["ResourceArn"])
        if topic is None:
            raise AwsError("ResourceNotFound", f"Resource does not exist: {call['ResourceArn']}")
        return topic

    def _subscription(self, topic: Topic, protocol: str, endpoint: str) -> Subscription:
        subscription = Subscription(
            f"{topic.arn}:{uuid.uuid4()}",
            topic.arn,
            protocol,
            endpoint,
            secrets.token_hex(64),
            protocol == "sqs",
        )
        topic.subscriptions[subscription.arn] = subscription
        return subscription

    def _shown(self, subscription: Subscription) -> Params:
        return {
            "SubscriptionArn": subscription.arn if subscription.confirmed else "PendingConfirmation",
            "Owner": self._topics.account,
            "Protocol": subscription.protocol,
            "Endpoint": subscription.endpoint,
            "TopicArn": subscription.topic_arn,
        }


def _same(topic: Topic, protocol: str, endpoint: str) -> Subscription | None:
    wanted = (protocol, endpoint)
    return next((one for one in topic.subscriptions.values() if (one.protocol, one.endpoint) == wanted), None)


def _checked(known: frozenset[str], name: str, value: Any) -> str:
    if name not in known:
        raise _invalid("AttributeName")
    if name == "SignatureVersion" and value not in ("1", "2"):
        raise _invalid("SignatureVersion")
    if name in _JSON_ATTRIBUTES and value:
        try:
            json.loads(value)
        except ValueError as error:
            raise _invalid(f"{name} is not valid JSON") from error
    return str(value)


def _invalid(what: str) -> AwsError:
    return AwsError("InvalidParameter", f"Invalid parameter: {what}")
