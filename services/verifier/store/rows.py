"""Converts Postgres rows to the verifier's values. Knows column names; sends no SQL."""

from collections.abc import Sequence
from typing import TypeVar

from chassis.database import Record as Row
from services.verifier.model.decisions import Case, Claim, Record
from services.verifier.model.evidence import SesIdentity, Wanted
from services.verifier.model.ownership import HOLDERS, ConsecutiveMisses, Ownership
from services.verifier.model.reasons import AccountReason, CheckReason, DomainReason, Explanation
from services.verifier.model.records import Check, Expected, Purpose, RecordStatus, RecordType
from services.verifier.model.states import State, VerificationStatus

Reason = TypeVar("Reason", CheckReason, DomainReason, AccountReason)


def claim(row: Row) -> Claim:
    """Return the claim of a row."""
    return Claim(row["claim_id"], row["tenant_id"], row["name"], row["generation"])


def verification(row: Row) -> VerificationStatus:
    """Return the verification status of a claim."""
    return VerificationStatus(
        state=State(row["state"]),
        deadline_at=row["deadline_at"],
        dkim_valid=row["dkim_valid"],
        mail_from_valid=row["mail_from_valid"],
        failed_checks=row["failed_checks"],
        first_failed_at=row["first_failed_at"],
    )


def record(row: Row) -> Record:
    """Return a record as it was shown."""
    expected = Expected(
        purpose=Purpose(row["purpose"]),
        type=RecordType(row["type"]),
        name=row["name"].lower(),
        value=row["value"] if row["type"] == RecordType.TXT else row["value"].lower(),
        domain=row["domain"],
        priority=row["priority"],
    )
    return Record(row["position"], expected, row["required"], row["advisory_revision"])


def proof(row: Row) -> Expected:
    """Return the TXT record that proves a claim's ownership."""
    name = row["name"]
    value = f"letterhead-verification={row['token']}"
    return Expected(Purpose.OWNERSHIP, RecordType.TXT, f"_letterhead.{name}", value, domain=name)


def check(row: Row) -> Check:
    """Return the last check of a record."""
    return Check(
        status=RecordStatus(row["status"]),
        why=Explanation(_known(CheckReason, row["reason"]), row["parameters"], row["message"]),
        seen=tuple(row["seen"]),
        servers_agreeing=row["servers_agreeing"],
        servers_asked=row["servers_asked"],
        zone=row["zone"],
        servers=tuple(row["servers"]),
    )


def identity(row: Row) -> SesIdentity | None:
    """Return the last response from SES, or None before the first. Without a status, SES had no identity."""
    if row["ses_checked_at"] is None:
        return None
    return SesIdentity(
        exists=row["ses_verification_status"] is not None,
        verification_status=row["ses_verification_status"],
        dkim_status=row["ses_dkim_status"],
        mail_from_status=row["ses_mail_from_status"],
        mail_from_domain=row["ses_mail_from_domain"],
        verified_for_sending=row["ses_verified_for_sending"],
        error_type=row["ses_error_type"],
        tokens=tuple(row["ses_tokens"] or ()),
    )


def case(row: Row, checks: Sequence[Row]) -> Case:
    """Return everything that a decision needs, from a claim's row and the rows of its checks."""
    required = [each for each in checks if each["required"]]
    ownership = Ownership(row["ownership"])
    return Case(
        claim=claim(row),
        ownership=ownership,
        may_own=ownership in HOLDERS and not row["revival_disputed"],
        token=row["token"],
        missing=ConsecutiveMisses(row["missing_checks"], row["missing_at"]),
        wanted=Wanted(f"{row['mail_from_label']}.{row['name']}", tuple(row["tokens"]), row["settled"]),
        verification=verification(row),
        why=_why_state(row),
        statuses=tuple((Purpose(each["purpose"]), RecordStatus(each["status"])) for each in required),
        shown=tuple((each["position"], check(each)) for each in checks),
        identity=identity(row),
        ses_checked_at=row["ses_checked_at"],
        ses_due_at=row["ses_due_at"],
        watched=row["watched"],
        repairs=row["repairs"],
        repair_due_at=row["repair_due_at"],
        dkim_found_at=row["dkim_found_at"],
        now=row["now"],
    )


def _why_state(row: Row) -> Explanation[DomainReason]:
    reason = _known(DomainReason, row["state_reason"])
    return Explanation(reason, row["state_parameters"], row["state_note"])


def why_account(row: Row) -> Explanation[AccountReason]:
    """Return why an SES account is in its state."""
    reason = _known(AccountReason, row["state_reason"])
    return Explanation(reason, row["state_parameters"], row["state_note"])


def _known(reasons: type[Reason], name: str) -> Reason:
    """Return a stored reason; unspecified if a newer release stored it."""
    return reasons.__members__.get(name, reasons.UNSPECIFIED)
