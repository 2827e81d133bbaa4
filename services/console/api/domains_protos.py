"""Domains and their records from the contract's messages to Resend's shapes."""

from collections.abc import Iterable
from typing import Any, Literal

from msgspec import UNSET
from publicsuffixlist import PublicSuffixList

from letterhead.identity.v1 import domains_pb2 as pb
from letterhead.verifier.v1.verifier_pb2 import RecordCheck
from services.console.api import models
from services.console.api.times import time_of

# Where a domain stands, in Resend's words. DEGRADED still sends while its DKIM is good.
OF_STATE: dict[pb.Domain.State.ValueType, models.DomainStatus] = {
    pb.Domain.STATE_PROVISIONING: "not_started",
    pb.Domain.STATE_PENDING: "pending",
    pb.Domain.STATE_READY: "verified",
    pb.Domain.STATE_DEGRADED: "partially_failed",
    pb.Domain.STATE_LOST: "failed",
    pb.Domain.STATE_FAILED: "failed",
}
OF_VERDICT: dict[int, models.RecordStatus] = {
    RecordCheck.VERDICT_UNSPECIFIED: "not_started",
    RecordCheck.VERDICT_FOUND: "verified",
    RecordCheck.VERDICT_MISSING: "pending",
    RecordCheck.VERDICT_PROPAGATING: "pending",
    RecordCheck.VERDICT_MISMATCH: "failed",
    RecordCheck.VERDICT_CONFLICT: "failed",
    RecordCheck.VERDICT_UNREACHABLE: "temporary_failure",
}
# DMARC is advice and never gates, and Resend has no word for it: callers may wait for all records shown.
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
    """Give the states of domains that are not gone for callers."""
    return list(OF_STATE)


def is_shown(domain: pb.Domain) -> bool:
    """Say whether a domain is there for callers."""
    return domain.state in OF_STATE


def summary_of(domain: pb.Domain) -> models.DomainSummary:
    """Write a domain as lists show it."""
    return models.DomainSummary(**_shown(domain))


def detail_of(domain: pb.Domain, checks: Iterable[RecordCheck]) -> models.Domain:
    """Write a domain with its records, and what was seen of each."""
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
        status=OF_VERDICT.get(check.verdict, "pending"),
        priority=record.priority if record.type == pb.DnsRecord.TYPE_MX else UNSET,
    )


def _relative(name: str, zone: str) -> str:
    """Give a name as DNS providers ask for it: without the zone that they add themselves."""
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
