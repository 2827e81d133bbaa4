"""DNS values of the verifier: expected records, and the answers of name servers. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

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


@dataclass(frozen=True, slots=True)
class Expected:
    """A record as shown to the customer; names are lower-case and absolute, without a trailing dot."""

    purpose: Purpose
    type: RecordType
    name: str
    value: str
    domain: str  # the domain that the record belongs to
    priority: int = 0  # of an MX record


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
    """One name server's answer to one query; `aliases` are the CNAME targets on the way to the values."""

    server: str
    outcome: Outcome
    values: tuple[Value, ...] = ()
    aliases: tuple[str, ...] = ()


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
    AS_TEXT = "AS_TEXT"  # a TXT record at the name of the CNAME record
    ANY_SIBLING = "ANY_SIBLING"  # the same type at a random sibling name, which only a wildcard can answer
    PARENT_POLICY = "PARENT_POLICY"  # the DMARC record of the zone itself


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


class Reason(StrEnum):
    """Why a record has its status; selects the message that the customer reads."""

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
    AS_TEXT = "AS_TEXT"
    WILDCARD = "WILDCARD"
    OTHER_TARGET = "OTHER_TARGET"
    OTHER_ROW = "OTHER_ROW"
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


@dataclass(frozen=True, slots=True)
class Check:
    """The result of checking one record; `seen` holds the values found, ready to be shown.

    `zone` is empty when the domain is not registered. `servers` are the name servers that were queried.
    """

    status: RecordStatus
    message: str = ""
    seen: tuple[str, ...] = ()
    servers_agreeing: int = 0
    servers_asked: int = 0
    zone: str = ""
    servers: tuple[str, ...] = ()


Clues = Mapping[Clue, Answer]
