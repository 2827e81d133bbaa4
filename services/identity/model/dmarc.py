"""The DMARC policy that a domain's record recommends (RFC 9989). Pure."""

import re
from dataclasses import dataclass, replace
from enum import StrEnum

from chassis.field_reasons import BadValue
from services.identity.model.names import parse_domain

# Bytes of one character-string of a TXT record (RFC 1035, 3.3). Not every DNS provider splits a longer text.
LONGEST_RECORD = 255
MAX_LOCAL_PART = 64  # RFC 5321, 4.5.3.1.1
# What needs no encoding in a mailto URI (RFC 6068), nor in DMARC, where `,`, `;` and `!` separate.
_LOCAL_PART = re.compile(r"[A-Za-z0-9_+~-]+(?:\.[A-Za-z0-9_+~-]+)*")


class Policy(StrEnum):
    """What receivers should do with email that fails DMARC, from the weakest to the strictest."""

    NONE = "NONE"
    QUARANTINE = "QUARANTINE"
    REJECT = "REJECT"


@dataclass(frozen=True, slots=True)
class DmarcPolicy:
    """A policy for a domain and its subdomains, and the addresses that receive aggregate reports.

    With `testing`, receivers that know the tag apply the next weaker policy.
    """

    policy: Policy = Policy.NONE
    subdomain_policy: Policy | None = None  # None: as `policy`
    testing: bool = False
    report_addresses: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """Return the policy as the text of a DMARC record."""
        tags = {
            "v": "DMARC1",
            "p": self.policy.lower(),
            "sp": self.subdomain_policy.lower() if self.subdomain_policy else "",
            "t": "y" if self.testing else "",
            "rua": ",".join(f"mailto:{address}" for address in self.report_addresses),
        }
        return " ".join(f"{tag}={value};" for tag, value in tags.items() if value)

    @property
    def most_report_bytes(self) -> int:
        """Return how many bytes of report addresses, as the tag `rua` has them, fit into the record."""
        return LONGEST_RECORD - len(replace(self, report_addresses=()).text) - len(" rua=;")

    @property
    def is_too_long(self) -> bool:
        """Return whether the record is longer than some DNS providers accept."""
        return len(self.text) > LONGEST_RECORD


def parse_report_address(typed: str) -> str:
    """Return an address with its domain in normal form; raise BadValue if no DMARC record can have it."""
    local_part, at, domain = typed.rpartition("@")
    if not (at and local_part and domain):
        raise BadValue("NOT_AN_ADDRESS")
    if len(local_part) > MAX_LOCAL_PART:
        raise BadValue("LOCAL_PART_TOO_LONG", limit=MAX_LOCAL_PART)
    if not _LOCAL_PART.fullmatch(local_part):
        raise BadValue("NOT_A_PLAIN_ADDRESS")
    return f"{local_part}@{parse_domain(domain).name}"
