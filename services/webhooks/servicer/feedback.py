# ruff: noqa: ARG002, N802 - methods are named after the rpcs, and gRPC passes each a context
"""FeedbackService: lists the feedback received from SES."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from chassis.access import tenant_visibility
from chassis.errors import InvalidField
from chassis.pages import Page, next_token, page
from chassis.protos import stamp_of
from letterhead.webhooks.v1 import feedback_pb2 as pb
from letterhead.webhooks.v1 import feedback_pb2_grpc
from services.webhooks.model.feedback import Feedback
from services.webhooks.store.feedback import FeedbackStore

# gRPC clients accept 4 MiB by default, and receivers control the length of details.
MAX_PAGE_BYTES = 3 * 1024 * 1024


class FeedbackServicer(feedback_pb2_grpc.FeedbackServiceServicer):
    """Implements FeedbackService on the store."""

    def __init__(self, store: FeedbackStore) -> None:
        self._store = store

    async def ListFeedback(self, request: pb.ListFeedbackRequest, context: Any) -> pb.ListFeedbackResponse:
        sees = tenant_visibility(request.tenant_id)
        email_id = _email_id(request.email_id)
        of = f"feedback/{sees.tenant_id}/{email_id or ''}"
        requested = page(request.page_size, request.page_token, of=of)
        found = await self._store.list_feedback(
            sees, email_id=email_id, after=requested.after_id(), limit=requested.size + 1
        )
        return _to_response(found, requested, of)


def _email_id(requested: str) -> UUID | None:
    try:
        return UUID(requested) if requested else None
    except ValueError:
        raise InvalidField("email_id", "NOT_A_UUID") from None


def _to_response(found: Sequence[Feedback], requested: Page, of: str) -> pb.ListFeedbackResponse:
    """Return a page, limited in rows and in bytes; `found` has one more row than the page size."""
    response = pb.ListFeedbackResponse()
    for each in found[: requested.size]:
        message = _to_proto(each)
        if response.feedback and response.ByteSize() + message.ByteSize() > MAX_PAGE_BYTES:
            break
        response.feedback.append(message)
    shown = len(response.feedback)
    if shown < len(found):
        response.next_page_token = next_token(of, found[shown - 1].id)
    return response


def _to_proto(feedback: Feedback) -> pb.Feedback:
    message = pb.Feedback(
        id=str(feedback.id),
        email_id=str(feedback.email_id or ""),
        ses_id=feedback.ses_id,
        kind=pb.Feedback.Kind.Value(f"KIND_{feedback.kind}"),
        recipients=feedback.recipients,
        occur_time=stamp_of(feedback.occurred_at),
        receive_time=stamp_of(feedback.received_at),
    )
    message.detail.update(feedback.detail)
    return message
