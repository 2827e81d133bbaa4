"""Converts rows of the verifier to messages of its API."""

from collections.abc import Sequence
from datetime import timedelta

from google.protobuf.timestamp_pb2 import Timestamp

from chassis.database import Record
from chassis.protos import parameters_of, stamp_of, value_of
from letterhead.identity.v1 import domains_pb2
from letterhead.identity.v1.domain_reason_pb2 import DomainReason
from letterhead.identity.v1.tenants_pb2 import Tenant
from letterhead.verifier.v1 import verifier_pb2 as pb
from letterhead.verifier.v1.account_reason_pb2 import AccountReason
from letterhead.verifier.v1.check_parameters_pb2 import CheckParameters
from letterhead.verifier.v1.check_reason_pb2 import CheckReason
from services.verifier.model.ownership import HOLDERS
from services.verifier.model.states import signs
from services.verifier.store import rows

PROOF_TTL = 300  # seconds; the same as identity shows
WITH_DEADLINE = frozenset({"PENDING", "DEGRADED"})
RECHECKED = frozenset({"FAILED", "LOST"})  # which have a deadline only while VerifyDomain has them checked


def verification(row: Record, proof: Record | None, checks: Sequence[Record]) -> pb.Verification:
    """Return a domain's verification; the ownership record comes first, as in `Domain.records`."""
    return pb.Verification(
        domain_id=str(row["id"]),
        domain_name=row["name"],
        generation=row["generation"],
        state=state(row["state"]),
        state_message=row["state_note"],
        state_reason=value_of(DomainReason, row["state_reason"]),
        state_parameters=parameters_of(domains_pb2.DomainParameters, row["state_parameters"]),
        records=[*([proof_check(proof)] if proof else []), *map(record_check, checks)],
        ses=ses_check(row),
        state_time=stamp_of(row["state_at"]),
        check_time=stamp_of(row["checked_at"]),
        next_check_time=stamp_of(row["next_check_at"]),
        deadline_time=_deadline(row),
        ownership=domains_pb2.Domain.Ownership.Value(f"OWNERSHIP_{row['ownership']}"),
        ownership_deadline_time=stamp_of(row["ownership_deadline_at"]),
        sending=_sending(row),
        degrade_time=stamp_of(rows.verification(row).degrades_at) if row["state"] == "READY" else None,
    )


def _deadline(row: Record) -> Timestamp | None:
    checked = row["state"] in RECHECKED and row["next_check_at"] is not None
    return stamp_of(row["deadline_at"]) if checked or row["state"] in WITH_DEADLINE else None


def _sending(row: Record) -> pb.Sending:
    """Return how email from a domain leaves; the account is UNREACHABLE until SES has been queried."""
    own = row["ownership"] in HOLDERS and signs(row["state"], dkim_valid=row["dkim_valid"])
    return pb.Sending(
        own_name=own,
        unready_policy=Tenant.UnreadyPolicy.Value(f"UNREADY_POLICY_{row['unready_policy']}"),
        tenant_state=Tenant.State.Value(f"STATE_{row['tenant_state']}"),
        account_state=pb.SesAccount.State.Value(f"STATE_{row['account_state'] or 'UNREACHABLE'}"),
    )


def differ(known: pb.Verification, sent: pb.Verification, *, times: timedelta) -> bool:
    """Return whether two verifications differ in more than times, or by `times` in that of the last check."""
    newer = known.check_time.ToDatetime() - sent.check_time.ToDatetime()
    return newer >= times or without_times(known) != without_times(sent)


def without_times(known: pb.Verification) -> pb.Verification:
    """Return a copy without check times, so that comparing two shows only changes worth sending."""
    copy = pb.Verification()
    copy.CopyFrom(known)
    for field in ("check_time", "next_check_time"):
        copy.ClearField(field)
    copy.ses.ClearField("check_time")
    for check in copy.records:
        check.ClearField("check_time")
    return copy


def proof_check(row: Record) -> pb.RecordCheck:
    """Return the check of a domain's ownership record."""
    expected = rows.proof(row)
    shown = domains_pb2.DnsRecord(
        purpose=domains_pb2.DnsRecord.PURPOSE_OWNERSHIP,
        ordinal=1,
        type=domains_pb2.DnsRecord.TYPE_TXT,
        name=expected.name,
        value=expected.value,
        ttl=PROOF_TTL,
        required=True,
    )
    return _checked(shown, row)


def record_check(row: Record) -> pb.RecordCheck:
    """Return the check of a record; its status is unspecified before the first check."""
    shown = domains_pb2.DnsRecord(
        purpose=domains_pb2.DnsRecord.Purpose.Value(f"PURPOSE_{row['purpose']}"),
        ordinal=row["ordinal"],
        type=domains_pb2.DnsRecord.Type.Value(f"TYPE_{row['type']}"),
        name=row["name"],
        value=row["value"],
        priority=row["priority"],
        ttl=row["ttl"],
        required=row["required"],
    )
    return _checked(shown, row)


def _checked(shown: domains_pb2.DnsRecord, row: Record) -> pb.RecordCheck:
    return pb.RecordCheck(
        record=shown,
        status=pb.RecordCheck.Status.Value(f"STATUS_{row['status'] or 'UNSPECIFIED'}"),
        message=row["message"],
        reason=value_of(CheckReason, row["reason"] or ""),
        parameters=parameters_of(CheckParameters, row["parameters"]),
        seen=row["seen"],
        servers_agreeing=row["servers_agreeing"],
        servers_asked=row["servers_asked"],
        zone=row["zone"],
        name_servers=row["servers"],
        check_time=stamp_of(row["checked_at"]),
    )


def ses_check(row: Record) -> pb.SesCheck:
    """Return the last response from SES."""
    return pb.SesCheck(
        verification_status=row["ses_verification_status"],
        dkim_status=row["ses_dkim_status"],
        mail_from_status=row["ses_mail_from_status"],
        verified_for_sending=row["ses_verified_for_sending"],
        error_type=row["ses_error_type"],
        check_time=stamp_of(row["ses_checked_at"]),
    )


def transition(row: Record) -> pb.Transition:
    """Return one change of state."""
    return pb.Transition(
        from_state=state(row["from_state"]),
        to_state=state(row["to_state"]),
        message=row["cause"],
        reason=value_of(DomainReason, row["reason"]),
        parameters=parameters_of(domains_pb2.DomainParameters, row["parameters"]),
        generation=row["generation"],
        time=stamp_of(row["created_at"]),
    )


def account(row: Record) -> pb.SesAccount:
    """Return the SES account of one region."""
    return pb.SesAccount(
        account=row["account"],
        region=row["region"],
        state=pb.SesAccount.State.Value(f"STATE_{row['state']}"),
        state_message=row["state_note"],
        state_reason=value_of(AccountReason, row["state_reason"]),
        state_parameters=parameters_of(pb.AccountParameters, row["state_parameters"]),
        max_send_rate=row["max_send_rate"],
        max_24_hour_send=row["max_24_hour_send"],
        sent_last_24_hours=row["sent_last_24_hours"],
        check_time=stamp_of(row["checked_at"]),
    )


def state(name: str | None) -> domains_pb2.Domain.State.ValueType:
    """Return the enum value of a state's name; None is unspecified."""
    return domains_pb2.Domain.State.Value(f"STATE_{name or 'UNSPECIFIED'}")
