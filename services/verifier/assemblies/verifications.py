"""The verifier's RPCs."""

from collections.abc import Callable

from chassis.assembly import Assembly, Platform
from chassis.notifier import Notifier
from chassis.server import Registration
from letterhead.verifier.v1 import verifier_pb2_grpc
from services.verifier.servicer.verifier import VerifierServicer
from services.verifier.store.verifications import CHANGES
from services.verifier.store.views import ViewStore


def verifications(platform: Platform, *, wake_checks: Callable[[], None]) -> Assembly:
    """Wire the RPCs; `wake_checks` is called when a caller has made a DNS check due."""
    notifier = Notifier()
    servicer = VerifierServicer(ViewStore(platform.database), notifier, wake_checks)
    return Assembly(
        registrations=[Registration(verifier_pb2_grpc.add_VerifierServiceServicer_to_server, servicer)],
        wakes=[(CHANGES, notifier.notify)],
    )
