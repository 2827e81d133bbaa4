"""Acceptance: callers send, change and read emails, and confirm test addresses."""

from chassis.assembly import Assembly, Platform
from chassis.bucket import RateBucket
from chassis.server import Registration
from letterhead.sender.v1 import emails_pb2_grpc, test_addresses_pb2_grpc
from services.sender.commands.acceptance import Acceptance
from services.sender.commands.changes import Changes
from services.sender.commands.test_addresses import TestAddresses
from services.sender.commands.test_emails import TestEmails
from services.sender.config import Config
from services.sender.servicer.emails import SenderServicer
from services.sender.servicer.test_addresses import TestAddressServicer
from services.sender.store.acceptance import AcceptanceStore
from services.sender.store.changes import ChangeStore
from services.sender.store.emails import EmailStore
from services.sender.store.states import EmailStates
from services.sender.store.test_addresses import TestAddressStore
from services.sender.store.test_emails import TestEmailStore


def acceptance(settings: Config, platform: Platform, states: EmailStates) -> Assembly:
    """Return SenderService and TestAddressService."""
    database, deadline = platform.database, settings.email_deadline
    emails = EmailStore(database)
    accepting = Acceptance(
        AcceptanceStore(database, deadline=deadline), emails, shared_domains=settings.shared_domains
    )
    domains = TestEmailStore(database)
    test_addresses = TestAddresses(database, domains, TestAddressStore(database))
    sender_service = SenderServicer(
        accepting,
        emails,
        Changes(database, ChangeStore(deadline=deadline), emails, states),
        TestEmails(domains, test_addresses, RateBucket(database), accepting),
    )
    return Assembly(
        registrations=[
            Registration(
                emails_pb2_grpc.add_SenderServiceServicer_to_server,
                sender_service,
                large=frozenset({"SendEmail", "SendEmails"}),
            ),
            Registration(
                test_addresses_pb2_grpc.add_TestAddressServiceServicer_to_server,
                TestAddressServicer(test_addresses),
            ),
        ]
    )
