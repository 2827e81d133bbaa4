"""Why records, domains and SES accounts are in their states: reasons, and parameters of their messages. Pure.

`messages` has the sentence of each reason.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Generic, TypedDict, TypeVar


class CheckReason(StrEnum):
    """Why a record has its status, named as in `verifier.v1.CheckReason` and in the database."""

    UNSPECIFIED = ""  # stored by an earlier release

    AS_SHOWN = "AS_SHOWN"
    OTHER_PRIORITY = "OTHER_PRIORITY"
    WIDER_SPF = "WIDER_SPF"
    PARENT_COVERS = "PARENT_COVERS"
    OWN_POLICY = "OWN_POLICY"
    NOT_THERE = "NOT_THERE"
    OTHER_TYPE = "OTHER_TYPE"
    UNREGISTERED = "UNREGISTERED"
    ZONE_APPENDED = "ZONE_APPENDED"
    AT_DOMAIN = "AT_DOMAIN"
    AT_ZONE = "AT_ZONE"
    LABEL_REPEATED = "LABEL_REPEATED"
    UNDERSCORE_MISSING = "UNDERSCORE_MISSING"
    DELEGATED = "DELEGATED"
    SPF_TYPE = "SPF_TYPE"
    AS_TEXT = "AS_TEXT"
    WILDCARD = "WILDCARD"
    OTHER_TARGET = "OTHER_TARGET"
    OTHER_ROW = "OTHER_ROW"
    MISTYPED = "MISTYPED"
    TARGET_IS_URL = "TARGET_IS_URL"
    TARGET_IS_ADDRESS = "TARGET_IS_ADDRESS"
    SPACE_AROUND = "SPACE_AROUND"
    TYPE_IN_VALUE = "TYPE_IN_VALUE"
    POINTS_AT_ITSELF = "POINTS_AT_ITSELF"
    TARGET_ZONE_APPENDED = "TARGET_ZONE_APPENDED"
    PRIORITY_IN_TARGET = "PRIORITY_IN_TARGET"
    OTHER_REGION = "OTHER_REGION"
    OTHER_TEXT = "OTHER_TEXT"
    OTHER_TOKEN = "OTHER_TOKEN"  # noqa: S105 - an enum value, not a secret
    WILDCARD_PROOF = "WILDCARD_PROOF"
    WILDCARD_UNKNOWN = "WILDCARD_UNKNOWN"
    QUOTED = "QUOTED"
    SPF_WITHOUT_SES = "SPF_WITHOUT_SES"
    SPF_MALFORMED = "SPF_MALFORMED"
    SPF_NOT_FIRST = "SPF_NOT_FIRST"
    SPF_TERM = "SPF_TERM"
    SPF_TERM_MISSPELT = "SPF_TERM_MISSPELT"
    SPF_LOOKUPS = "SPF_LOOKUPS"
    SPF_VOID_LOOKUPS = "SPF_VOID_LOOKUPS"
    SPF_OTHER_RECORD = "SPF_OTHER_RECORD"
    SPF_PARTLY = "SPF_PARTLY"
    SPF_UNREACHABLE = "SPF_UNREACHABLE"
    DMARC_MALFORMED = "DMARC_MALFORMED"
    DMARC_WEAKER = "DMARC_WEAKER"
    ALIAS_IN_THE_WAY = "ALIAS_IN_THE_WAY"
    SECOND_MX = "SECOND_MX"
    OTHER_MX = "OTHER_MX"
    SECOND_CNAME = "SECOND_CNAME"
    TWO_SPF = "TWO_SPF"
    TWO_DMARC = "TWO_DMARC"
    SOME_SERVERS = "SOME_SERVERS"
    SERVERS_FAIL = "SERVERS_FAIL"
    SERVERS_REFUSE = "SERVERS_REFUSE"
    SERVERS_LAME = "SERVERS_LAME"
    SERVERS_UNRESPONSIVE = "SERVERS_UNRESPONSIVE"
    SERVERS_MALFORMED = "SERVERS_MALFORMED"
    ALIAS_LOOP = "ALIAS_LOOP"
    SERVERS_WITHOUT_ADDRESS = "SERVERS_WITHOUT_ADDRESS"
    SERVERS_FORBIDDEN = "SERVERS_FORBIDDEN"


class DomainReason(StrEnum):
    """Why a domain is in its state: those of `identity.v1.DomainReason` that verifier gives."""

    UNSPECIFIED = ""  # stored by an earlier release

    FIRST_CHECK_DUE = "FIRST_CHECK_DUE"
    WAITING_FOR_RECORDS = "WAITING_FOR_RECORDS"
    WAITING_FOR_SES = "WAITING_FOR_SES"
    SES_CHECK_REQUESTED = "SES_CHECK_REQUESTED"
    CAN_SEND = "CAN_SEND"
    RECORDS_GONE = "RECORDS_GONE"

    PROOF_DUE = "PROOF_DUE"
    CHALLENGER = "CHALLENGER"
    CHALLENGED = "CHALLENGED"
    SUPERSEDED = "SUPERSEDED"
    DISPUTED = "DISPUTED"

    VERIFIED = "VERIFIED"
    VERIFIED_AGAIN = "VERIFIED_AGAIN"
    NO_LONGER_VERIFIED = "NO_LONGER_VERIFIED"
    NOT_VERIFIED_AGAIN = "NOT_VERIFIED_AGAIN"
    NOT_VERIFIED_IN_TIME = "NOT_VERIFIED_IN_TIME"
    RECORDS_CHANGED = "RECORDS_CHANGED"
    ANOTHER_ACCOUNT_PROVED = "ANOTHER_ACCOUNT_PROVED"


class AccountReason(StrEnum):
    """Why an SES account is in its state, named as in `verifier.v1.AccountReason` and in the database."""

    UNSPECIFIED = ""  # stored by an earlier release

    NEVER_QUERIED = "NEVER_QUERIED"
    UNREACHABLE = "UNREACHABLE"
    CAN_SEND = "CAN_SEND"
    SANDBOXED = "SANDBOXED"
    UNDER_REVIEW = "UNDER_REVIEW"
    SUSPENDED = "SUSPENDED"
    SENDING_DISABLED = "SENDING_DISABLED"


class CheckParameters(TypedDict, total=False):
    """The parameters of messages about records, as in `CheckParameters` of the contract."""

    name: str
    type: str
    value: str
    priority: int
    domain: str
    zone: str
    relative_name: str
    registrable_domain: str
    found_name: str
    seen: str
    servers: list[str]
    lacking_servers: list[str]
    negative_servers: list[str]
    servers_agreeing: int
    servers_asked: int
    term: str
    suggestion: str
    spf_domain: str
    character: str
    include: str
    asked_servers: list[str]
    position: int
    found_text: str
    shown_text: str


class DomainParameters(TypedDict, total=False):
    """The parameters of messages about domains: those of identity's `DomainParameters` that verifier sets."""

    waiting_records: int
    required_records: int
    purposes: list[str]
    can_send: bool
    conditions: list[str]


class AccountParameters(TypedDict, total=False):
    """The parameters of messages about SES accounts, as in `AccountParameters` of the contract."""

    error: str


Reason = TypeVar("Reason", CheckReason, DomainReason, AccountReason)


@dataclass(frozen=True, slots=True)
class Explanation(Generic[Reason]):
    """Why a record, a domain or an account is in its state; `message` is the sentence of the reason."""

    reason: Reason
    parameters: Mapping[str, Any] = field(default_factory=dict)
    message: str = ""
