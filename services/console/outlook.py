"""What is to be expected of a domain: whether email leaves and as whom, and when it is checked. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from google.protobuf.timestamp_pb2 import Timestamp

from letterhead.identity.v1.domains_pb2 import Domain
from letterhead.identity.v1.tenants_pb2 import Tenant
from letterhead.verifier.v1.verifier_pb2 import SesAccount, Verification
from services.console.dates import moment, when

SOON = timedelta(seconds=15)  # an open page has its domain checked within this time
_LEFT = (Domain.STATE_DELETING, Domain.STATE_DELETED)
# States in which the shared sender may send instead, for a claim that owns its name.
_SHARED = (Domain.STATE_PROVISIONING, Domain.STATE_PENDING, Domain.STATE_FAILED)
_HOLDERS = (Domain.OWNERSHIP_SOLE, Domain.OWNERSHIP_PROVEN, Domain.OWNERSHIP_CHALLENGED)
_OWN_NAME: Mapping[int, str] = {  # by the state of the account
    SesAccount.STATE_UNREACHABLE: (
        "Email is accepted, and leaves under your own name once the mail service responds."
    ),
    SesAccount.STATE_PAUSED: "Email is accepted, and waits until the mail service sends again.",
    SesAccount.STATE_SANDBOXED: (
        "Email leaves under your own name, but only to addresses that the mail service has verified."
    ),
}
# What the deadline of a state ends.
_ENDS: Mapping[int, str] = {
    Domain.STATE_PENDING: "Complete by",
    Domain.STATE_DEGRADED: "Fix by",
    Domain.STATE_FAILED: "Checked until",
    Domain.STATE_LOST: "Checked until",
}


@dataclass(frozen=True, slots=True)
class Time:
    """A time that the page shows: its label, the words, and the stamp if there is one."""

    label: str
    words: str
    stamp: Timestamp | None = None


def sending(verification: Verification) -> str:
    """Return whether email from the domain leaves now, and as whom; empty if the domain is deleted.

    It is empty, too, if a verifier of another release did not report it.
    """
    how = verification.sending
    if verification.state in _LEFT or not verification.HasField("sending"):
        return ""
    if how.tenant_state == Tenant.STATE_PAUSED:
        return "No email leaves while sending is paused: new email is rejected, accepted email waits."
    if how.own_name:
        return _OWN_NAME.get(
            how.account_state, f"Email leaves under your own name, signed by {verification.domain_name}."
        )
    if verification.ownership == Domain.OWNERSHIP_SUPERSEDED:
        return "No email leaves from this domain."
    shares = verification.state in _SHARED and verification.ownership in _HOLDERS
    if shares and how.unready_policy == Tenant.UNREADY_POLICY_SHARED:
        return "Until the domain is ready, email leaves through a shared sender and is shown with “via”."
    return "No email leaves from this domain until it is ready: new email is rejected, accepted email waits."


def times(verification: Verification, now: datetime) -> Sequence[Time]:
    """Return when the domain was checked, when it will be again, and when its state ends."""
    if verification.state in _LEFT:
        return ()
    if verification.state == Domain.STATE_PROVISIONING:
        return _tries(verification, now)
    shown = [_last(verification, now), _next(verification, now)]
    shown += [_deadline(label, stamp, now) for label, stamp in _deadlines(verification) if stamp.seconds]
    return shown


def _tries(verification: Verification, now: datetime) -> Sequence[Time]:
    """Return since when a domain is being set up, and when the mail service is asked again."""
    shown = [Time("Setup since", when(verification.state_time.ToDatetime(), now), verification.state_time)]
    if seconds := verification.state_parameters.retry_seconds:
        shown.append(Time("Next try", f"within {max(1, round(seconds / 60))} min"))
    return shown


def _deadlines(verification: Verification) -> Sequence[tuple[str, Timestamp]]:
    """Return each deadline with its label; its stamp is empty if there is none."""
    ends = _ENDS.get(verification.state)
    return (
        *([(ends, verification.deadline_time)] if ends else []),
        ("Restore by", verification.degrade_time),
        ("Prove by", verification.ownership_deadline_time),
    )


def _last(verification: Verification, now: datetime) -> Time:
    if not verification.HasField("check_time"):
        return Time("Last check", "none yet")
    return Time("Last check", when(verification.check_time.ToDatetime(), now), verification.check_time)


def _next(verification: Verification, now: datetime) -> Time:
    if not verification.HasField("next_check_time"):
        return Time("Next check", "after “Check again”")
    ahead = verification.next_check_time.ToDatetime()
    if ahead <= now + SOON:
        return Time("Next check", "within seconds")
    return Time("Next check", when(ahead, now), verification.next_check_time)


def _deadline(label: str, stamp: Timestamp, now: datetime) -> Time:
    time = stamp.ToDatetime()
    return Time(label, f"{moment(time)} ({when(time, now)})" if time > now else "now", stamp)
