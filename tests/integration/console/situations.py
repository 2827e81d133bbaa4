"""Domains in every situation that their page shows, as identity and verifier would have stored them."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from services.verifier.model.messages.checks import explain
from services.verifier.model.reasons import CheckReason
from tests.factories import ACCOUNT, REGION, Domain, a_provisioned_domain
from tests.stores import FreshDatabase

ZONE = "mnexa.ai"
SERVERS = ["ns1.dns-host.net", "ns2.dns-host.net"]
DKIM_1, DKIM_2, DKIM_3, RETURN_PATH, SPF = range(1, 6)  # positions of the records
ALL = (DKIM_1, DKIM_2, DKIM_3, RETURN_PATH, SPF)


@dataclass(frozen=True)
class Seen:
    """What the last check of a record found; `seen` may have the `{value}` of the record."""

    status: str = "FOUND"
    reason: str = "AS_SHOWN"
    seen: str = ""
    parameters: Mapping[str, Any] = field(default_factory=dict)


FOUND = Seen()
MISSING = Seen("MISSING", "NOT_THERE")
UNREGISTERED = Seen("MISSING", "UNREGISTERED", parameters={"registrable_domain": ZONE})
REFUSED = Seen("UNREACHABLE", "SERVERS_REFUSE", parameters={"servers": SERVERS})
PROPAGATING = Seen(
    "PROPAGATING", "SOME_SERVERS",
    parameters={"servers_agreeing": 1, "servers_asked": 2, "lacking_servers": SERVERS[1:]},
)  # fmt: skip
MISTYPED = Seen("MISMATCH", "OTHER_TARGET", "{mistyped}")
AS_TEXT = Seen("MISSING", "AS_TEXT")
WRONG_NAME = Seen("MISSING", "ZONE_APPENDED", parameters={"found_name": f"{{name}}.{ZONE}"})
WITH_PRIORITY = Seen("MISMATCH", "PRIORITY_IN_TARGET", "0 10.{value}")
MISSPELT = Seen(
    "MISMATCH", "SPF_TERM_MISSPELT", "v=spf1 inlcude:amazonses.com ~all",
    {"term": "inlcude:amazonses.com", "suggestion": "include:amazonses.com"},
)  # fmt: skip


@dataclass(frozen=True)
class Situation:
    """A domain's state and records; times are relative to now."""

    state: str = "PENDING"
    reason: str = ""
    parameters: Mapping[str, Any] = field(default_factory=dict)
    checks: Mapping[int, Seen] = field(default_factory=dict)
    dkim_valid: bool = False
    checked: timedelta | None = timedelta(seconds=-20)
    next_check: timedelta | None = timedelta(minutes=5)
    deadline: timedelta | None = None
    first_failed: timedelta | None = None
    account: str = "READY"
    tenant: Mapping[str, str] = field(default_factory=dict)


def _waiting(checks: Mapping[int, Seen], *purposes: str, can_send: bool = False) -> dict[str, Any]:
    """Return the reason of a domain that waits for the records which were not found."""
    waiting = sum(each.status != "FOUND" for each in checks.values())
    parameters = {
        "waiting_records": waiting,
        "required_records": 5,
        "purposes": purposes,
        "can_send": can_send,
    }
    return {"reason": "WAITING_FOR_RECORDS", "checks": checks, "parameters": parameters}


def _checks(**others: Seen) -> dict[int, Seen]:
    """Return the checks of all records, found unless another result is given."""
    return {position: others.get(name, FOUND) for name, position in zip(_NAMES, ALL, strict=True)}


_NAMES = ("dkim_1", "dkim_2", "dkim_3", "return_path", "spf")
_SOON, _LATER = timedelta(hours=70), timedelta(hours=30)
_GONE = _checks(dkim_2=MISSING, return_path=MISSING)
_NO_PATH = _checks(return_path=MISSING, spf=MISSING)
_ALL_WRONG = _checks(
    dkim_1=MISTYPED, dkim_2=AS_TEXT, dkim_3=WRONG_NAME, return_path=WITH_PRIORITY, spf=MISSPELT
)
_NO_DKIM = _checks(dkim_1=MISTYPED, dkim_3=MISSING)
SITUATIONS: Mapping[str, Situation] = {
    "first_check": Situation(
        reason="FIRST_CHECK_DUE", checked=None, next_check=timedelta(seconds=-1), deadline=timedelta(hours=72)
    ),
    "records_to_add": Situation(
        **_waiting(
            _checks(dkim_3=PROPAGATING, return_path=MISSING, spf=MISSING), "DKIM", "RETURN_PATH", "SPF"
        ),
        deadline=_SOON,
    ),
    "one_mistyped": Situation(**_waiting(_checks(dkim_2=MISTYPED), "DKIM"), deadline=_SOON),
    "several_wrong": Situation(
        **_waiting(
            _ALL_WRONG,
            "DKIM", "RETURN_PATH", "SPF",
        ),
        deadline=_LATER,
    ),
    "no_zone": Situation(
        **_waiting(dict.fromkeys(ALL, UNREGISTERED), "DKIM", "RETURN_PATH", "SPF"), deadline=_LATER
    ),
    "servers_refuse": Situation(
        **_waiting(dict.fromkeys(ALL, REFUSED), "DKIM", "RETURN_PATH", "SPF"), deadline=_LATER
    ),
    "waiting_for_service": Situation(reason="WAITING_FOR_SES", checks=_checks(), deadline=_SOON),
    "service_down": Situation(
        reason="WAITING_FOR_SES", checks=_checks(), deadline=_SOON, account="UNREACHABLE"
    ),
    "service_refuses": Situation(
        "PROVISIONING", "SES_REQUEST_REJECTED",
        {"ses_message": "User: arn:aws:iam::1:user/x is not authorized by AWS", "retry_seconds": 60},
    ),
    "service_does_not_respond": Situation("PROVISIONING", "SES_UNREACHABLE", {"retry_seconds": 60}),
    "pending_shared": Situation(
        **_waiting(_checks(spf=MISSING), "SPF"), deadline=_SOON, tenant={"unready_policy": "SHARED"}
    ),
    "ready": Situation(
        "READY", "CAN_SEND", checks=_checks(), dkim_valid=True, next_check=timedelta(hours=5)
    ),
    "ready_records_gone": Situation(
        "READY", "RECORDS_GONE",
        {"waiting_records": 2, "required_records": 5, "purposes": ("DKIM", "RETURN_PATH")}, _GONE,
        dkim_valid=True, first_failed=timedelta(hours=-2), next_check=timedelta(hours=1),
    ),
    "ready_service_suspended": Situation(
        "READY", "CAN_SEND", checks=_checks(), dkim_valid=True, account="PAUSED"
    ),
    "ready_paused": Situation(
        "READY", "CAN_SEND", checks=_checks(), dkim_valid=True,
        tenant={"state": "PAUSED", "pause_reason": "Too many bounces"},
    ),
    "degraded_sending": Situation(
        "DEGRADED", **_waiting(_NO_PATH, "RETURN_PATH", "SPF", can_send=True), dkim_valid=True,
        deadline=_LATER,
    ),
    "degraded_silent": Situation("DEGRADED", **_waiting(_NO_DKIM, "DKIM"), deadline=_LATER),
    "lost": Situation("LOST", **_waiting(_NO_DKIM, "DKIM"), next_check=None),
    "failed": Situation("FAILED", **_waiting(_GONE, "DKIM", "RETURN_PATH"), next_check=None),
    "failed_checking": Situation(
        "FAILED", **_waiting(_GONE, "DKIM", "RETURN_PATH"), next_check=timedelta(seconds=-1),
        deadline=timedelta(hours=72),
    ),
}  # fmt: skip


async def a_domain_in(
    database: FreshDatabase, tenant_id: UUID, situation: Situation, name: str | None = None
) -> Domain:
    """Create a domain in a situation."""
    phase = "PROVISIONING" if situation.state == "PROVISIONING" else "ACTIVE"
    domain = await a_provisioned_domain(database, tenant_id, name, phase=phase)
    if phase == "PROVISIONING":
        await database.execute("DELETE FROM identity.records WHERE claim_id = $1", domain.claim_id)
    await _store_claim(database, domain, situation)
    if phase == "ACTIVE":
        await _store_verification(database, domain, situation)
        await _store_checks(database, domain, situation.checks)
    for column, value in situation.tenant.items():
        statement = f"UPDATE identity.tenants SET {column} = $2 WHERE id = $1"  # noqa: S608 - trusted names
        await database.execute(statement, tenant_id, value)
    return domain


async def _store_claim(database: FreshDatabase, domain: Domain, situation: Situation) -> None:
    """Store the phase, with an SES account of the domain's own, whose state the situation sets."""
    account = domain.tenant_id.hex[:12]
    await database.execute(
        "UPDATE identity.claims SET account = $2, phase_reason = $3, phase_parameters = $4::jsonb"
        " WHERE id = $1",
        domain.claim_id,
        account,
        situation.reason,
        json.dumps(situation.parameters),
    )
    await database.execute(
        "INSERT INTO verifier.ses_account (account, region, state, checked_at) VALUES ($1, $2, $3, now())",
        account, REGION, situation.account,
    )  # fmt: skip


async def _store_verification(database: FreshDatabase, domain: Domain, situation: Situation) -> None:
    now = datetime.now(UTC)
    times = (situation.checked, situation.next_check, situation.deadline, situation.first_failed)
    await database.execute(
        "INSERT INTO verifier.verifications"
        " (claim_id, generation, tenant_id, name, account, region, state, state_reason, state_parameters,"
        " dkim_valid, mail_from_valid, checked_at, next_check_at, deadline_at, first_failed_at)"
        " VALUES ($1, 1, $2, $3, $4, $5, $6, $7, $8::jsonb, $9, $9, $10, $11, $12, $13)",
        domain.claim_id,
        domain.tenant_id,
        domain.name,
        ACCOUNT,
        REGION,
        situation.state,
        situation.reason,
        json.dumps(situation.parameters),
        situation.dkim_valid,
        *(now + each if each is not None else None for each in times),
    )


async def _store_checks(database: FreshDatabase, domain: Domain, checks: Mapping[int, Seen]) -> None:
    records = await database.fetch(
        "SELECT position, type, name, value, priority FROM identity.records WHERE claim_id = $1",
        domain.claim_id,
    )
    for record in records:
        if record["position"] in checks:
            await _store_check(database, domain, record, checks[record["position"]])


async def _store_check(database: FreshDatabase, domain: Domain, record: Any, found: Seen) -> None:
    words = {"name": record["name"], "value": record["value"], "mistyped": _mistyped(record["value"])}
    seen = [found.seen.format(**words)] if found.seen else []
    parameters: Any = {
        **{key: record[key] for key in ("name", "type", "value", "priority")},
        "domain": domain.name, "zone": ZONE, "spf_domain": record["name"],
        "relative_name": record["name"].removesuffix(f".{ZONE}"), "seen": seen[0] if seen else "",
        **{key: _formatted(value, words) for key, value in found.parameters.items()},
    }  # fmt: skip
    why = explain(CheckReason(found.reason), parameters)
    await database.execute(
        "INSERT INTO verifier.record_checks"
        " (claim_id, generation, position, status, message, reason, parameters, seen, servers_agreeing,"
        " servers_asked, zone, servers, checked_at)"
        " VALUES ($1, 1, $2, $3, $4, $5, $6::jsonb, $7, $8, 2, $9, $10, now())",
        domain.claim_id,
        record["position"],
        found.status,
        why.message,
        why.reason,
        json.dumps(why.parameters),
        seen,
        2 if found.status == "FOUND" else 0,
        "" if found == UNREGISTERED else ZONE,
        SERVERS,
    )


def _formatted(value: Any, words: Mapping[str, str]) -> Any:
    return value.format(**words) if isinstance(value, str) else value


def _mistyped(value: str) -> str:
    """Return a value with two characters swapped, one replaced by a similar one, and one left out."""
    characters: Sequence[str] = [*value[:4], value[5], value[4], *value[6:]]
    text = "".join(characters)
    return text[:20] + ("o" if text[20] != "o" else "0") + text[21:].replace("dkim.", "dkm.", 1)
