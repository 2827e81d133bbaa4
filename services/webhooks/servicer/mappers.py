"""Converts endpoints, messages and attempts to protos."""

from datetime import timedelta

from chassis.ids import webhook_id
from chassis.protos import stamp_of, value_of
from letterhead.webhooks.v1 import webhook_service_pb2 as pb
from services.webhooks.model.endpoints import Attempt, Endpoint, Message


def endpoint_to_proto(endpoint: Endpoint) -> pb.Endpoint:
    """Return an endpoint as RPCs return it."""
    return pb.Endpoint(
        id=str(endpoint.id),
        tenant_id=str(endpoint.tenant_id),
        url=endpoint.target.url,
        event_types=[value_of(pb.EventType, each) for each in endpoint.target.types],
        domain_ids=map(str, endpoint.target.claim_ids),
        state=value_of(pb.Endpoint.State, endpoint.target.state),
        disable_reason=value_of(pb.Endpoint.DisableReason, endpoint.disable_reason),
        disable_time=stamp_of(endpoint.disabled_at),
        secret=endpoint.secret,
        previous_secret_expire_time=stamp_of(endpoint.previous_secret_expires_at),
        last_success_time=stamp_of(endpoint.last_success_at),
        last_failure_time=stamp_of(endpoint.last_failure_at),
        failing_since_time=stamp_of(endpoint.failing_since),
        create_time=stamp_of(endpoint.created_at),
    )


def message_to_proto(message: Message) -> pb.EndpointEvent:
    """Return a message as the event of an endpoint."""
    return pb.EndpointEvent(
        id=webhook_id(message.id),
        endpoint_id=str(message.endpoint_id),
        type=value_of(pb.EventType, message.type),
        state=value_of(pb.EndpointEvent.State, message.state),
        attempts=message.attempts,
        next_attempt_time=stamp_of(message.next_attempt_at),
        create_time=stamp_of(message.occurred_at),
        payload=message.payload,
    )


def attempt_to_proto(attempt: Attempt) -> pb.Attempt:
    """Return an attempt as RPCs return it."""
    return pb.Attempt(
        id=str(attempt.id),
        status=attempt.status or 0,
        problem=value_of(pb.Attempt.Problem, attempt.problem),
        answer=attempt.answer,
        duration_ms=attempt.duration // timedelta(milliseconds=1),
        attempt_time=stamp_of(attempt.attempted_at),
    )
