"""All settings of the webhooks service."""

from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Literal, TypeAlias

from chassis import config
from chassis.destinations import DestinationSettings

DAY = timedelta(days=1)

Policy: TypeAlias = Literal["off", "count", "enforce"]


@dataclass(frozen=True, kw_only=True)
class Feedback:
    """Settings of the queue and topic that SES's feedback arrives by."""

    feedback_queue: str = config.setting(
        "letterhead-feedback", help="name or URL of the SQS queue with SES's feedback"
    )
    feedback_topic: str = config.setting(
        "letterhead-feedback", help="name or ARN of the SNS topic that feeds the queue"
    )
    feedback_rule: str = config.setting(
        "",
        help="name or ARN of an EventBridge rule that sends SES's events to the queue too; unset: messages in"
        " EventBridge's form are rejected",
    )
    feedback_wait: timedelta = config.setting(
        timedelta(seconds=5),
        help="seconds that one long poll of the queue waits; shutdown waits for it too",
        minimum=timedelta(seconds=1),
        maximum=timedelta(seconds=20),
    )
    feedback_signatures: Policy = config.setting(
        "off",
        help="whether SNS's signatures on queue messages are verified: off, count (messages that fail are"
        " counted and stored) or enforce (they are rejected); raw message delivery has no signatures",
    )
    feedback_pollers: int = config.setting(
        2, help="concurrent long polls of one process", minimum=1, maximum=16
    )


@dataclass(frozen=True, kw_only=True)
class Sns:
    """Settings for verifying SNS's signatures."""

    sns_signature_version: Literal["1", "2"] = config.setting(
        "2", help="oldest SNS signature version that is accepted: 2 is SHA-256, 1 is SHA-1"
    )
    sns_ca_file: Path | None = config.setting(
        None, help="PEM file of the root certificates to trust for SNS, instead of the public roots"
    )
    sns_certificate_address: str = config.setting(
        "", help="host:port to fetch SNS's certificates from, e.g. a VPC endpoint; unset: the public endpoint"
    )

    def __post_init__(self) -> None:
        host, _, port = self.sns_certificate_address.rpartition(":")
        if self.sns_certificate_address and not (host and port.isdecimal()):
            raise ValueError(
                f"LETTERHEAD_SNS_CERTIFICATE_ADDRESS: {self.sns_certificate_address!r} is not host:port"
            )


@dataclass(frozen=True, kw_only=True)
class Endpoint:
    """Settings of the endpoint that SNS posts to."""

    sns_port: int | None = config.setting(
        None, help="port of the endpoint that SNS posts to, `/sns`; unset: no endpoint",
        minimum=0, maximum=65535,
    )  # fmt: skip
    sns_max_age: timedelta = config.setting(
        timedelta(hours=2),
        help="seconds after which a post counts as a replay; SNS retries for an hour at most",
        minimum=timedelta(hours=1),
    )


@dataclass(frozen=True, kw_only=True)
class Endpoints(DestinationSettings):
    """Settings of customers' endpoints."""

    webhook_keys: config.Secret | None = config.setting(
        None,
        help="file with the Fernet keys, one per line, that encrypt the secrets of endpoints; the first"
        " encrypts; unset: no endpoint can be created",
    )
    endpoints_per_tenant: int = config.setting(20, help="maximum number of endpoints of a tenant", minimum=0)


@dataclass(frozen=True, kw_only=True)
class Config:
    """All settings of the webhooks service."""

    server: config.Server
    database: config.Database
    nats: config.Nats
    aws: config.Aws
    feedback: Feedback
    sns: Sns = field(default_factory=Sns)
    sns_endpoint: Endpoint = field(default_factory=Endpoint)
    endpoints: Endpoints = field(default_factory=Endpoints)
    notification_retention: timedelta = config.setting(
        30 * DAY, help="seconds that SES's raw notifications are kept", minimum=DAY
    )
    feedback_retention: timedelta = config.setting(
        90 * DAY, help="seconds that feedback is kept", minimum=7 * DAY
    )
    deleted_endpoint_retention: timedelta = config.setting(
        30 * DAY, help="seconds that deleted endpoints are kept", minimum=DAY
    )
