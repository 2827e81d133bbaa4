"""Feedback: stored notifications are processed, and callers list the result."""

from chassis.assembly import Assembly
from chassis.server import Registration
from letterhead.webhooks.v1 import feedback_pb2_grpc
from services.webhooks.servicer.feedback import FeedbackServicer
from services.webhooks.store.feedback import FeedbackStore
from services.webhooks.worker import FeedbackProcessor


def feedback(store: FeedbackStore, processor: FeedbackProcessor) -> Assembly:
    """Return the processor and FeedbackService."""
    add = feedback_pb2_grpc.add_FeedbackServiceServicer_to_server
    return Assembly(
        registrations=[Registration(add, FeedbackServicer(store))], background=[processor.task.run]
    )
