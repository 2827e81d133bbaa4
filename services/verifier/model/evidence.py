"""Turns what was seen, in DNS and at SES, into evidence for the axes of readiness. Pure; decides no state."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from services.verifier.model.records import Purpose, Verdict
from services.verifier.model.states import Axes, Evidence

EVIDENCE = {
    Verdict.FOUND: Evidence.GOOD,
    Verdict.MISSING: Evidence.BAD,
    Verdict.MISMATCH: Evidence.BAD,
    Verdict.CONFLICT: Evidence.BAD,
    Verdict.PROPAGATING: Evidence.NONE,  # the name servers disagree
    Verdict.UNREACHABLE: Evidence.NONE,
}


@dataclass(frozen=True, slots=True)
class SesIdentity:
    """What SES said of an identity when it was last asked; its enums stand as SES writes them.

    `exists` is False when SES said that there is no such identity. Values that were absent are None.
    """

    exists: bool = True
    verification_status: str | None = None
    dkim_status: str | None = None
    mail_from_status: str | None = None
    mail_from_domain: str | None = None
    verified_for_sending: bool | None = None
    error_type: str | None = None
    tokens: tuple[str, ...] = ()
    rejects_on_mx_failure: bool = False  # instead of falling back; not stored, seen at each answer


@dataclass(frozen=True, slots=True)
class Wanted:
    """What identity wants at SES; not `settled` while identity is still changing it there."""

    mail_from_domain: str
    tokens: tuple[str, ...]
    settled: bool = True


class RepairCause(StrEnum):
    """Why identity is asked to repair; the words of `RepairDomainRequest.Cause`."""

    DKIM_FAILED = "DKIM_FAILED"
    MAIL_FROM_FAILED = "MAIL_FROM_FAILED"
    MAIL_FROM_DRIFTED = "MAIL_FROM_DRIFTED"
    IDENTITY_MISSING = "IDENTITY_MISSING"
    TOKENS_CHANGED = "TOKENS_CHANGED"


def gather(
    verdicts: Sequence[tuple[Purpose, Verdict]],
    identity: SesIdentity | None,
    wanted: Wanted,
    *,
    may_own: bool,
) -> Axes:
    """Returns the axes by the last verdict on each required record and SES's last answer (None: not asked).

    `may_own` says that the claim holds its name. One that does not is never ready, whatever DNS and SES say.
    """
    return Axes(
        dkim_dns=_of(verdicts, Purpose.DKIM),
        mail_from_dns=_of(verdicts, Purpose.RETURN_PATH, Purpose.SPF),
        ses_dkim=_ses_dkim(identity, wanted),
        ses_mail_from=_ses_mail_from(identity, wanted),
        ses_sending=_ses_sending(identity),
        ownership=Evidence.GOOD if may_own else Evidence.NONE,
    )


def _of(verdicts: Iterable[tuple[Purpose, Verdict]], *purposes: Purpose) -> Evidence:
    found = [EVIDENCE[verdict] for purpose, verdict in verdicts if purpose in purposes]
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


def drift(identity: SesIdentity, wanted: Wanted, axes: Axes) -> RepairCause | None:
    """Returns why identity should repair, or None. That SES gave up counts only where DNS is right by now."""
    causes = {
        RepairCause.IDENTITY_MISSING: not identity.exists,
        RepairCause.TOKENS_CHANGED: set(identity.tokens) != set(wanted.tokens),
        RepairCause.MAIL_FROM_DRIFTED: identity.mail_from_domain != wanted.mail_from_domain
        or identity.rejects_on_mx_failure,
        RepairCause.DKIM_FAILED: identity.dkim_status == "FAILED" and axes.dkim_dns is Evidence.GOOD,
        RepairCause.MAIL_FROM_FAILED: identity.mail_from_status == "FAILED"
        and axes.mail_from_dns is Evidence.GOOD,
    }
    return next((cause for cause, seen in causes.items() if seen and wanted.settled), None)
