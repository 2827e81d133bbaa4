"""Turns DNS check results and SES responses into the readiness conditions. Pure; decides no state."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from services.verifier.model.records import Purpose, RecordStatus
from services.verifier.model.states import Conditions, Evidence

EVIDENCE = {
    RecordStatus.FOUND: Evidence.GOOD,
    RecordStatus.MISSING: Evidence.BAD,
    RecordStatus.MISMATCH: Evidence.BAD,
    RecordStatus.CONFLICT: Evidence.BAD,
    RecordStatus.PROPAGATING: Evidence.NONE,  # the name servers disagree
    RecordStatus.UNREACHABLE: Evidence.NONE,
}


@dataclass(frozen=True, slots=True)
class SesIdentity:
    """The last SES response about an identity, with enum values as SES writes them.

    `exists` is False when SES has no such identity. Values absent from the response are None.
    """

    exists: bool = True
    verification_status: str | None = None
    dkim_status: str | None = None
    mail_from_status: str | None = None
    mail_from_domain: str | None = None
    verified_for_sending: bool | None = None
    error_type: str | None = None
    tokens: tuple[str, ...] = ()
    rejects_on_mx_failure: bool = (
        False  # BehaviorOnMxFailure is REJECT_MESSAGE; never stored, always read anew
    )


@dataclass(frozen=True, slots=True)
class Wanted:
    """The state that identity wants in SES; `settled` is False while identity is still applying it."""

    mail_from_domain: str
    tokens: tuple[str, ...]
    settled: bool = True


class RepairCause(StrEnum):
    """Why identity is asked to repair a domain; the values of `RepairDomainRequest.Cause`."""

    DKIM_FAILED = "DKIM_FAILED"
    MAIL_FROM_FAILED = "MAIL_FROM_FAILED"
    MAIL_FROM_DRIFTED = "MAIL_FROM_DRIFTED"
    IDENTITY_MISSING = "IDENTITY_MISSING"
    TOKENS_CHANGED = "TOKENS_CHANGED"


def gather(
    statuses: Sequence[tuple[Purpose, RecordStatus]],
    identity: SesIdentity | None,
    wanted: Wanted,
    *,
    may_own: bool,
) -> Conditions:
    """Return the conditions from the last status of each required record and the last SES response.

    `identity` is None before the first query. `may_own` is true for a claim that owns its name; any other
    claim is never ready, whatever DNS and SES report.
    """
    return Conditions(
        dkim_dns=_of(statuses, Purpose.DKIM),
        mail_from_dns=_of(statuses, Purpose.RETURN_PATH, Purpose.SPF),
        ses_dkim=_ses_dkim(identity, wanted),
        ses_mail_from=_ses_mail_from(identity, wanted),
        ses_sending=_ses_sending(identity),
        ownership=Evidence.GOOD if may_own else Evidence.NONE,
    )


def _of(statuses: Iterable[tuple[Purpose, RecordStatus]], *purposes: Purpose) -> Evidence:
    found = [EVIDENCE[status] for purpose, status in statuses if purpose in purposes]
    if Evidence.BAD in found:
        return Evidence.BAD
    return Evidence.GOOD if found and set(found) == {Evidence.GOOD} else Evidence.NONE


def _ses_dkim(identity: SesIdentity | None, wanted: Wanted) -> Evidence:
    if identity is None:
        return Evidence.NONE
    if not identity.exists or set(identity.tokens) != set(wanted.tokens) or identity.dkim_status == "FAILED":
        return Evidence.BAD
    return Evidence.GOOD if identity.dkim_status == "SUCCESS" else Evidence.NONE


def _ses_mail_from(identity: SesIdentity | None, wanted: Wanted) -> Evidence:
    if identity is None:
        return Evidence.NONE
    drifted = identity.mail_from_domain != wanted.mail_from_domain
    if not identity.exists or drifted or identity.mail_from_status == "FAILED":
        return Evidence.BAD
    return Evidence.GOOD if identity.mail_from_status == "SUCCESS" else Evidence.NONE


def _ses_sending(identity: SesIdentity | None) -> Evidence:
    if identity is None:
        return Evidence.NONE
    if not identity.exists or identity.verified_for_sending is False:
        return Evidence.BAD
    verified = identity.verified_for_sending is True and identity.verification_status == "SUCCESS"
    return Evidence.GOOD if verified else Evidence.NONE


def drift(identity: SesIdentity, wanted: Wanted, conditions: Conditions) -> RepairCause | None:
    """Return why identity should repair the domain, or None.

    A FAILED status in SES is a cause only once the DNS records are correct; before, a retry would fail too.
    """
    causes = {
        RepairCause.IDENTITY_MISSING: not identity.exists,
        RepairCause.TOKENS_CHANGED: set(identity.tokens) != set(wanted.tokens),
        RepairCause.MAIL_FROM_DRIFTED: identity.mail_from_domain != wanted.mail_from_domain
        or identity.rejects_on_mx_failure,
        RepairCause.DKIM_FAILED: identity.dkim_status == "FAILED" and conditions.dkim_dns is Evidence.GOOD,
        RepairCause.MAIL_FROM_FAILED: identity.mail_from_status == "FAILED"
        and conditions.mail_from_dns is Evidence.GOOD,
    }
    return next((cause for cause, seen in causes.items() if seen and wanted.settled), None)
