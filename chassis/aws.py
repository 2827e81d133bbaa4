"""Clients of AWS: one request per call, bounded in time, counted, and without retries.

botocore's own retries are off: only the caller knows whether a request may be repeated, and at what rate.
Credentials come from botocore's default chain and are resolved by the first request.
"""

import time
from collections import Counter as Tally
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any

import botocore.session
from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    CredentialRetrievalError,
    NoCredentialsError,
    ParamValidationError,
    PartialCredentialsError,
)
from botocore.loaders import create_loader
from prometheus_client import Counter

from chassis.regions import AwsRegion
from chassis.threads import Executor

CALLS = Counter(
    "letterhead_aws_calls_total", "Requests to AWS, by outcome", ["service", "operation", "outcome"]
)

THROTTLES = frozenset({"TooManyRequestsException", "ThrottlingException", "Throttling", "RequestThrottled"})
NO_CREDENTIALS = (CredentialRetrievalError, NoCredentialsError, PartialCredentialsError)
# Outcomes with which AWS serves nothing at all: they are about the caller, not about what was asked for.
FAULTS = THROTTLES | {
    "AccessDenied", "AccessDeniedException", "ExpiredToken", "ExpiredTokenException", "IncompleteSignature",
    "InvalidClientTokenId", "InvalidSignatureException", "MissingAuthenticationToken", "NotAuthorized",
    "OptInRequired", "RequestExpired", "SignatureDoesNotMatch", "UnrecognizedClientException",
    "no_answer", "no_credentials",
}  # fmt: skip
MAX_MESSAGE = 200  # characters of an AWS error message
# The models of the services, which every session would otherwise parse again: 100 ms of CPU for each client.
_MODELS = create_loader()


class AwsError(Exception):
    """A request without a usable response; the text is for operators."""


class AwsRefused(AwsError):
    """AWS answered with an error: its code, e.g. `NotFoundException`, and its own message."""

    def __init__(self, operation: str, code: str, message: str) -> None:
        super().__init__(f"AWS refused {operation} ({code}): {message}")
        self.code = code
        self.message = message

    @property
    def is_throttle(self) -> bool:
        """Return whether AWS asks for fewer requests."""
        return self.code in THROTTLES


class AwsUnanswered(AwsError):
    """No response, or only a part of one. Whether AWS performed the request is unknown."""


class AwsIncomplete(AwsUnanswered):
    """Only a part of a response."""


class AwsCredentialsMissing(AwsError):
    """There are no credentials to sign the request with, so it was not made."""


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Limits of one request: to connect, and between two bytes of the response."""

    connect: timedelta
    read: timedelta

    @property
    def seconds(self) -> tuple[float, float]:
        """Return both in seconds, connect first."""
        return self.connect.total_seconds(), self.read.total_seconds()


class AwsClient:
    """One AWS service in one region; its blocking requests run in threads of its own."""

    def __init__(self, client: Any, executor: Executor) -> None:
        self._client = client
        self._executor = executor
        self._service: str = client.meta.service_model.service_name

    @property
    def region(self) -> str:
        """Return the region, e.g. `us-east-1`."""
        region: str = self._client.meta.region_name
        return region

    async def call(
        self, operation: str, *, expects: str | None = None, **parameters: Any
    ) -> Mapping[str, Any]:
        """Make one request, named as in boto3, e.g. `get_account`; raise AwsError.

        `expects` names a member that every complete response has: botocore reads a response that was cut off
        as an empty one. Parameters that AWS's model does not allow raise botocore's ParamValidationError.
        """
        outcome = "no_answer"
        try:
            answer: Mapping[str, Any] = await self._executor.run(
                getattr(self._client, operation), **parameters
            )
            outcome = "ok" if expects is None or expects in answer else "incomplete"
        except ClientError as error:
            outcome, message = error_of(error)
            raise AwsRefused(operation, outcome, message) from error
        except ParamValidationError:
            outcome = "invalid"
            raise
        except NO_CREDENTIALS as error:
            outcome = "no_credentials"
            raise AwsCredentialsMissing("No AWS credentials found. Give this service its role.") from error
        except BotoCoreError as error:
            raise AwsUnanswered(f"AWS did not answer {operation} ({type(error).__name__}).") from error
        finally:
            CALLS.labels(self._service, operation, outcome).inc()
        if outcome != "ok":
            raise AwsIncomplete(f"AWS's answer to {operation} was incomplete.")
        return answer


class Clock:
    """AWS's clock, by the last response of any client of this process, to a second."""

    def __init__(self) -> None:
        self._response: tuple[str, float] | None = None

    def observe(self, response_dict: Mapping[str, Any] | None, **_: Any) -> None:
        """Remember the time of a response; botocore calls this with the names of its event's arguments."""
        if response_dict and (date := response_dict["headers"].get("date")):
            self._response = (date, time.time())

    def ahead(self) -> timedelta | None:
        """Return how far AWS's clock is ahead of this machine's; None before the first response."""
        if self._response is None:
            return None
        date, at = self._response
        return parsedate_to_datetime(date) - datetime.fromtimestamp(at, UTC).replace(microsecond=0)


CLOCK = Clock()


class Faults:
    """Why AWS serves this process nothing, by the counted outcomes of its calls."""

    def __init__(self) -> None:
        self._before = _outcomes()
        self._fault = ""

    def now(self) -> str:
        """Return the most frequent fault since the last call, empty if another call succeeded since."""
        outcomes = _outcomes()
        fresh, self._before = outcomes - self._before, outcomes
        faults = Tally({outcome: count for outcome, count in fresh.items() if outcome in FAULTS})
        if fresh["ok"]:
            self._fault = ""
        elif faults:
            [(self._fault, _)] = faults.most_common(1)
        return self._fault


def _outcomes() -> Tally[str]:
    counted: Tally[str] = Tally()
    for sample in (each for metric in CALLS.collect() for each in metric.samples):
        if sample.name.endswith("_total"):
            counted[sample.labels["outcome"]] += int(sample.value)
    return counted


def session(profile: str | None = None) -> botocore.session.Session:
    """Return a new botocore session, with the settings and credentials of a profile if one is given."""
    made = botocore.session.Session(profile=profile)
    made.register_component("data_loader", _MODELS)
    return made


def client(region: AwsRegion, service: str, timeouts: Timeouts, *, connections: int) -> Any:
    """Return a blocking botocore client that makes every request once."""
    connect, read = timeouts.seconds
    made = session(region.profile).create_client(
        service,
        region_name=region.region,
        endpoint_url=region.endpoint_url,
        config=Config(
            connect_timeout=connect,
            read_timeout=read,
            max_pool_connections=connections,
            retries={"mode": "standard", "total_max_attempts": 1},
        ),
    )
    made.meta.events.register("response-received", CLOCK.observe)
    return made


@asynccontextmanager
async def open_client(
    region: AwsRegion, service: str, timeouts: Timeouts, *, threads: int
) -> AsyncIterator[AwsClient]:
    """Open a client for up to `threads` concurrent requests; makes no request itself."""
    async with Executor(service, threads) as executor:
        made = await executor.run(client, region, service, timeouts, connections=threads)
        try:
            yield AwsClient(made, executor)
        finally:
            made.close()


def error_of(error: ClientError) -> tuple[str, str]:
    """Return the code and the message of an AWS error, either of them possibly empty."""
    details = error.response.get("Error", {})
    return str(details.get("Code", "")), str(details.get("Message", ""))[:MAX_MESSAGE]
