"""The verifier's words for DNS: what a record should be, and what name servers say. Pure values."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class Purpose(StrEnum):
    """What a record is for; the words of `DnsRecord.Purpose` and identity.records."""

    DKIM = "DKIM"
    RETURN_PATH = "RETURN_PATH"
    SPF = "SPF"
    INBOUND = "INBOUND"
    DMARC = "DMARC"
    OWNERSHIP = "OWNERSHIP"


class RecordType(StrEnum):
    """The types that are shown to customers and asked for."""

    CNAME = "CNAME"
    MX = "MX"
    TXT = "TXT"


@dataclass(frozen=True, slots=True)
class Expected:
    """A record as it was shown to the customer: names in lower case and absolute, without a trailing dot."""

    purpose: Purpose
    type: RecordType
    name: str
    value: str
    domain: str  # the claimed name that the record belongs to
    priority: int = 0  # of an MX record


class Outcome(StrEnum):
    """How one name server answered one question. Only the first three are definite."""

    VALUES = "VALUES"
    NODATA = "NODATA"  # the name exists, without a record of the type
    NXDOMAIN = "NXDOMAIN"
    SERVFAIL = "SERVFAIL"
    REFUSED = "REFUSED"
    LAME = "LAME"  # answers, but not as an authority for the zone
    TIMEOUT = "TIMEOUT"
    MALFORMED = "MALFORMED"  # wrong id, wrong question, or no DNS message at all
    LOOP = "LOOP"  # an alias that leads back, or on for more than eight steps
    NO_ADDRESS = "NO_ADDRESS"  # the name server's own name does not resolve
    FORBIDDEN_ADDRESS = "FORBIDDEN_ADDRESS"  # it resolves into private or reserved space


DEFINITE = frozenset({Outcome.VALUES, Outcome.NODATA, Outcome.NXDOMAIN})


@dataclass(frozen=True, slots=True)
class Value:
    """One record's data: a host name in lower case without a trailing dot, or text, its strings joined."""

    text: str
    priority: int | None = None

    def __str__(self) -> str:
        return self.text if self.priority is None else f"{self.priority} {self.text}"


@dataclass(frozen=True, slots=True)
class Observation:
    """What one name server said to one question; `aliases` are the CNAME targets that stood in between."""

    server: str
    outcome: Outcome
    values: tuple[Value, ...] = ()
    aliases: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Answer:
    """What all asked name servers of a zone said to one question.

    `unregistered` says that a registry gave the answer, so that nobody holds the name.
    """

    name: str
    zone: str
    observations: tuple[Observation, ...]
    unregistered: bool = False

    @property
    def values(self) -> tuple[Value, ...]:
        """Every value that some server gave, each once."""
        return tuple(dict.fromkeys(value for seen in self.observations for value in seen.values))


class Clue(StrEnum):
    """A second question that explains a record which is not as it should be."""

    ZONE_APPENDED = "ZONE_APPENDED"  # the same record, at the name with its zone once more behind it
    AT_DOMAIN = "AT_DOMAIN"  # the same type, at the domain instead of the label below it
    AS_TEXT = "AS_TEXT"  # TXT records where a CNAME belongs
    ANY_SIBLING = "ANY_SIBLING"  # the same type at a name that nobody can have made: a wildcard
    PARENT_POLICY = "PARENT_POLICY"  # the DMARC record of the zone's own name


@dataclass(frozen=True, slots=True)
class Question:
    """What to ask for a clue."""

    name: str
    type: RecordType


class Verdict(StrEnum):
    """What the name servers say of a record; the words of `RecordCheck.Verdict`."""

    FOUND = "FOUND"
    MISSING = "MISSING"
    MISMATCH = "MISMATCH"
    CONFLICT = "CONFLICT"
    PROPAGATING = "PROPAGATING"
    UNREACHABLE = "UNREACHABLE"


NEGATIVE = (Verdict.CONFLICT, Verdict.MISMATCH, Verdict.MISSING)  # the most telling first


class Reason(StrEnum):
    """Why a verdict is what it is: the key to the hint that the customer reads."""

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
    OTHER_TOKEN = "OTHER_TOKEN"  # noqa: S105 - a word, not a secret
    WILDCARD_PROOF = "WILDCARD_PROOF"
    WILDCARD_UNKNOWN = "WILDCARD_UNKNOWN"
    QUOTED = "QUOTED"
    SPF_WITHOUT_SES = "SPF_WITHOUT_SES"
    SPF_MALFORMED = "SPF_MALFORMED"
    DMARC_MALFORMED = "DMARC_MALFORMED"
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
    SERVERS_SILENT = "SERVERS_SILENT"
    SERVERS_MALFORMED = "SERVERS_MALFORMED"
    ALIAS_LOOP = "ALIAS_LOOP"
    SERVERS_WITHOUT_ADDRESS = "SERVERS_WITHOUT_ADDRESS"
    SERVERS_FORBIDDEN = "SERVERS_FORBIDDEN"


@dataclass(frozen=True, slots=True)
class Check:
    """What was found out of one record; `seen` holds what was there instead, ready to be shown.

    `zone` is empty when nobody holds the name; `servers` are those of the zone's that were asked.
    """

    verdict: Verdict
    hint: str = ""
    seen: tuple[str, ...] = ()
    servers_agreeing: int = 0
    servers_asked: int = 0
    zone: str = ""
    servers: tuple[str, ...] = ()


Clues = Mapping[Clue, Answer]
