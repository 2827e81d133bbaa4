"""Makes the requests of the setup, bounded in time and at the rate that SES allows."""

import time
from collections.abc import Collection
from datetime import timedelta
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from chassis.aws import error_of
from chassis.config import AWS_CONTROL_INTERVAL
from cli.aws.errors import failure

SERVICES = ("sts", "sqs", "sns", "events", "sesv2", "iam")
# The service in the names of IAM actions, where it is not the name of the API.
PREFIXES = {"sesv2": "ses"}
MISSING = frozenset(
    {"NotFound", "NotFoundException", "NoSuchEntity", "NoSuchEntityException", "ResourceNotFoundException"}
    | {"QueueDoesNotExist", "AWS.SimpleQueueService.NonExistentQueue"}
)
Answer = dict[str, Any]


class Api:
    """The clients of one account and region. SES accepts one control request per second, from all callers."""

    def __init__(
        self,
        session: boto3.Session,
        endpoint_url: str | None,
        *,
        attempts: int = 5,
        control_interval: timedelta = AWS_CONTROL_INTERVAL,
    ) -> None:
        """Take `attempts`, how often a request is made that AWS throttles or does not answer."""
        retries = {"mode": "standard", "total_max_attempts": attempts}
        config = Config(retries=retries, connect_timeout=5, read_timeout=20)
        self._clients = {
            each: session.client(each, endpoint_url=endpoint_url, config=config) for each in SERVICES
        }
        self._interval = control_interval.total_seconds()

    def call(self, service: str, operation: str, on: str, **parameters: Any) -> Answer:
        """Make one request, named as in boto3, about the resource with the ARN `on`; raise SetupError."""
        answer = self._call(service, operation, on, frozenset(), parameters)
        assert answer is not None, "only a tolerated error has no answer"
        return answer

    def find(self, service: str, operation: str, on: str, **parameters: Any) -> Answer | None:
        """Make one request that reads a resource; return None if it does not exist. Raise SetupError."""
        return self._call(service, operation, on, MISSING, parameters)

    def pages(self, service: str, operation: str, member: str, on: str, **parameters: Any) -> list[Any]:
        """Return the member of all pages, empty if the resource does not exist; raise SetupError."""
        paginator = self._clients[service].get_paginator(operation)
        try:
            return [each for page in paginator.paginate(**parameters) for each in page[member]]
        except ClientError as error:
            if error_of(error)[0] in MISSING:
                return []
            raise failure(error, self._action(service, operation), on) from error
        except BotoCoreError as error:
            raise failure(error, self._action(service, operation), on) from error

    def _call(
        self, service: str, operation: str, on: str, tolerated: Collection[str], parameters: Answer
    ) -> Answer | None:
        try:
            answer: Answer = getattr(self._clients[service], operation)(**parameters)
        except ClientError as error:
            if error_of(error)[0] in tolerated:
                return None
            raise failure(error, self._action(service, operation), on) from error
        except BotoCoreError as error:
            raise failure(error, self._action(service, operation), on) from error
        finally:
            if service == "sesv2":
                time.sleep(
                    self._interval
                )  # after each request, because another program may make the next one
        return answer

    def _action(self, service: str, operation: str) -> str:
        name = self._clients[service].meta.method_to_api_mapping[operation]
        return f"{PREFIXES.get(service, service)}:{name}"
