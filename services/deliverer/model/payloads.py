"""The JSON of each event type, in the shapes of Resend's SDKs (resend-node 6.38, resend-python 2.52).

Keys that Resend does not have are added, none is renamed. tests/unit/deliverer/payloads/ has one of each.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from publicsuffixlist import PublicSuffixList

from services.deliverer.model.messages import Occurrence

# Resend's names of record purposes. DMARC is left out: it is optional, and Resend has no name for it.
_RECORDS = {
    "DKIM": "DKIM",
    "RETURN_PATH": "SPF",
    "SPF": "SPF",
    "INBOUND": "Receiving",
    "OWNERSHIP": "Ownership",
}
_RECORD_STATUS = {
    "FOUND": "verified",
    "MISSING": "pending",
    "PROPAGATING": "pending",
    "MISMATCH": "failed",
    "CONFLICT": "failed",
    "UNREACHABLE": "temporary_failure",
}
_ORIGINS = {"BOUNCE": "bounce", "COMPLAINT": "complaint", "MANUAL": "manual"}
_SUFFIXES = PublicSuffixList(accept_unknown=True)


@dataclass(frozen=True, slots=True)
class Email:
    """The email that an event is about."""

    id: str
    claim_id: UUID | None
    message_id: str
    created_at: datetime
    address: str
    name: str
    to: Sequence[str]
    subject: str
    tags: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Record:
    """A DNS record of a domain; `status` is verifier's, empty if it was not checked yet."""

    purpose: str
    type: str
    name: str
    value: str
    ttl: int
    priority: int
    status: str
    zone: str


@dataclass(frozen=True, slots=True)
class Domain:
    """The domain that an event is about, with its records."""

    id: UUID
    name: str
    region: str
    created_at: datetime
    records: Sequence[Record]


def payload(occurrence: Occurrence, occurred_at: datetime) -> str:
    """Return the body to post; receivers verify the signature over exactly these characters."""
    content = {"type": wire_name(occurrence.type), "created_at": _time(occurred_at), "data": occurrence.data}
    return json.dumps(content, separators=(",", ":"), ensure_ascii=False)


def wire_name(event_type: str) -> str:
    """Return the `type` in a payload: `email.delivery_delayed` for EMAIL_DELIVERY_DELAYED."""
    return event_type.lower().replace("_", ".", 1)


def email_event(event_type: str, email: Email, *, recipient: str = "", **more: Any) -> Occurrence:
    """Return an event of an email, for one recipient or, without one, for all."""
    data = {
        "email_id": email.id,
        "message_id": email.message_id or None,
        "created_at": _time(email.created_at),
        "from": f"{email.name} <{email.address}>" if email.name else email.address,
        "to": [recipient] if recipient else list(email.to),
        "subject": email.subject,
        "tags": dict(email.tags) or None,
    }
    present = {key: value for key, value in data.items() if value is not None}
    return Occurrence(event_type, present | more, email.claim_id, recipient)


def bounce(bounce_type: str, sub_type: str, diagnostic_code: str) -> dict[str, Any]:
    """Return what a bounce adds to the event of its email."""
    message = (
        f"The receiving server answered: {diagnostic_code}" if diagnostic_code else "SES gave no details."
    )
    return {
        "bounce": {
            "type": bounce_type or "Undetermined",
            "subType": sub_type or "Undetermined",
            "message": message,
            "diagnosticCode": [diagnostic_code] if diagnostic_code else [],
        }
    }


def suppressed() -> dict[str, Any]:
    """Return what a suppression adds to the event of its email."""
    message = "The address is on the suppression list, so nothing was sent to it."
    return {"suppressed": {"type": "Suppressed", "message": message}}


def domain_event(event_type: str, domain: Domain, status: str, **more: Any) -> Occurrence:
    """Return an event of a domain."""
    data = {
        "id": str(domain.id),
        "name": domain.name,
        "status": status,
        "created_at": _time(domain.created_at),
        "region": domain.region,
        "records": [_record(each, domain) for each in domain.records if each.purpose in _RECORDS],
    }
    return Occurrence(event_type, data | more, domain.id)


def suppression_event(
    event_type: str, suppression_id: str, address: str, *, reason: str, email_id: str, at: datetime
) -> Occurrence:
    """Return an event of a suppression."""
    data = {
        "id": suppression_id,
        "email": address,
        "origin": _ORIGINS.get(reason, "manual"),
        "source_id": email_id or None,
        "created_at": _time(at),
    }
    return Occurrence(event_type, data)


def event_of_test(endpoint_id: UUID) -> Occurrence:
    """Return the event that SendTest posts."""
    return Occurrence("WEBHOOK_TEST", {"webhook_id": str(endpoint_id), "message": "This is a test."})


def _record(record: Record, domain: Domain) -> dict[str, Any]:
    zone = record.zone or _SUFFIXES.privatesuffix(domain.name) or domain.name
    written = {
        "record": _RECORDS[record.purpose],
        "name": "@" if record.name == zone else record.name.removesuffix(f".{zone}"),
        "value": record.value,
        "type": record.type,
        "ttl": str(record.ttl),
        "status": _RECORD_STATUS.get(record.status, "not_started"),
    }
    return written | ({"priority": record.priority} if record.type == "MX" else {})


def _time(time: datetime) -> str:
    return time.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
