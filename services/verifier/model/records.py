"""DNS values of the verifier: expected records, and the answers of name servers. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from services.verifier.model.reasons import CheckReason, Explanation
from services.verifier.model.spf_results import Evaluation


class Purpose(StrEnum):
    """What a record is for; the values of `DnsRecord.Purpose` and identity.records."""

    DKIM = "DKIM"
    RETURN_PATH = "RETURN_PATH"
    SPF = "SPF"
    INBOUND = "INBOUND"
    DMARC = "DMARC"
    OWNERSHIP = "OWNERSHIP"


class RecordType(StrEnum):
    """The record types that are shown to customers and queried."""

    CNAME = "CNAME"
    MX = "MX"
    TXT = "TXT"
    SPF = "SPF"  # obsolete (RFC 7208 §3.1); only queried, to explain a missing TXT record


@dataclass(frozen=True, slots=True)
class Expected:
    """A record as shown to the customer; names are lower-case and absolute, without a trailing dot."""

    purpose: Purpose
    type: RecordType
    name: str
    value: str
    domain: str  # the domain that the record belongs to
    priority: int = 0  # of an MX record
    siblings: frozenset[str] = frozenset()  # the values of the domain's other records


class Outcome(StrEnum):
    """How one name server answered one query. Only the first three are definite."""

    VALUES = "VALUES"
    NODATA = "NODATA"  # the name exists, without a record of the type
    NXDOMAIN = "NXDOMAIN"
    SERVFAIL = "SERVFAIL"
    REFUSED = "REFUSED"
    LAME = "LAME"  # the answer is not authoritative
    TIMEOUT = "TIMEOUT"
    MALFORMED = "MALFORMED"  # wrong id, wrong question, or not a DNS message
    LOOP = "LOOP"  # a CNAME chain that loops or has more than eight links
    NO_ADDRESS = "NO_ADDRESS"  # the name server's own name does not resolve
    FORBIDDEN_ADDRESS = "FORBIDDEN_ADDRESS"  # it resolves into private or reserved space


DEFINITE = frozenset({Outcome.VALUES, Outcome.NODATA, Outcome.NXDOMAIN})


@dataclass(frozen=True, slots=True)
class Value:
    """One record's data: a lower-case host name without a trailing dot, or a TXT record's joined strings.

    `spf` is the evaluation of an SPF record that was evaluated.
    """

    text: str
    priority: int | None = None
    spf: Evaluation | None = None

    def __str__(self) -> str:
        return self.text if self.priority is None else f"{self.priority} {self.text}"


@dataclass(frozen=True, slots=True)
class Observation:
    """One name server's answer to one query; `aliases` are the CNAME targets on the way to the values.

    `contradictory` is true if a name on the way has several CNAME records, or one beside other data.
    """

    server: str
    outcome: Outcome
    values: tuple[Value, ...] = ()
    aliases: tuple[str, ...] = ()
    contradictory: bool = False


@dataclass(frozen=True, slots=True)
class Answer:
    """The answers of a zone's name servers to one query.

    `unregistered` is true when a registry answered NXDOMAIN, so the domain is not registered.
    """

    name: str
    zone: str
    observations: tuple[Observation, ...]
    unregistered: bool = False

    @property
    def values(self) -> tuple[Value, ...]:
        """Return every value that any server returned, without duplicates."""
        return tuple(dict.fromkeys(value for seen in self.observations for value in seen.values))


class Clue(StrEnum):
    """A follow-up query that explains why a record is not as expected."""

    ZONE_APPENDED = "ZONE_APPENDED"  # the same record at the name with the zone appended again
    AT_DOMAIN = "AT_DOMAIN"  # the same type at the domain instead of the label below it
    AT_ZONE = "AT_ZONE"  # the same record below the zone instead of the domain
    LABEL_REPEATED = "LABEL_REPEATED"  # the same record with the domain's own label repeated
    WITHOUT_UNDERSCORE = "WITHOUT_UNDERSCORE"  # the same record at the name without its underscore
    AS_SPF_TYPE = "AS_SPF_TYPE"  # a record of type SPF at the name of the TXT record
    AS_TEXT = "AS_TEXT"  # a TXT record at the name of the CNAME record
    ANY_SIBLING = "ANY_SIBLING"  # the same type at a random sibling name, which only a wildcard can answer
    PARENT_POLICY = "PARENT_POLICY"  # the DMARC record of the name above the domain
    ORGANIZATION_POLICY = "ORGANIZATION_POLICY"  # the DMARC record of its organization's domain


@dataclass(frozen=True, slots=True)
class Question:
    """A DNS query: a name and a record type."""

    name: str
    type: RecordType


class RecordStatus(StrEnum):
    """The status of a record according to its name servers; the values of `RecordCheck.Status`."""

    FOUND = "FOUND"
    MISSING = "MISSING"
    MISMATCH = "MISMATCH"
    CONFLICT = "CONFLICT"
    PROPAGATING = "PROPAGATING"
    UNREACHABLE = "UNREACHABLE"


NEGATIVE = (RecordStatus.CONFLICT, RecordStatus.MISMATCH, RecordStatus.MISSING)  # the most specific first


NOT_EXPLAINED = Explanation(CheckReason.UNSPECIFIED)


@dataclass(frozen=True, slots=True)
class Check:
    """The result of checking one record; `why` explains its status, `seen` holds the values found.

    `zone` is empty when the domain is not registered. `servers` are the name servers that were queried.
    """

    status: RecordStatus
    why: Explanation[CheckReason] = NOT_EXPLAINED
    seen: tuple[str, ...] = ()
    servers_agreeing: int = 0
    servers_asked: int = 0
    zone: str = ""
    servers: tuple[str, ...] = ()


Clues = Mapping[Clue, Answer]
