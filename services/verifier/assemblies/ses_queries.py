"""SES: queries about domains and the account, the sweep, the account's metrics, and repair requests."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta
from uuid import UUID

from chassis import channels
from chassis.assembly import Platform
from chassis.aws import open_client
from chassis.client import CallFailed, call
from chassis.periodic import PeriodicTask
from chassis.regions import AwsRegion
from chassis.slots import Slots
from chassis.telemetry import get_logger
from letterhead.identity.v1 import domains_pb2, domains_pb2_grpc
from services.verifier.assemblies.wakeable import WakeableAssembly
from services.verifier.config import Config
from services.verifier.model.evidence import RepairCause
from services.verifier.ses import TIMEOUTS, SesReader
from services.verifier.store.ses import SesStore
from services.verifier.store.verifications import VerificationStore
from services.verifier.store.views import ViewStore
from services.verifier.worker.account_gauges import AccountGauges
from services.verifier.worker.results import ResultWriter
from services.verifier.worker.ses_queries import PATIENCE, Repair, SesQueries

log = get_logger(__name__)

GAUGES_INTERVAL = timedelta(seconds=15)
REPAIR_DEADLINE = timedelta(seconds=5)


@asynccontextmanager
async def ses_queries(settings: Config, platform: Platform) -> AsyncIterator[WakeableAssembly]:
    """Open the clients of SES and identity, and wire the queries; `wake` makes due queries now."""
    async with AsyncExitStack() as exits:
        repair = await exits.enter_async_context(_repairs(settings))
        queries = [
            await exits.enter_async_context(_queries(settings, platform, each, repair))
            for each in settings.aws.regions
        ]
        gauges = PeriodicTask(
            "SES account gauges", AccountGauges(ViewStore(platform.database)).update, interval=GAUGES_INTERVAL
        )

        def wake() -> None:
            for each in queries:
                each.wake()

        yield WakeableAssembly(background=[*(each.run for each in queries), gauges.run], wake=wake)


@asynccontextmanager
async def _queries(
    settings: Config, platform: Platform, region: AwsRegion, repair: Repair
) -> AsyncIterator[SesQueries]:
    """Open the client of one region, and wire its queries, which wait for no other region's."""
    database, ses_region = platform.database, region.ses_region
    async with open_client(region, "sesv2", TIMEOUTS, threads=2) as client:
        yield SesQueries(
            SesStore(database, ses_region, platform.outbox),
            SesReader(client),
            Slots(
                database,
                ses_region.control_key,
                settings.aws.aws_control_interval,
                patience=PATIENCE,
                group=platform.schema,
            ),
            ResultWriter(database, VerificationStore(database), platform.outbox),
            repair=repair,
        )


@asynccontextmanager
async def _repairs(settings: Config) -> AsyncIterator[Repair]:
    """Connect to identity, the only service that changes identities in SES; yield the repair call.

    A failed call is only logged, because the repair is requested again when it is next due.
    """
    async with channels.opened(settings.identity_address, settings.server) as channel:
        stub = domains_pb2_grpc.DomainServiceStub(channel)

        async def repair(claim_id: UUID, generation: int, cause: RepairCause) -> None:
            request = domains_pb2.RepairDomainRequest(
                domain_id=str(claim_id),
                generation=generation,
                cause=domains_pb2.RepairDomainRequest.Cause.Value(f"CAUSE_{cause}"),
            )
            try:
                await call(
                    stub.RepairDomain, request, key=settings.service_key.reveal(), deadline=REPAIR_DEADLINE
                )
            except CallFailed as failure:
                log.warning(
                    "repair request to identity failed",
                    action="repair_request_failed",
                    code=failure.code.name,
                )

        yield repair
