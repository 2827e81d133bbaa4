"""Why a domain is in its state, and why the state changed. Pure; `messages.domains` has the sentences."""

from collections.abc import Mapping, Sequence

from services.verifier.model.evidence import EVIDENCE
from services.verifier.model.messages.domains import explain, unproven, unverified
from services.verifier.model.ownership import Ownership
from services.verifier.model.reasons import DomainReason, Explanation
from services.verifier.model.records import Purpose, RecordStatus
from services.verifier.model.states import ALL_CONDITIONS, Conditions, Evidence, State

UNPROVEN: Mapping[Ownership, DomainReason] = {
    Ownership.PROOF_DUE: DomainReason.PROOF_DUE,
    Ownership.CHALLENGER: DomainReason.CHALLENGER,
    Ownership.SUPERSEDED: DomainReason.SUPERSEDED,
}


def why_moved(before: State, after: State, conditions: Conditions) -> Explanation[DomainReason]:
    """Return why a claim moved from one state to another."""
    if after is State.READY:
        first = before is State.PENDING
        return explain(DomainReason.VERIFIED if first else DomainReason.VERIFIED_AGAIN)
    broken = [name.upper() for name in conditions.bad(ALL_CONDITIONS)]
    match after:
        case State.DEGRADED:
            return explain(DomainReason.NO_LONGER_VERIFIED, conditions=broken)
        case State.LOST:
            return explain(DomainReason.NOT_VERIFIED_AGAIN, conditions=broken)
    return explain(DomainReason.NOT_VERIFIED_IN_TIME, conditions=broken)


def why_renewed(ownership: Ownership) -> Explanation[DomainReason]:
    """Return why a claim moved to another state with its new generation."""
    lost = ownership is Ownership.SUPERSEDED
    return explain(DomainReason.ANOTHER_ACCOUNT_PROVED if lost else DomainReason.RECORDS_CHANGED)


def why_after_renewal(ownership: Ownership) -> Explanation[DomainReason]:
    """Return what a claim in a new generation waits for, before its first check."""
    return explain(UNPROVEN.get(ownership, DomainReason.RECORDS_CHANGED))


def why_state(
    state: State,
    conditions: Conditions,
    statuses: Sequence[tuple[Purpose, RecordStatus]],
    ownership: Ownership,
    *,
    signs: bool,
) -> Explanation[DomainReason]:
    """Return what a state waits for.

    `signs` is true when DKIM is verified in DNS and by SES, so that email carries the domain's signature.
    """
    if ownership is Ownership.CHALLENGED:
        return explain(DomainReason.CHALLENGED)
    if conditions.ownership is Evidence.NONE:
        return unproven(state, UNPROVEN.get(ownership, DomainReason.DISPUTED))
    if state is State.READY:
        return _while_ready(statuses)
    can_send = signs and state is State.DEGRADED
    return unverified(state, _waiting(conditions, statuses, can_send=can_send))


def _while_ready(statuses: Sequence[tuple[Purpose, RecordStatus]]) -> Explanation[DomainReason]:
    """Return why a domain can send, with the records that a check no longer found.

    A check without a result shows nothing: such a record is not gone.
    """
    gone = [purpose.value for purpose, status in statuses if EVIDENCE[status] is Evidence.BAD]
    if not gone:
        return explain(DomainReason.CAN_SEND)
    return _records(DomainReason.RECORDS_GONE, gone, statuses)


def _records(
    reason: DomainReason,
    purposes: Sequence[str],
    statuses: Sequence[tuple[Purpose, RecordStatus]],
    *,
    can_send: bool = False,
) -> Explanation[DomainReason]:
    """Return a reason about records, given the purpose of each."""
    return explain(
        reason,
        waiting_records=len(purposes),
        required_records=len(statuses),
        purposes=list(dict.fromkeys(purposes)),
        can_send=can_send,
    )


def _waiting(
    conditions: Conditions, statuses: Sequence[tuple[Purpose, RecordStatus]], *, can_send: bool
) -> Explanation[DomainReason]:
    waiting = [purpose.value for purpose, status in statuses if EVIDENCE[status] is not Evidence.GOOD]
    if waiting:
        return _records(DomainReason.WAITING_FOR_RECORDS, waiting, statuses, can_send=can_send)
    if Evidence.BAD in (conditions.ses_dkim, conditions.ses_mail_from):
        return explain(DomainReason.SES_CHECK_REQUESTED, can_send=can_send)
    return explain(DomainReason.WAITING_FOR_SES, can_send=can_send)
