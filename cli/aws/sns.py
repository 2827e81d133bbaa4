"""Reads and writes topics and their subscriptions."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from cli.aws.api import Api
from cli.aws.desired import HTTPS_RETRIES, Resource
from cli.aws.plan import Action, Change, Present

# What SNS answers instead of the ARN of a subscription that its endpoint has not confirmed.
PENDING = "PendingConfirmation"


class Topics:
    """The topics of a region."""

    def __init__(self, api: Api) -> None:
        self._api = api

    def read(self, topic: Resource) -> Present | None:
        """Return a topic as it is, or None."""
        answer = self._api.find("sns", "get_topic_attributes", topic.arn, TopicArn=topic.arn)
        if answer is None:
            return None
        attributes = {"SignatureVersion": "1"} | answer["Attributes"]  # SNS omits the default
        if attributes.get("Policy"):
            attributes["Policy"] = json.loads(attributes["Policy"])
        tags = self._api.call("sns", "list_tags_for_resource", topic.arn, ResourceArn=topic.arn)
        return Present(properties=attributes, tags={each["Key"]: each["Value"] for each in tags["Tags"]})

    def write(self, change: Change) -> None:
        """Create a topic, or set what differs."""
        topic, attributes = change.resource, _texts(change.properties)
        tags = [{"Key": key, "Value": value} for key, value in topic.tags.items()]
        if change.action is Action.CREATE:
            self._api.call(
                "sns", "create_topic", topic.arn, Name=topic.name, Attributes=attributes, Tags=tags
            )
            return
        for name, value in attributes.items():
            attribute = {"AttributeName": name, "AttributeValue": value}
            self._api.call("sns", "set_topic_attributes", topic.arn, TopicArn=topic.arn, **attribute)
        if change.writes_tags:
            self._api.call("sns", "tag_resource", topic.arn, ResourceArn=topic.arn, Tags=tags)


class Subscriptions:
    """The subscriptions of topics, by endpoint."""

    def __init__(self, api: Api) -> None:
        self._api = api

    def read(self, subscription: Resource) -> Present | None:
        """Return a subscription as it is, or None; of an unconfirmed one SNS shows no attributes."""
        arn = self._arns(subscription.arn).get(subscription.name)
        if arn is None:
            return None
        if arn == PENDING:
            return Present(properties={"PendingConfirmation": "true"})
        answer = self._api.call("sns", "get_subscription_attributes", subscription.arn, SubscriptionArn=arn)
        return Present(properties=_properties(answer["Attributes"]))

    def write(self, change: Change) -> None:
        """Subscribe, also if the endpoint has not confirmed, so that SNS asks again; or set what differs."""
        topic_arn, endpoint = change.resource.arn, change.resource.name
        arn = self._arns(topic_arn).get(endpoint, PENDING)
        if change.action is Action.UPDATE and arn != PENDING:
            for name, value in _texts(change.properties).items():
                attribute = {"AttributeName": name, "AttributeValue": value}
                self._api.call(
                    "sns", "set_subscription_attributes", topic_arn, SubscriptionArn=arn, **attribute
                )
            return
        wanted = dict(change.resource.properties)
        protocol = wanted.pop("Protocol")
        del wanted["PendingConfirmation"]
        self._api.call(
            "sns", "subscribe", topic_arn, TopicArn=topic_arn, Protocol=protocol, Endpoint=endpoint,
            Attributes=_texts(wanted),
        )  # fmt: skip

    def names(self, topic: Resource) -> Iterator[str]:
        """Yield the endpoints of a topic."""
        yield from self._arns(topic.arn)

    def _arns(self, topic_arn: str) -> dict[str, str]:
        found = self._api.pages(
            "sns", "list_subscriptions_by_topic", "Subscriptions", topic_arn, TopicArn=topic_arn
        )
        return {each["Endpoint"]: each["SubscriptionArn"] for each in found}


def _properties(attributes: Mapping[str, str]) -> dict[str, Any]:
    """Return the attributes of a subscription without the defaults that SNS adds to a delivery policy."""
    found: dict[str, Any] = dict(attributes)
    if found.get("RedrivePolicy"):
        found["RedrivePolicy"] = json.loads(found["RedrivePolicy"])
    if found.get("DeliveryPolicy"):
        retries = json.loads(found["DeliveryPolicy"]).get("healthyRetryPolicy") or {}
        known = {name: value for name, value in retries.items() if name in HTTPS_RETRIES}
        found["DeliveryPolicy"] = {"healthyRetryPolicy": known}
    return found


def _texts(properties: Mapping[str, Any]) -> dict[str, str]:
    return {
        name: value if isinstance(value, str) else json.dumps(value) for name, value in properties.items()
    }
