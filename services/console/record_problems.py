"""What is wrong with a domain's records: which ones to correct, and what they all have in common. Pure."""

from collections.abc import Sequence

from letterhead.identity.v1.domains_pb2 import DnsRecord
from letterhead.verifier.v1 import check_reason_pb2 as reasons
from letterhead.verifier.v1.verifier_pb2 import RecordCheck
from services.console import check_messages

# The name servers do not have the record as shown; other statuses show nothing about it.
NEGATIVE = (RecordCheck.STATUS_MISSING, RecordCheck.STATUS_MISMATCH, RecordCheck.STATUS_CONFLICT)
# Reasons of a zone and its name servers, which say the same about each record.
_OF_ZONE = frozenset(
    {
        reasons.CHECK_REASON_UNREGISTERED,
        reasons.CHECK_REASON_SERVERS_FAIL,
        reasons.CHECK_REASON_SERVERS_REFUSE,
        reasons.CHECK_REASON_SERVERS_LAME,
        reasons.CHECK_REASON_SERVERS_UNRESPONSIVE,
        reasons.CHECK_REASON_SERVERS_MALFORMED,
        reasons.CHECK_REASON_SERVERS_WITHOUT_ADDRESS,
        reasons.CHECK_REASON_SERVERS_FORBIDDEN,
    }
)
# Reasons for which nothing is published yet that could be wrong.
_NOTHING_THERE = frozenset(
    {
        reasons.CHECK_REASON_UNSPECIFIED,
        reasons.CHECK_REASON_NOT_THERE,
        reasons.CHECK_REASON_UNREGISTERED,
        reasons.CHECK_REASON_OTHER_TYPE,
    }
)


def required(checks: Sequence[RecordCheck]) -> Sequence[RecordCheck]:
    """Return the checks of the records that the domain needs."""
    return [check for check in checks if check.record.required]


def found(checks: Sequence[RecordCheck]) -> tuple[int, int]:
    """Return the number of required records that were found, and the number of all required records."""
    needed = required(checks)
    return sum(check.status == RecordCheck.STATUS_FOUND for check in needed), len(needed)


def absent(checks: Sequence[RecordCheck]) -> Sequence[RecordCheck]:
    """Return the required records that the name servers do not have as shown."""
    return [check for check in required(checks) if check.status in NEGATIVE]


def wrong(checks: Sequence[RecordCheck]) -> Sequence[RecordCheck]:
    """Return the required records that were published with a mistake."""
    return [check for check in required(checks) if is_wrong(check)]


def is_wrong(check: RecordCheck) -> bool:
    """Return whether a record was published with a mistake, rather than not at all.

    A MISSING record with a reason of its own was found elsewhere or as another type. A name that has other
    types is a mistake only at the name of a CNAME record: return path and SPF share theirs.
    """
    if check.status != RecordCheck.STATUS_MISSING:
        return check.status in NEGATIVE
    if check.reason == reasons.CHECK_REASON_OTHER_TYPE:
        return check.record.type == DnsRecord.TYPE_CNAME
    return check.reason not in _NOTHING_THERE


def shared(checks: Sequence[RecordCheck]) -> RecordCheck | None:
    """Return the check of one record if the zone or its name servers have the same problem with all."""
    needed = required(checks)
    same = len({check_messages.of_check(check) for check in needed}) == 1
    return needed[0] if len(needed) > 1 and same and needed[0].reason in _OF_ZONE else None
