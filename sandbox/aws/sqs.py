"""SQS's operations on queues."""

import json
import re
from typing import Any

from sandbox.aws.config import AwsConfig
from sandbox.aws.errors import AwsError
from sandbox.aws.policies import AccessRequest
from sandbox.aws.queues import Queue, QueuedMessage
from sandbox.aws.service import Call, Params

# The query protocol's codes of these errors, which SQS still returns in x-amzn-query-error.
QUERY_CODES = {
    "BatchEntryIdsNotDistinct": "AWS.SimpleQueueService.BatchEntryIdsNotDistinct",
    "EmptyBatchRequest": "AWS.SimpleQueueService.EmptyBatchRequest",
    "InvalidParameterValueException": "InvalidParameterValue",
    "MessageNotInflight": "AWS.SimpleQueueService.MessageNotInflight",
    "QueueDoesNotExist": "AWS.SimpleQueueService.NonExistentQueue",
    "QueueNameExists": "QueueAlreadyExists",
    "TooManyEntriesInBatchRequest": "AWS.SimpleQueueService.TooManyEntriesInBatchRequest",
    "UnsupportedOperation": "AWS.SimpleQueueService.UnsupportedOperation",
}
BATCH_LIMIT = 10
_QUEUE_NAME = re.compile(r"[A-Za-z0-9_-]{1,80}")
_SETTABLE = frozenset(
    {
        "DelaySeconds",
        "MaximumMessageSize",
        "MessageRetentionPeriod",
        "Policy",
        "ReceiveMessageWaitTimeSeconds",
        "VisibilityTimeout",
        "RedrivePolicy",
        "RedriveAllowPolicy",
        "KmsMasterKeyId",
        "KmsDataKeyReusePeriodSeconds",
        "SqsManagedSseEnabled",
    }
)


class Queues:
    """All queues, and the handlers of their operations."""

    def __init__(self, config: AwsConfig) -> None:
        self._account = config.account
        self._arn_prefix = f"arn:aws:sqs:{config.region}:{config.account}:"
        self._queues: dict[str, Queue] = {}

    def find(self, arn: str) -> Queue | None:
        """Return the queue of this ARN, or None."""
        return (
            self._queues.get(arn.removeprefix(self._arn_prefix)) if arn.startswith(self._arn_prefix) else None
        )

    async def create_queue(self, call: Call) -> Params:
        name, attributes = call["QueueName"], call.get("Attributes", {})
        if not _QUEUE_NAME.fullmatch(name):
            raise _invalid(
                "Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length."
            )
        queue = self._queues.get(name)
        if queue and any(queue.attributes.get(key) != value for key, value in attributes.items()):
            raise AwsError(
                "QueueNameExists", "A queue already exists with the same name and a different value."
            )
        if queue is None:
            queue = Queue(name, self._arn_prefix + name, {})
            self._set(queue, attributes)
            queue.tags = dict(call.get("tags", {}))
            self._queues[name] = queue
        return {"QueueUrl": self._url(call, name)}

    async def get_queue_url(self, call: Call) -> Params:
        if call["QueueName"] not in self._queues:
            raise _missing()
        return {"QueueUrl": self._url(call, call["QueueName"])}

    async def list_queues(self, call: Call) -> Params:
        prefix = call.get("QueueNamePrefix", "")
        return {
            "QueueUrls": [self._url(call, name) for name in sorted(self._queues) if name.startswith(prefix)]
        }

    async def delete_queue(self, call: Call) -> Params:
        del self._queues[self._queue(call).name]
        return {}

    async def get_queue_attributes(self, call: Call) -> Params:
        queue, wanted = self._queue(call), call.get("AttributeNames", [])
        known = {
            **queue.attributes,
            **queue.counts(),
            "QueueArn": queue.arn,
            "CreatedTimestamp": str(int(queue.created_at)),
            "LastModifiedTimestamp": str(int(queue.created_at)),
        }
        chosen = {name: value for name, value in known.items() if "All" in wanted or name in wanted}
        return {"Attributes": chosen} if chosen else {}

    async def set_queue_attributes(self, call: Call) -> Params:
        self._set(self._queue(call), call["Attributes"])
        return {}

    async def list_queue_tags(self, call: Call) -> Params:
        tags = self._queue(call).tags
        return {"Tags": tags} if tags else {}

    async def tag_queue(self, call: Call) -> Params:
        self._queue(call).tags |= call["Tags"]
        return {}

    async def send_message(self, call: Call) -> Params:
        queue, body = self._queue(call), call["MessageBody"]
        if call.get("MessageAttributes") or call.get("MessageSystemAttributes"):
            raise AwsError("UnsupportedOperation", "The sandbox's SQS keeps no message attributes.")
        if not body or len(body.encode()) > int(queue.attributes["MaximumMessageSize"]):
            raise _invalid("One or more parameters are invalid. Reason: the message is empty or too long.")
        message = QueuedMessage(body)
        queue.put(message, call.get("DelaySeconds", int(queue.attributes["DelaySeconds"])))
        return {"MessageId": message.id, "MD5OfMessageBody": message.md5}

    async def receive_message(self, call: Call) -> Params:
        queue = self._queue(call)
        limit = _within(call, "MaxNumberOfMessages", 1, 1, 10)
        wait = _within(call, "WaitTimeSeconds", int(queue.attributes["ReceiveMessageWaitTimeSeconds"]), 0, 20)
        visibility = _within(call, "VisibilityTimeout", int(queue.attributes["VisibilityTimeout"]), 0, 43_200)
        messages = await queue.receive(limit, visibility, wait)
        wanted = {*call.get("AttributeNames", []), *call.get("MessageSystemAttributeNames", [])}
        return {"Messages": [self._shown(message, wanted) for message in messages]} if messages else {}

    async def delete_message(self, call: Call) -> Params:
        self._queue(call).delete(call["ReceiptHandle"])
        return {}

    async def delete_message_batch(self, call: Call) -> Params:
        queue, entries = self._queue(call), _batch(call)
        successful: list[Params] = []
        failed: list[Params] = []
        for entry in entries:
            try:
                queue.delete(entry["ReceiptHandle"])
                successful.append({"Id": entry["Id"]})
            except AwsError as rejection:
                why = {"SenderFault": True, "Code": rejection.code, "Message": rejection.message}
                failed.append({"Id": entry["Id"], **why})
        return {"Successful": successful, "Failed": failed}

    async def change_message_visibility(self, call: Call) -> Params:
        seconds = _within(call, "VisibilityTimeout", 0, 0, 43_200)
        self._queue(call).change_visibility(call["ReceiptHandle"], seconds)
        return {}

    async def purge_queue(self, call: Call) -> Params:
        self._queue(call).purge()
        return {}

    def _url(self, call: Call, name: str) -> str:
        return f"{call.base_url.rstrip('/')}/{self._account}/{name}"

    def _queue(self, call: Call) -> Queue:
        queue = self._queues.get(call["QueueUrl"].rpartition("/")[2])
        if queue is None:
            raise _missing()
        action = call.operation.removesuffix("Batch")  # IAM has no separate actions for batches
        asking = AccessRequest(
            account=self._account,
            action=f"sqs:{action}",
            resource=queue.arn,
            context={"aws:SecureTransport": call.secure},
        )
        if queue.keeps_out(asking):
            raise AwsError("AccessDenied", f"Access to the resource {call['QueueUrl']} is denied.")
        return queue

    def _set(self, queue: Queue, attributes: dict[str, str]) -> None:
        for name in attributes:
            if name not in _SETTABLE:
                raise AwsError("InvalidAttributeName", f"Unknown Attribute {name}.")
        if (policy := attributes.get("RedrivePolicy")) is not None:
            queue.dead_letter_queue = self._dead_letter_queue(policy) if policy else None
        queue.attributes.update(attributes)
        for name in [each for each in attributes if each.endswith("Policy") and not attributes[each]]:
            del queue.attributes[name]  # SQS returns no attribute for a policy that was removed

    def _dead_letter_queue(self, policy: str) -> Queue:
        try:
            wanted = json.loads(policy)
            arn, count = wanted["deadLetterTargetArn"], int(wanted["maxReceiveCount"])
        except (ValueError, KeyError, TypeError) as error:
            raise _invalid(f"Value {policy} for parameter RedrivePolicy is invalid.") from error
        target = self.find(arn)
        if target is None or not 1 <= count <= 1000:
            raise _invalid(
                f"Value {policy} for parameter RedrivePolicy is invalid. "
                "Reason: Dead letter target does not exist."
            )
        return target

    def _shown(self, message: QueuedMessage, wanted: set[str]) -> Params:
        known = {
            "SenderId": self._account,
            "SentTimestamp": str(int(message.sent_at * 1000)),
            "ApproximateReceiveCount": str(message.receive_count),
            "ApproximateFirstReceiveTimestamp": str(int(message.first_received_at * 1000)),
        }
        if message.dead_letter_source:
            known["DeadLetterQueueSourceArn"] = message.dead_letter_source
        shown: dict[str, Any] = {
            "MessageId": message.id,
            "ReceiptHandle": message.receipt,
            "MD5OfBody": message.md5,
            "Body": message.body,
        }
        attributes = {name: value for name, value in known.items() if "All" in wanted or name in wanted}
        return shown | ({"Attributes": attributes} if attributes else {})


def _batch(call: Call) -> list[Params]:
    entries: list[Params] = call["Entries"]
    if not entries:
        raise AwsError("EmptyBatchRequest", "There should be at least one entry in the request.")
    if len(entries) > BATCH_LIMIT:
        raise AwsError(
            "TooManyEntriesInBatchRequest", f"Maximum number of entries per request are {BATCH_LIMIT}."
        )
    if len({entry["Id"] for entry in entries}) < len(entries):
        raise AwsError("BatchEntryIdsNotDistinct", "Two or more batch entries have the same Id.")
    return entries


def _within(call: Call, name: str, default: int, least: int, most: int) -> int:
    value: int = call.get(name, default)
    if not least <= value <= most:
        raise _invalid(
            f"Value {value} for parameter {name} is invalid. Reason: Must be between {least} and {most}."
        )
    return value


def _invalid(message: str) -> AwsError:
    return AwsError("InvalidParameterValueException", message)


def _missing() -> AwsError:
    return AwsError("QueueDoesNotExist", "The specified queue does not exist.")
