"""Why domains are in their states: reasons, and the parameters of their messages. Pure.

`messages` has the sentence of each reason.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, TypedDict


class DomainReason(StrEnum):
    """Why a domain is in its state: those of `identity.v1.DomainReason` that identity gives."""

    PROVISIONING = "PROVISIONING"
    RECORDS_SHOWN = "RECORDS_SHOWN"
    DELETING = "DELETING"
    EMAILS_IN_FLIGHT = "EMAILS_IN_FLIGHT"
    DELETED = "DELETED"
    SUPERSEDED = "SUPERSEDED"

    SES_THROTTLED = "SES_THROTTLED"
    SES_CREDENTIALS_REJECTED = "SES_CREDENTIALS_REJECTED"
    SES_CREDENTIALS_MISSING = "SES_CREDENTIALS_MISSING"
    SES_ACCOUNT_SUSPENDED = "SES_ACCOUNT_SUSPENDED"
    SES_REQUEST_REJECTED = "SES_REQUEST_REJECTED"
    SES_IDENTITY_LIMIT_REACHED = "SES_IDENTITY_LIMIT_REACHED"
    SES_CONFIGURATION_SET_MISSING = "SES_CONFIGURATION_SET_MISSING"
    SES_ERROR = "SES_ERROR"
    SES_RESPONSE_INCOMPLETE = "SES_RESPONSE_INCOMPLETE"
    SES_UNREACHABLE = "SES_UNREACHABLE"
    SES_IDENTITY_NOT_OURS = "SES_IDENTITY_NOT_OURS"
    SES_CONTRADICTORY = "SES_CONTRADICTORY"
    SES_DKIM_TOKENS_MISSING = "SES_DKIM_TOKENS_MISSING"


class DomainParameters(TypedDict, total=False):
    """The parameters of messages about domains: those of `DomainParameters` that identity sets."""

    emails_in_flight: int
    ses_code: str
    ses_message: str
    region: str
    configuration_set: str
    tag: str
    retry_seconds: int


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why a domain is in its state; `message` is the sentence of the reason.

    `reason` is empty if an earlier release stored it, and may be one that verifier gave.
    """

    reason: str = ""
    parameters: Mapping[str, Any] = field(default_factory=dict)
    message: str = ""
