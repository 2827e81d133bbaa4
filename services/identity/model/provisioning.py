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
FAILED = "FAILED"


class IdentityState(StrEnum):
    """What is wanted of an identity at SES."""

    WANTED = "WANTED"  # to be made, changed or repaired
    PRESENT = "PRESENT"  # as wanted
    UNWANTED = "UNWANTED"  # its last claim is going
    ABSENT = "ABSENT"  # not at SES


@dataclass(frozen=True, slots=True)
class Work:
    """An identity that a worker holds; `fence` tells its lease from others, `generation` whose wish it is."""

    id: UUID
    account: str
    region: str
    name: str
    state: IdentityState
    generation: int
    mail_from_label: str
    attempts: int  # this one included
    known: bool  # SES has had it before
    repair_cause: str
    fence: int

    @property
    def mail_from_domain(self) -> str:
        """The return path wanted at SES: the holder's."""
        return f"{self.mail_from_label}.{self.name}"

    @property
    def untried(self) -> bool:
        """Says whether SES has nothing of ours yet for sure; only then it is made without asking first."""
        return not self.known and self.attempts == 1


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


class Mending(StrEnum):
    """A change at SES."""

    RESTART_DKIM = "RESTART_DKIM"
    SET_MAIL_FROM = "SET_MAIL_FROM"


def mendings(seen: Seen, mail_from_domain: str) -> tuple[Mending, ...]:
    """Returns what has to change at SES, and nothing that is right: to set MAIL FROM again would unverify it.

    TEMPORARY_FAILURE is left alone: SES itself looks on for 72 hours, and FAILED is when it has given up.
    """
    given_up = FAILED in (seen.dkim_status, seen.verification_status)
    other_path = seen.mail_from_domain != mail_from_domain or not seen.falls_back
    needed = {
        Mending.RESTART_DKIM: given_up or not seen.easy_dkim or not seen.signing.tokens,
        Mending.SET_MAIL_FROM: other_path or seen.mail_from_status == FAILED,
    }
    return tuple(mending for mending, need in needed.items() if need)


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
