"""Reads and writes queues."""

import json

from cli.aws.api import Api
from cli.aws.desired import Properties, Resource
from cli.aws.plan import Action, Change, Present

DOCUMENTS = ("Policy", "RedrivePolicy")


class Queues:
    """The queues of a region."""

    def __init__(self, api: Api) -> None:
        self._api = api

    def read(self, queue: Resource) -> Present | None:
        """Return a queue as it is, or None."""
        found = self._api.find("sqs", "get_queue_url", queue.arn, QueueName=queue.name)
        if found is None:
            return None
        url = {"QueueUrl": found["QueueUrl"]}
        answer = self._api.call("sqs", "get_queue_attributes", queue.arn, AttributeNames=["All"], **url)
        attributes = {
            name: json.loads(value) if name in DOCUMENTS and value else value
            for name, value in answer["Attributes"].items()
        }
        tags = self._api.call("sqs", "list_queue_tags", queue.arn, **url).get("Tags", {})
        return Present(properties=attributes, tags=tags)

    def write(self, change: Change) -> None:
        """Create a queue, or set what differs."""
        queue, attributes = change.resource, _attributes(change.properties)
        tags = dict(queue.tags)
        if change.action is Action.CREATE:
            self._api.call(
                "sqs", "create_queue", queue.arn, QueueName=queue.name, Attributes=attributes, tags=tags
            )
            return
        url = self._api.call("sqs", "get_queue_url", queue.arn, QueueName=queue.name)["QueueUrl"]
        if attributes:
            self._api.call("sqs", "set_queue_attributes", queue.arn, QueueUrl=url, Attributes=attributes)
        if change.writes_tags:
            self._api.call("sqs", "tag_queue", queue.arn, QueueUrl=url, Tags=tags)


def _attributes(properties: Properties) -> dict[str, str]:
    return {
        name: value if isinstance(value, str) else json.dumps(value) for name, value in properties.items()
    }
