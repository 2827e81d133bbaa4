"""The status of a domain at the top of its page: a title, and a sentence on what to do. Pure."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from letterhead.identity.v1 import domain_reason_pb2 as reasons
from letterhead.identity.v1.domains_pb2 import DnsRecord, Domain
from letterhead.identity.v1.tenants_pb2 import Tenant
from letterhead.verifier.v1.check_reason_pb2 import CHECK_REASON_UNREGISTERED
from letterhead.verifier.v1.verifier_pb2 import RecordCheck, SesAccount, Verification
from services.console import check_messages, domain_messages, record_problems
from services.console.dates import moment

# States in which email may leave under the domain's own name.
SENDING = (Domain.STATE_READY, Domain.STATE_DEGRADED)
_SAID_BY_SERVICE = "All DNS records are correct, but the mail service no longer confirms them."
_CHOOSE = "choose Check again"
_ENDED: Mapping[int, tuple[str, str, str]] = {  # the title, what happened, and what to do
    Domain.STATE_LOST: (
        "No longer sending",
        "The domain was not correct for 72 hours.",
        "Fix the records below",
    ),
    Domain.STATE_FAILED: (
        "Setup timed out",
        "The domain was not ready within 72 hours.",
        "Fix the records below",
    ),
}
_GOING: Mapping[int, tuple[str, str]] = {
    Domain.STATE_DELETING: ("Being deleted", "This domain no longer sends email."),
    Domain.STATE_DELETED: ("Deleted", "This domain no longer sends email."),
}
# While the ownership of a domain's name is open, this takes precedence over the domain's state.
OWNERSHIP: Mapping[int, tuple[str, str]] = {
    Domain.OWNERSHIP_PROOF_DUE: (
        "Prove that this domain is yours",
        "Add the TXT record below at your DNS provider. The other records appear here once it is found.",
    ),
    Domain.OWNERSHIP_CHALLENGER: (
        "Your proof was found",
        (
            "Another account sends from this domain and has 72 hours to prove that it controls it too. "
            "Keep the TXT record in place. You do not need to do anything else."
        ),
    ),
    Domain.OWNERSHIP_CHALLENGED: (
        "Action needed",
        (
            "Another account proved control of this domain. To keep it, add the TXT record below by "
            "{deadline}. Otherwise, sending stops."
        ),
    ),
    Domain.OWNERSHIP_SUPERSEDED: (
        "This domain moved to another account",
        (
            "Another account proved control of it, so you can no longer send from it. To claim it again, "
            "delete it, add it again, and publish the TXT record shown."
        ),
    ),
}
_UNPROVEN = ("Ownership not proven in time", "Add the TXT record below, then choose Check again.")
_NORMAL_SETUP = (reasons.DOMAIN_REASON_UNSPECIFIED, reasons.DOMAIN_REASON_PROVISIONING)
_WITHOUT_SERVICE: Mapping[int, str] = {
    SesAccount.STATE_UNREACHABLE: "The mail service does not respond at the moment. We keep trying.",
    SesAccount.STATE_PAUSED: "The mail service has suspended sending. The operator must contact it.",
}


def rechecked(verification: Verification) -> bool:
    """Return whether a domain that FAILED or was LOST is being checked again."""
    return verification.state in _ENDED and verification.HasField("next_check_time")


def records_gone(verification: Verification) -> bool:
    """Return whether records that were found are gone or wrong, while the domain still is READY."""
    return verification.state == Domain.STATE_READY and bool(record_problems.absent(verification.records))


def paused(verification: Verification) -> bool:
    """Return whether no email leaves although the domain may send."""
    sending = verification.sending
    return sending.tenant_state == Tenant.STATE_PAUSED or sending.account_state == SesAccount.STATE_PAUSED


def delayed(verification: Verification) -> bool:
    """Return whether a new domain waits because the mail service failed or refused."""
    return verification.state == Domain.STATE_PROVISIONING and verification.state_reason not in _NORMAL_SETUP


def headline(verification: Verification, now: datetime) -> tuple[str, str]:
    """Return the status of a domain as a title, and a sentence on what happens or what to do next."""
    if (ownership := _ownership(verification)) is not None:
        return ownership
    if verification.state in _GOING:
        return _GOING[verification.state]
    title, sentence = _of_state(verification, now)
    if shared := record_problems.shared(verification.records):
        sentence = f"{check_messages.of_check(shared)} {_deadline_of(verification, now)}".strip()
        return _of_zone(shared), sentence
    return title, sentence


def _of_zone(check: RecordCheck) -> str:
    if check.reason == CHECK_REASON_UNREGISTERED:
        return f"{check.parameters.registrable_domain} does not exist"
    return "Your name servers do not answer"


def _of_state(verification: Verification, now: datetime) -> tuple[str, str]:
    match verification.state:
        case Domain.STATE_PROVISIONING:
            return _setting_up(verification)
        case Domain.STATE_READY:
            return _ready(verification, now)
        case Domain.STATE_DEGRADED:
            return "Needs attention", _attention(verification)
        case Domain.STATE_LOST | Domain.STATE_FAILED:
            return _ended(verification)
    return _pending(verification)


def _setting_up(verification: Verification) -> tuple[str, str]:
    if not delayed(verification):
        return "Setting up", "Your DNS records appear here in a few seconds."
    return "Setup is delayed", f"{domain_messages.of_state(verification)} We keep trying automatically."


def _ready(verification: Verification, now: datetime) -> tuple[str, str]:
    gone = record_problems.absent(verification.records)
    if gone:
        return _gone(gone), _deadline_of(verification, now)
    if paused(verification):
        return "Ready, but sending is paused", _service(verification) or "All DNS records are in place."
    there, wanted = record_problems.found(verification.records)
    if there < wanted:
        return "Ready to send", "The last check of some records had no result, which changes nothing."
    return "Ready to send", "All DNS records are in place. Keep them there."


def _gone(checks: Sequence[RecordCheck]) -> str:
    one = len(checks) == 1
    if record_problems.wrong(checks):
        return "1 record is wrong" if one else f"{len(checks)} records are wrong"
    return "1 record has disappeared" if one else f"{len(checks)} records have disappeared"


def _deadline_of(verification: Verification, now: datetime) -> str:
    """Return by when a domain's records must be restored while it is READY; empty in other states."""
    gone = record_problems.absent(verification.records)
    if verification.state != Domain.STATE_READY or not gone:
        return ""
    ends = verification.degrade_time.ToDatetime()
    by = f"by {moment(ends)}" if ends > now else "now"
    signs = any(check.record.purpose == DnsRecord.PURPOSE_DKIM for check in gone)
    loss = "sending stops" if signs else "receivers no longer see “mailed-by” with your domain"
    return f"Restore {'it' if len(gone) == 1 else 'them'} {by}, or {loss}."


def _attention(verification: Verification) -> str:
    there, wanted = record_problems.found(verification.records)
    if there == wanted:
        return f"{_SAID_BY_SERVICE} {_service(verification)}".strip()
    if verification.HasField("sending") and not verification.sending.own_name:
        return "Fix the records marked below to send again."
    deadline = moment(verification.deadline_time.ToDatetime())
    return f"Fix the records marked below by {deadline}, or sending stops."


def _ended(verification: Verification) -> tuple[str, str]:
    title, happened, fix = _ENDED[verification.state]
    there, wanted = record_problems.found(verification.records)
    if rechecked(verification):
        return "Checking…", f"{happened} Your name servers are being checked again."
    if there == wanted and wanted:
        return title, f"{happened} All DNS records are correct now: {_CHOOSE}."
    return title, f"{happened} {fix}, then {_CHOOSE}."


def _pending(verification: Verification) -> tuple[str, str]:
    there, wanted = record_problems.found(verification.records)
    if there == wanted and wanted:
        return "All records found", _service(verification) or domain_messages.of_state(verification)
    if wrong := record_problems.wrong(verification.records):
        title = "Correct 1 record" if len(wrong) == 1 else f"Correct {len(wrong)} records"
        return title, "Each one turns green here automatically, within seconds of the change."
    return (
        "Add these records",
        "Enter them at your DNS provider. Each one turns green here automatically, within seconds.",
    )


def _service(verification: Verification) -> str:
    """Return why the mail service confirms nothing at the moment; empty if it works."""
    return _WITHOUT_SERVICE.get(verification.sending.account_state, "")


def _ownership(verification: Verification) -> tuple[str, str] | None:
    """Return what to do to own a domain's name; None if nothing is open or the domain is being deleted."""
    if verification.state in _GOING or verification.state == Domain.STATE_PROVISIONING:
        return None
    unproven = verification.ownership == Domain.OWNERSHIP_PROOF_DUE
    if verification.state == Domain.STATE_FAILED and unproven and not rechecked(verification):
        return _UNPROVEN
    if verification.ownership not in OWNERSHIP:
        return None
    title, sentence = OWNERSHIP[verification.ownership]
    return title, sentence.format(deadline=moment(verification.ownership_deadline_time.ToDatetime()))
