# ruff: noqa: ARG002, N802 - rpc names come from the contract, and gRPC passes a context to each
"""The rpcs for operators' decisions: they map messages to values and back, without rules of their own."""

from typing import Any

from chassis.access import principal, visibility
from chassis.errors import InvalidField
from chassis.protos import id_of, time_of
from letterhead.sender.v1 import resolution_pb2 as pb
from letterhead.sender.v1 import resolution_pb2_grpc as pb_grpc
from letterhead.sender.v1.emails_pb2 import Email
from services.sender.commands.decisions import Decisions, Outcome
from services.sender.errors import EmailNotFound

MAX_REASON = 300  # characters


class ResolutionServicer(pb_grpc.ResolutionServiceServicer):
    """letterhead.sender.v1.ResolutionService."""

    def __init__(self, decisions: Decisions) -> None:
        self._decisions = decisions

    async def ResolveEmail(self, request: pb.ResolveEmailRequest, context: Any) -> pb.ResolveEmailResponse:
        sees = visibility()
        moved = await self._decisions.resolve(
            id_of(request.email_id, EmailNotFound),
            _outcome(request.outcome),
            sees,
            by=str(principal().key_id),
            reason=_reason(request.reason),
        )
        state = Email.State.Value(f"STATE_{moved.state}")
        return pb.ResolveEmailResponse(state=state, state_message=moved.why.message)

    async def HoldEmails(self, request: pb.HoldEmailsRequest, context: Any) -> pb.HoldEmailsResponse:
        sees = visibility()
        since = time_of("since_time", request.since_time) if request.HasField("since_time") else None
        before = time_of("before_time", request.before_time) if request.HasField("before_time") else None
        if since and before and before <= since:
            raise InvalidField("before_time", "NOT_AFTER", other_field="since_time")
        held = await self._decisions.hold(
            since, before, sees, by=str(principal().key_id), reason=_reason(request.reason)
        )
        return pb.HoldEmailsResponse(held_count=held)


def _outcome(value: "pb.ResolveEmailRequest.Outcome.ValueType") -> Outcome:
    names = {pb.ResolveEmailRequest.Outcome.Value(f"OUTCOME_{each}"): each for each in Outcome}
    if value not in names:
        raise InvalidField("outcome", "UNKNOWN_VALUE", allowed=", ".join(Outcome))
    return names[value]


def _reason(text: str) -> str:
    if not text.strip():
        raise InvalidField("reason", "MISSING")
    if len(text) > MAX_REASON:
        raise InvalidField("reason", "TOO_LONG", limit=MAX_REASON)
    if not text.isprintable():
        raise InvalidField("reason", "CONTROL_CHARACTER")
    return text
