"""The SES calls and DNS records that a domain needs: pure functions of SES's answers.

Sources: the SES v2 API model; "Using a custom MAIL FROM domain" and "Easy DKIM" in the SES developer guide.
"""

from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from services.identity.model.dmarc import DmarcPolicy
from services.identity.model.domains import Purpose, Record

# Seconds. Five minutes lets a corrected record take effect soon, and every DNS provider accepts it.
TTL = 300
MX_PRIORITY = 10
# Holds the DKIM keys if SES returns no SigningHostedZone, which it does only since December 2025.
DEFAULT_HOSTED_ZONE = "dkim.amazonses.com"
SPF = "v=spf1 include:amazonses.com ~all"
TOKEN_PREFIX = "letterhead-verification="  # noqa: S105 - the public prefix of the TXT record
FAILED = "FAILED"


class IdentityState(StrEnum):
    """The desired state of an SES identity, and whether it is reached."""

    WANTED = "WANTED"  # must be created, changed or repaired
    PRESENT = "PRESENT"  # matches the desired state
    UNWANTED = "UNWANTED"  # must be deleted: its last claim is being deleted
    ABSENT = "ABSENT"  # not at SES


class Call(StrEnum):
    """A control-plane request to SES."""

    GET = "GET"
    CREATE = "CREATE"
    RESTART_DKIM = "RESTART_DKIM"
    SET_MAIL_FROM = "SET_MAIL_FROM"
    DELETE = "DELETE"


# The plan for an identity that SES should not have yet: create it first, and GET it only if it exists.
FIRST_CALLS = (Call.CREATE, Call.GET)


@dataclass(frozen=True, slots=True)
class Work:
    """An identity leased for one call; `generation` is that of its desired state."""

    id: UUID
    account: str
    region: str
    name: str
    state: IdentityState
    generation: int
    mail_from_label: str
    attempts: int  # consecutive failures
    repair_cause: str
    lease_token: int
    plan: tuple[Call, ...]  # calls left by the previous step; empty after a crash, an error or a new request

    @property
    def mail_from_domain(self) -> str:
        """Return the MAIL FROM domain that SES should have: that of the name's holder."""
        return f"{self.mail_from_label}.{self.name}"

    @property
    def call(self) -> Call:
        """Return the next call: the first of the plan, or GET if there is no plan."""
        return self.plan[0] if self.plan else Call.GET

    @property
    def calls_after(self) -> tuple[Call, ...]:
        """Return the planned calls that follow the next one."""
        return self.plan[1:]


@dataclass(frozen=True, slots=True)
class Signing:
    """The DKIM tokens of a domain and the zone that holds their keys."""

    tokens: tuple[str, ...]
    hosted_zone: str  # empty if SES does not return one


@dataclass(frozen=True, slots=True)
class Seen:
    """An identity as SES returns it; enum values are SES's own strings."""

    ours: bool  # has this installation's tag
    signing: Signing
    easy_dkim: bool  # SES manages the keys
    dkim_status: str
    verification_status: str
    mail_from_domain: str
    mail_from_status: str
    falls_back: bool  # without the MX record, SES uses its own return path instead of rejecting the email


def changes_needed(seen: Seen, mail_from_domain: str) -> tuple[Call, ...]:
    """Return the calls that fix what differs at SES, and no others: setting MAIL FROM again unverifies it.

    TEMPORARY_FAILURE needs no call: SES keeps checking for 72 hours and reports FAILED when it stops.
    """
    dkim_failed = FAILED in (seen.dkim_status, seen.verification_status)
    mail_from_differs = seen.mail_from_domain != mail_from_domain or not seen.falls_back
    needed = {
        Call.RESTART_DKIM: dkim_failed or not seen.easy_dkim or not seen.signing.tokens,
        Call.SET_MAIL_FROM: mail_from_differs or seen.mail_from_status == FAILED,
    }
    return tuple(call for call, need in needed.items() if need)


def arn(account: str, region: str, name: str) -> str:
    """Return the ARN of a domain's SES identity, which SES's responses do not include."""
    partition = "aws"
    if region.startswith("cn-"):
        partition = "aws-cn"
    elif region.startswith("us-gov-"):
        partition = "aws-us-gov"
    return f"arn:{partition}:ses:{region}:{account}:identity/{name}"


def dkim_records(name: str, signing: Signing) -> tuple[Record, ...]:
    """Return the CNAME records that point to SES's DKIM keys, in SES's order."""
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
    """Return the TXT record that proves control of a name."""
    return _txt(Purpose.OWNERSHIP, f"_letterhead.{name}", f"{TOKEN_PREFIX}{token}", required=True)


def records(
    name: str,
    mail_from_label: str,
    region: str,
    signing: Signing,
    *,
    inbound_mx: str | None,
    dmarc_policy: DmarcPolicy,
) -> tuple[Record, ...]:
    """Return a domain's records in display order; optional records, which only advise, come last."""
    return_path = f"{mail_from_label}.{name}"
    feedback = f"feedback-smtp.{region}.amazonses.com"
    inbound = (_mx(Purpose.INBOUND, name, inbound_mx, required=False),) if inbound_mx else ()
    return (
        *dkim_records(name, signing),
        _mx(Purpose.RETURN_PATH, return_path, feedback, required=True),
        _txt(Purpose.SPF, return_path, SPF, required=True),
        *inbound,
        _txt(Purpose.DMARC, f"_dmarc.{name}", dmarc_policy.text, required=False),
    )


def _mx(purpose: Purpose, name: str, host: str, *, required: bool) -> Record:
    return Record(purpose, 1, "MX", name, host, MX_PRIORITY, TTL, required)


def _txt(purpose: Purpose, name: str, text: str, *, required: bool) -> Record:
    return Record(purpose, 1, "TXT", name, text, 0, TTL, required)
