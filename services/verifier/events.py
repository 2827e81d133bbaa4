"""The events that the verifier publishes when the state of a domain or of the SES account changes."""

from typing import Any

from google.protobuf.message import Message

from chassis.events import Event
from chassis.protos import value_of
from letterhead.events.v1 import account_events_pb2
from letterhead.events.v1 import domain_events_pb2 as pb
from letterhead.identity.v1.domain_reason_pb2 import DomainCondition
from letterhead.identity.v1.domain_reason_pb2 import DomainReason as PublicReason
from letterhead.identity.v1.domains_pb2 import Domain
from letterhead.verifier.v1.account_reason_pb2 import AccountReason
from letterhead.verifier.v1.verifier_pb2 import SesAccount
from services.verifier.model.account import AccountChange
from services.verifier.model.decisions import Claim, Transition
from services.verifier.model.reasons import DomainReason, Explanation
from services.verifier.model.states import State

_MESSAGES: dict[State, type[Message]] = {
    State.READY: pb.DomainReady,
    State.PENDING: pb.DomainPending,
    State.DEGRADED: pb.DomainDegraded,
    State.LOST: pb.DomainLost,
    State.FAILED: pb.DomainFailed,
}


def account_changed(change: AccountChange) -> Event:
    """Return the event for a change of the SES account's state."""
    data = account_events_pb2.AccountChanged(
        account=change.account,
        region=change.region,
        state=SesAccount.State.Value(f"STATE_{change.after}"),
        previous_state=SesAccount.State.Value(f"STATE_{change.before}"),
        message=change.why.message,
        reason=value_of(AccountReason, change.why.reason),
    )
    return Event(data, None, change.region)


def state_changed(claim: Claim, transition: Transition) -> Event:
    """Return the event for a change of a domain's state."""
    message = _MESSAGES[transition.after]
    reference = pb.DomainReference(
        id=str(claim.claim_id),
        name=claim.name,
        tenant_id=str(claim.tenant_id),
        generation=claim.generation,
    )
    before = Domain.State.Value(f"STATE_{transition.before}")
    data = message(domain=reference, previous_state=before, **_why(transition.why))
    return Event(data, claim.tenant_id, claim.name)


def _why(why: Explanation[DomainReason]) -> dict[str, Any]:
    """Return the message and the reason, and the conditions, which only DEGRADED, LOST and FAILED have."""
    fields: dict[str, Any] = {"message": why.message, "reason": value_of(PublicReason, why.reason)}
    if conditions := why.parameters.get("conditions"):
        fields["conditions"] = [value_of(DomainCondition, each) for each in conditions]
    return fields
