"""Feedback: SES's events are applied to emails, recipients and suppression lists."""

from datetime import timedelta

from chassis.assembly import Assembly, Platform
from chassis.events import Consumer
from chassis.periodic import PeriodicTask
from chassis.server import Registration
from letterhead.sender.v1 import suppressions_pb2_grpc
from services.sender.config import Config
from services.sender.events.feedback import FEEDBACK
from services.sender.servicer.suppressions import SuppressionServicer
from services.sender.store.emails import EmailStore
from services.sender.store.feedback import Feedback
from services.sender.store.soft_bounces import SoftBounceStore
from services.sender.store.states import EmailStates
from services.sender.store.suppressions import SuppressionStore
from services.sender.store.unmatched import UnmatchedStore
from services.sender.worker.matching import Matching


def feedback(settings: Config, platform: Platform, states: EmailStates) -> Assembly:
    """Return the consumer of SES's events, the task that matches early ones, and SuppressionService."""
    database, stream, schema = platform.database, platform.stream, platform.schema
    suppressions, unmatched = SuppressionStore(database), UnmatchedStore(database)
    applied = Feedback(states, suppressions, SoftBounceStore(settings.soft_bounces), unmatched)
    consumer = Consumer(database, stream, schema, "feedback", list(FEEDBACK), applied.apply)
    matching = Matching(database, unmatched, applied)
    return Assembly(
        registrations=[
            Registration(
                suppressions_pb2_grpc.add_SuppressionServiceServicer_to_server,
                SuppressionServicer(suppressions, EmailStore(database)),
            )
        ],
        background=[
            consumer.run,
            PeriodicTask("matching", matching.match, interval=timedelta(seconds=1)).run,
        ],
    )
