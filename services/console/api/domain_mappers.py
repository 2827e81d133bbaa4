"""Converts domains and their records from protos to Resend's shapes."""

from collections.abc import Iterable
from typing import Any, Literal

from msgspec import UNSET
from publicsuffixlist import PublicSuffixList

from letterhead.identity.v1 import domains_pb2 as pb
from letterhead.verifier.v1.verifier_pb2 import RecordCheck
from services.console.api import models
from services.console.api.times import time_of

# Resend's status of each domain state. A DEGRADED domain can send while its DKIM records are valid.
OF_STATE: dict[pb.Domain.State.ValueType, models.DomainStatus] = {
    pb.Domain.STATE_PROVISIONING: "not_started",
    pb.Domain.STATE_PENDING: "pending",
    pb.Domain.STATE_READY: "verified",
    pb.Domain.STATE_DEGRADED: "partially_failed",
    pb.Domain.STATE_LOST: "failed",
    pb.Domain.STATE_FAILED: "failed",
}
RECORD_STATUS: dict[int, models.RecordStatus] = {
    RecordCheck.STATUS_UNSPECIFIED: "not_started",
    RecordCheck.STATUS_FOUND: "verified",
    RecordCheck.STATUS_MISSING: "pending",
    RecordCheck.STATUS_PROPAGATING: "pending",
    RecordCheck.STATUS_MISMATCH: "failed",
    RecordCheck.STATUS_CONFLICT: "failed",
    RecordCheck.STATUS_UNREACHABLE: "temporary_failure",
}
# DMARC is left out, because callers may wait until all returned records are verified. It is optional, and
# Resend has no name for it.
OF_PURPOSE: dict[int, Literal["SPF", "DKIM", "Receiving", "Ownership"]] = {
    pb.DnsRecord.PURPOSE_DKIM: "DKIM",
    pb.DnsRecord.PURPOSE_RETURN_PATH: "SPF",
    pb.DnsRecord.PURPOSE_SPF: "SPF",
    pb.DnsRecord.PURPOSE_INBOUND: "Receiving",
    pb.DnsRecord.PURPOSE_OWNERSHIP: "Ownership",
}
OF_TYPE: dict[int, Literal["MX", "TXT", "CNAME"]] = {
    pb.DnsRecord.TYPE_CNAME: "CNAME",
    pb.DnsRecord.TYPE_MX: "MX",
    pb.DnsRecord.TYPE_TXT: "TXT",
}

_SUFFIXES = PublicSuffixList(accept_unknown=True)


def states_shown() -> list[pb.Domain.State.ValueType]:
    """Return the states of the domains that the API shows."""
    return list(OF_STATE)


def is_shown(domain: pb.Domain) -> bool:
    """Return whether the API shows a domain."""
    return domain.state in OF_STATE


def summary_of(domain: pb.Domain) -> models.DomainSummary:
    """Return a domain as shown in lists."""
    return models.DomainSummary(**_shown(domain))


def detail_of(domain: pb.Domain, checks: Iterable[RecordCheck]) -> models.Domain:
    """Return a domain with its records and their status."""
    seen = {(each.record.type, each.record.name, each.record.value): each for each in checks}
    unseen = RecordCheck()
    records = [
        _record(each, seen.get((each.type, each.name, each.value), unseen), domain)
        for each in domain.records
        if each.purpose in OF_PURPOSE
    ]
    return models.Domain(records=records, **_shown(domain))


def _record(record: pb.DnsRecord, check: RecordCheck, domain: pb.Domain) -> models.DomainRecord:
    return models.DomainRecord(
        record=OF_PURPOSE[record.purpose],
        name=_relative(record.name, check.zone or _SUFFIXES.privatesuffix(domain.name) or domain.name),
        type=OF_TYPE[record.type],
        value=record.value,
        ttl=str(record.ttl),
        status=RECORD_STATUS.get(check.status, "pending"),
        priority=record.priority if record.type == pb.DnsRecord.TYPE_MX else UNSET,
    )


def _relative(name: str, zone: str) -> str:
    """Return a name relative to the zone, as DNS providers expect it."""
    return "@" if name == zone else name.removesuffix(f".{zone}")


def _shown(domain: pb.Domain) -> dict[str, Any]:
    receives = any(each.purpose == pb.DnsRecord.PURPOSE_INBOUND for each in domain.records)
    return {
        "id": domain.id,
        "name": domain.name,
        "status": OF_STATE.get(domain.state, "pending"),
        "created_at": time_of(domain.create_time),
        "region": domain.region,
        "capabilities": models.Capabilities(receiving="enabled" if receives else "disabled"),
    }
