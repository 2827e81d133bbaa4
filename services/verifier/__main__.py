"""The verifier service: its settings, and how its parts are wired together."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

import grpc

from chassis import channels, config, server
from chassis.access import Access
from chassis.database import open_database
from chassis.events import Consumer, Outbox, Relay, open_stream
from chassis.notifier import Notifier
from chassis.periodic import PeriodicTask
from chassis.slots import Slots
from chassis.telemetry import get_logger
from letterhead.identity.v1 import domains_pb2, domains_pb2_grpc
from letterhead.verifier.v1 import verifier_pb2, verifier_pb2_grpc
from services.verifier.model.evidence import RepairCause
from services.verifier.resolver.resolver import Resolver, ResolverSettings
from services.verifier.servicer.verifier import VerifierServicer
from services.verifier.ses import open_ses
from services.verifier.store.ses import SesStore
from services.verifier.store.verifications import CHANGES, CLAIM_CHANGES, VerificationStore
from services.verifier.store.views import ViewStore
from services.verifier.worker.checks import ClaimSync, DnsChecks, Prechecks
from services.verifier.worker.measures import Measures
from services.verifier.worker.results import ResultWriter
from services.verifier.worker.ses import PATIENCE, Repair, SesQueries

log = get_logger(__name__)

SCHEMA = "verifier"
MEASURED_EVERY = timedelta(seconds=15)
CLAIM_EVENTS = ("domain.provisioned", "domain.deleted")
REPAIR_SECONDS = 5


@dataclass(frozen=True, kw_only=True)
class Config:
    """All settings of the verifier service."""

    server: config.Server
    database: config.Database
    nats: config.Nats
    aws: config.AwsControl
    identity_address: str = config.setting(help="host:port of the identity service, which makes repairs")
    service_key: config.Secret = config.setting(help="file with the key that services call each other by")
    dns: ResolverSettings
    checks_at_once: int = config.setting(16, help="domains checked in DNS at once", minimum=1, maximum=200)


@asynccontextmanager
async def running(settings: Config) -> AsyncIterator[int]:
    """Run the service until the block ends; yield the port it listens on."""
    async with AsyncExitStack() as stack:
        database = await stack.enter_async_context(open_database(settings.database, application_name=SCHEMA))
        stream = await stack.enter_async_context(open_stream(settings.nats, SCHEMA))
        reader = await stack.enter_async_context(open_ses(settings.aws))
        repair = await stack.enter_async_context(_repairing(settings))
        store = VerificationStore(database, settings.aws)
        results = ResultWriter(database, store, Outbox(SCHEMA))
        resolver = Resolver(settings.dns)
        checks = DnsChecks(store, resolver, results, concurrency=settings.checks_at_once)
        following = ClaimSync(database, store, results, checks)
        prechecks = Prechecks(store, resolver)
        interval = settings.aws.aws_control_interval
        asking = SesQueries(
            SesStore(database, settings.aws),
            reader,
            Slots(database, settings.aws.control_key, interval, patience=PATIENCE, group=SCHEMA),
            results,
            repair=repair,
            hurry=checks.ses_is_due,
        )
        consumer = Consumer(database, stream, SCHEMA, "claims", CLAIM_EVENTS, following.receive)
        notifier = Notifier()
        await stack.enter_async_context(database.listen(CHANGES, notifier.notify))
        for each in (following.task, prechecks.task):
            await stack.enter_async_context(database.listen(CLAIM_CHANGES, each.wake))
        views = ViewStore(database)
        servicer = VerifierServicer(views, notifier, checks.wake)
        relay = Relay(database, stream, SCHEMA)
        yield await stack.enter_async_context(
            server.serving(
                settings.server,
                database=database,
                access=Access(database),
                registrations=[_registration(servicer)],
                background=[
                    checks.run,
                    following.task.run,
                    prechecks.task.run,
                    asking.run,
                    consumer.run,
                    relay.run,
                    PeriodicTask("measures", Measures(views).take, interval=MEASURED_EVERY).run,
                ],
            )
        )


@asynccontextmanager
async def _repairing(settings: Config) -> AsyncIterator[Repair]:
    """Connect to identity, the only service that changes identities in SES; yield the repair call.

    A failed call is only logged, because the repair is requested again when it is next due.
    """
    metadata = (("authorization", f"Bearer {settings.service_key.reveal()}"),)
    async with channels.opened(settings.identity_address, settings.server) as channel:
        stub = domains_pb2_grpc.DomainServiceStub(channel)

        async def repair(claim_id: UUID, generation: int, cause: RepairCause) -> None:
            request = domains_pb2.RepairDomainRequest(
                domain_id=str(claim_id),
                generation=generation,
                cause=domains_pb2.RepairDomainRequest.Cause.Value(f"CAUSE_{cause}"),
            )
            try:
                await stub.RepairDomain(request, timeout=REPAIR_SECONDS, metadata=metadata)
            except grpc.aio.AioRpcError as error:
                log.warning(
                    "repair request to identity failed",
                    action="repair_request_failed",
                    code=error.code().name,
                )

        yield repair


def _registration(servicer: VerifierServicer) -> server.Registration:
    full_name = verifier_pb2.DESCRIPTOR.services_by_name["VerifierService"].full_name
    return server.Registration(verifier_pb2_grpc.add_VerifierServiceServicer_to_server, servicer, full_name)


if __name__ == "__main__":
    server.main(running, Config)
