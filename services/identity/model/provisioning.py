"""What a domain needs at SES and in DNS: pure rules over what SES says.

Sources: the SES v2 API model; "Using a custom MAIL FROM domain" and "Easy DKIM" in the SES developer guide.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias
from uuid import UUID

from services.identity.model.domains import Purpose, Record

Place: TypeAlias = tuple[str, str]  # AWS account and region

# Seconds. Five minutes: a mistake is mended soon, and no provider refuses it.
TTL = 300
MX_PRIORITY = 10
# Where DKIM keys are when SES names no zone: its answers have named one only since December 2025.
DEFAULT_HOSTED_ZONE = "dkim.amazonses.com"
SPF = "v=spf1 include:amazonses.com ~all"
DMARC = "v=DMARC1; p=none;"
TOKEN_PREFIX = "letterhead-verification="  # noqa: S105 - what the TXT record begins with
FAILED = "FAILED"


class IdentityState(StrEnum):
    """What is wanted of an identity at SES."""

    WANTED = "WANTED"  # to be made, changed or repaired
    PRESENT = "PRESENT"  # as wanted
    UNWANTED = "UNWANTED"  # its last claim is going
    ABSENT = "ABSENT"  # not at SES


class Call(StrEnum):
    """A control request to SES."""

    GET = "GET"
    CREATE = "CREATE"
    RESTART_DKIM = "RESTART_DKIM"
    SET_MAIL_FROM = "SET_MAIL_FROM"
    DELETE = "DELETE"


# Of an identity that SES cannot have yet: it is created unasked; GET is for one that is there all the same.
FIRST_CALLS = (Call.CREATE, Call.GET)


@dataclass(frozen=True, slots=True)
class Work:
    """An identity leased for one call; `fence` tells its lease from others, `generation` what is wanted."""

    id: UUID
    account: str
    region: str
    name: str
    state: IdentityState
    generation: int
    mail_from_label: str
    attempts: int  # failed in a row
    repair_cause: str
    fence: int
    plan: tuple[Call, ...]  # left by the previous step; empty after a crash, an error or a new request

    @property
    def mail_from_domain(self) -> str:
        """The return path wanted at SES: the holder's."""
        return f"{self.mail_from_label}.{self.name}"

    @property
    def call(self) -> Call:
        """The next call. Without a plan, SES is asked what it has."""
        return self.plan[0] if self.plan else Call.GET

    @property
    def calls_after(self) -> tuple[Call, ...]:
        """The calls planned for after the next one."""
        return self.plan[1:]


@dataclass(frozen=True, slots=True)
class Signing:
    """Where receivers find the keys of a domain."""

    tokens: tuple[str, ...]
    hosted_zone: str  # empty where SES does not name one


@dataclass(frozen=True, slots=True)
class Seen:
    """An identity as SES shows it; values of SES's enums stand as SES writes them."""

    ours: bool  # carries this installation's tag
    signing: Signing
    easy_dkim: bool  # SES keeps the keys
    dkim_status: str
    verification_status: str
    mail_from_domain: str
    mail_from_status: str
    falls_back: bool  # without the MX, mail leaves by SES's own return path instead of being refused


def changes_needed(seen: Seen, mail_from_domain: str) -> tuple[Call, ...]:
    """Return the calls that change what is wrong at SES and nothing else: MAIL FROM set again is unverified.

    TEMPORARY_FAILURE is left alone: SES itself looks on for 72 hours, and FAILED is when it has given up.
    """
    given_up = FAILED in (seen.dkim_status, seen.verification_status)
    other_path = seen.mail_from_domain != mail_from_domain or not seen.falls_back
    needed = {
        Call.RESTART_DKIM: given_up or not seen.easy_dkim or not seen.signing.tokens,
        Call.SET_MAIL_FROM: other_path or seen.mail_from_status == FAILED,
    }
    return tuple(call for call, need in needed.items() if need)


def arn(account: str, region: str, name: str) -> str:
    """Returns the ARN that SES gives a domain's identity; its answers do not hold it."""
    partition = "aws"
    if region.startswith("cn-"):
        partition = "aws-cn"
    elif region.startswith("us-gov-"):
        partition = "aws-us-gov"
    return f"arn:{partition}:ses:{region}:{account}:identity/{name}"


def dkim_records(name: str, signing: Signing) -> tuple[Record, ...]:
    """Returns the aliases to SES's keys, in SES's order."""
    zone = signing.hosted_zone or DEFAULT_HOSTED_ZONE
    return tuple(
        Record(
            purpose=Purpose.DKIM,
            ordinal=ordinal,
            type="CNAME",
            name=f"{token}._domainkey.{name}",
            value=f"{token}.{zone}",
            priority=0,
            ttl=TTL,
            required=True,
        )
        for ordinal, token in enumerate(signing.tokens, start=1)
    )


def ownership_record(name: str, token: str) -> Record:
    """Return the record that proves control of a name; it stands first where it is demanded."""
    return _txt(Purpose.OWNERSHIP, f"_letterhead.{name}", f"{TOKEN_PREFIX}{token}", required=True)


def records(
    name: str, mail_from_label: str, region: str, signing: Signing, *, inbound_mx: str | None
) -> tuple[Record, ...]:
    """Returns the records of a domain in the order shown to people; advice (not required) comes last."""
    return_path = f"{mail_from_label}.{name}"
    feedback = f"feedback-smtp.{region}.amazonses.com"
    inbound = (_mx(Purpose.INBOUND, name, inbound_mx, required=False),) if inbound_mx else ()
    return (
        *dkim_records(name, signing),
        _mx(Purpose.RETURN_PATH, return_path, feedback, required=True),
        _txt(Purpose.SPF, return_path, SPF, required=True),
        *inbound,
        _txt(Purpose.DMARC, f"_dmarc.{name}", DMARC, required=False),
    )


def _mx(purpose: Purpose, name: str, host: str, *, required: bool) -> Record:
    return Record(purpose, 1, "MX", name, host, MX_PRIORITY, TTL, required)


def _txt(purpose: Purpose, name: str, text: str, *, required: bool) -> Record:
    return Record(purpose, 1, "TXT", name, text, 0, TTL, required)
