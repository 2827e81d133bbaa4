"""The sender service: its settings and the wiring of its parts."""

import os
import platform
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from chassis import channels, config, server
from chassis.access import Access
from chassis.bucket import RateBucket
from chassis.config import MEBIBYTE, setting
from chassis.database import Connection, Database, open_database
from chassis.events import Consumer, ReceivedEvent, Relay, Stream, open_stream
from chassis.partitions import DayPartitions
from chassis.periodic import PeriodicTask
from chassis.retention import Retention
from chassis.threads import Executor
from letterhead.identity.v1 import tenants_pb2, tenants_pb2_grpc
from letterhead.sender.v1 import (
    emails_pb2,
    emails_pb2_grpc,
    resolution_pb2,
    resolution_pb2_grpc,
    suppressions_pb2,
    suppressions_pb2_grpc,
    test_addresses_pb2,
    test_addresses_pb2_grpc,
)
from services.sender.commands.acceptance import Acceptance
from services.sender.commands.changes import Changes
from services.sender.commands.decisions import Decisions
from services.sender.commands.test_addresses import TestAddresses
from services.sender.commands.test_emails import TestEmails
from services.sender.events import FEEDBACK
from services.sender.model.impersonation import ProtectedNames
from services.sender.model.lookalikes import skeleton
from services.sender.model.origin import SharedSender
from services.sender.servicer.emails import SenderServicer
from services.sender.servicer.resolution import ResolutionServicer
from services.sender.servicer.suppressions import SuppressionServicer
from services.sender.servicer.test_addresses import TestAddressServicer
from services.sender.ses import Ses
from services.sender.store.acceptance import AcceptanceStore
from services.sender.store.changes import ChangeStore
from services.sender.store.decisions import DecisionStore
from services.sender.store.emails import EmailStore, SesRegion
from services.sender.store.feedback import Feedback
from services.sender.store.feedback_liveness import FeedbackLivenessStore, Windows
from services.sender.store.limits import Limits, LimitStore
from services.sender.store.measures import Measures
from services.sender.store.queue import QueueStore
from services.sender.store.reputation import ReputationStore
from services.sender.store.retention import rules
from services.sender.store.states import EmailStates
from services.sender.store.suppressions import SuppressionStore
from services.sender.store.test_addresses import TestAddressStore
from services.sender.store.test_emails import TestEmailStore
from services.sender.store.unmatched import UnmatchedStore
from services.sender.store.upkeep import UpkeepStore
from services.sender.worker.feedback_liveness import FeedbackLiveness
from services.sender.worker.guard import Guard, Pause
from services.sender.worker.heartbeat import Heartbeat
from services.sender.worker.matching import Matching
from services.sender.worker.submission import Worker
from services.sender.worker.upkeep import Upkeep

SCHEMA = "sender"
PAUSE_SECONDS = 5
MEASURED_EVERY = timedelta(seconds=15)


# Not run with LETTERHEAD_SUBMITTING=false: a restored database shows email as it was at the backup.
HALTED = frozenset({"expire", "release"})


@dataclass(frozen=True, kw_only=True)
class Server(config.Server):
    """The server settings of every service, with room for large emails and time to finish a POST."""

    grpc_max_receive_bytes: int = setting(
        48 * MEBIBYTE, help="largest request in bytes", minimum=1024, maximum=64 * MEBIBYTE
    )
    drain: timedelta = setting(
        timedelta(seconds=24), help="seconds that calls and POSTs get at shutdown", minimum=timedelta(0)
    )


@dataclass(frozen=True, kw_only=True)
class Shared:
    """The shared sender: it replaces the From address of domains that are not ready."""

    shared_domain: str | None = setting(
        None, help="READY domain of the operator's tenant to send from instead; unset: no shared sender"
    )
    shared_brand: str = setting("letterhead", help="brand in the sender's name: `<tenant> via <brand>`")
    shared_reserved: tuple[str, ...] = setting(
        (), help="words reserved on the shared domain, as local parts and names, besides the built-in ones"
    )
    protected_brands: tuple[str, ...] = setting(
        (), help="brands that no tenant may use as a name on the shared domain, look-alikes included"
    )

    def __post_init__(self) -> None:
        if unusable := [each for each in self.protected_brands if len(skeleton(each)) < 2]:
            raise ValueError(
                f"LETTERHEAD_PROTECTED_BRANDS: {unusable[0]!r} has fewer than two letters; "
                "use a longer name, or remove it"
            )

    def sender(self) -> SharedSender | None:
        """Return the shared sender, if one is set."""
        if self.shared_domain is None:
            return None
        domain = self.shared_domain.lower()
        brands = (*self.protected_brands, self.shared_brand)
        protected = ProtectedNames(domain=domain, reserved=self.shared_reserved, brands=brands)
        return SharedSender(domain, self.shared_brand, protected)


@dataclass(frozen=True, kw_only=True)
class Config:
    """All settings of the sender service."""

    server: Server
    database: config.Database
    nats: config.Nats
    aws: config.Aws
    shared: Shared
    windows: Windows
    limits: Limits
    identity_address: str | None = setting(
        None, help="host:port of identity, to pause tenants with a poor reputation; unset: only slow them"
    )
    service_key: config.Secret | None = setting(
        None, help="file with the key for calls between services; required with an identity_address"
    )
    reputation_interval: timedelta = setting(
        timedelta(seconds=20), help="seconds between checks of bounces and complaints", minimum=timedelta(0)
    )
    submitting: bool = setting(
        True, help="false: submit nothing to SES and let nothing expire, for use after a database restore"
    )
    configuration_set: str = setting("letterhead", help="SES configuration set to send every email with")
    ses_threads: int = setting(16, help="most concurrent POSTs per process", minimum=1, maximum=64)
    email_deadline: timedelta = setting(
        timedelta(days=7), help="seconds until an unsent email expires", minimum=timedelta(minutes=1)
    )
    body_retention: timedelta = setting(
        timedelta(days=7), help="seconds to keep a body after its email has reached its last state"
    )
    email_retention: timedelta = setting(
        timedelta(days=90),
        help="seconds to keep an email, with recipients, attempts and history, after its last state",
        minimum=timedelta(days=8),
    )
    request_retention: timedelta = setting(
        timedelta(days=30),
        help="seconds to remember a request_id, at most as long as emails are kept",
        minimum=timedelta(days=1),
    )

    @property
    def ses_region(self) -> SesRegion:
        """Return the AWS account and region that emails are sent from."""
        return SesRegion(self.aws.aws_account, self.aws.aws_region)


@asynccontextmanager
async def running(settings: Config) -> AsyncIterator[int]:
    """Run the service as long as the context is open; yield the port it listens on."""
    async with AsyncExitStack() as stack:
        database = await stack.enter_async_context(open_database(settings.database, application_name=SCHEMA))
        stream = await stack.enter_async_context(open_stream(settings.nats, SCHEMA))
        states = EmailStates(body_retention=settings.body_retention)
        feedback = Feedback(states, SuppressionStore(database), UnmatchedStore(database))
        worker_name = f"{platform.node()}:{os.getpid()}"
        claims = QueueStore(
            database, states, settings.ses_region, shared=settings.shared.sender(), worker=worker_name
        )
        # One thread more than there are POSTs, so that a heartbeat never delays an email.
        executor = await stack.enter_async_context(Executor("ses", settings.ses_threads + 1))
        ses = Ses(settings.aws, configuration_set=settings.configuration_set, threads=settings.ses_threads)
        stack.callback(ses.close)
        worker = Worker(
            database,
            claims,
            states,
            ses,
            executor=executor,
            threads=settings.ses_threads,
            ses_region=settings.ses_region,
        )
        heartbeat = _heartbeat(settings, database, claims, ses, executor)
        matching = Matching(database, UnmatchedStore(database), feedback)
        pause = await stack.enter_async_context(_pausing(settings))
        task = {
            **_email_tasks(settings, database, states, claims, heartbeat),
            **({"heartbeat": heartbeat.task} if heartbeat else {}),
            **_tenant_tasks(settings, database, pause),
            "match": PeriodicTask("matching", matching.match, interval=timedelta(seconds=1)),
        }
        await stack.enter_async_context(database.listen("sender_emails", worker.loop.wake))
        await stack.enter_async_context(database.listen("webhooks_feedback", task["resolve"].wake))
        background = [
            *([worker.loop.run] if settings.submitting else []),
            *(each.run for name, each in task.items() if settings.submitting or name not in HALTED),
            *(each.run for each in _consumers(database, stream, feedback, task["release"])),
            Relay(database, stream, SCHEMA).run,
        ]
        yield await stack.enter_async_context(
            server.serving(
                settings.server,
                database=database,
                access=Access(database),
                registrations=_registrations(settings, database, states),
                background=background,
            )
        )


def _heartbeat(
    settings: Config, database: Database, claims: QueueStore, ses: Ses, executor: Executor
) -> Heartbeat | None:
    """Return the sender of heartbeats; None without a shared domain to send them from."""
    shared = settings.shared.sender()
    if shared is None:
        return None
    return Heartbeat(database, claims, ses, executor, ses_region=settings.ses_region, domain=shared.domain)


def _email_tasks(
    settings: Config,
    database: Database,
    states: EmailStates,
    claims: QueueStore,
    heartbeat: Heartbeat | None,
) -> dict[str, PeriodicTask]:
    source = f"{settings.aws.aws_account}:{settings.aws.aws_region}:{settings.configuration_set}"
    upkeep = Upkeep(
        database,
        UpkeepStore(database, source),
        states,
        claims,
        FeedbackLiveness(
            database,
            FeedbackLivenessStore(database, source),
            settings.windows,
            heartbeat.send if heartbeat else None,
        ),
        windows=settings.windows,
    )
    return {
        "resolve": PeriodicTask("resolution", upkeep.resolve, interval=timedelta(seconds=1)),
        "expire": PeriodicTask("deadlines", upkeep.expire, interval=timedelta(seconds=2)),
        "supersede": PeriodicTask("superseded domains", upkeep.supersede, interval=timedelta(seconds=2)),
        "release": PeriodicTask("release", upkeep.release, interval=timedelta(seconds=2)),
        "forget": Retention(
            database, rules(emails=settings.email_retention, requests=settings.request_retention)
        ).task,
        # History is dropped with the day's last email, whatever its age.
        "days": DayPartitions(database, "sender.email_transitions", kept_for=timedelta(0)).task,
    }


def _tenant_tasks(settings: Config, database: Database, pause: Pause | None) -> dict[str, PeriodicTask]:
    limits = LimitStore(database, settings.limits)
    guard = Guard(ReputationStore(database), pause)
    return {
        "limits": PeriodicTask("limits", limits.declare, interval=timedelta(minutes=1)),
        "measures": PeriodicTask("measures", Measures(database).take, interval=MEASURED_EVERY),
        "guard": PeriodicTask("reputation", guard.evaluate, interval=settings.reputation_interval),
    }


def _consumers(
    database: Database, stream: Stream, feedback: Feedback, release: PeriodicTask
) -> list[Consumer]:
    async def domain_ready(_: Connection, __: Sequence[ReceivedEvent]) -> None:
        release.wake()

    return [
        Consumer(database, stream, SCHEMA, "feedback", list(FEEDBACK), feedback.apply),
        Consumer(database, stream, SCHEMA, "domains", ["domain.ready"], domain_ready),
    ]


@asynccontextmanager
async def _pausing(settings: Config) -> AsyncIterator[Pause | None]:
    """Connect to identity, the only service that may pause tenants; yield None without an address or key."""
    if settings.identity_address is None or settings.service_key is None:
        yield None
        return
    metadata = (("authorization", f"Bearer {settings.service_key.reveal()}"),)
    async with channels.opened(settings.identity_address, settings.server) as channel:
        stub = tenants_pb2_grpc.TenantServiceStub(channel)

        async def pause(tenant_id: UUID, reason: str) -> None:
            request = tenants_pb2.PauseTenantRequest(tenant_id=str(tenant_id), reason=reason)
            await stub.PauseTenant(request, timeout=PAUSE_SECONDS, metadata=metadata)

        yield pause


def _registrations(settings: Config, database: Database, states: EmailStates) -> list[server.Registration]:
    shared = settings.shared.sender()
    emails = EmailStore(database, settings.ses_region)
    accepted = AcceptanceStore(database, deadline=settings.email_deadline)
    acceptance = Acceptance(accepted, emails, shared_domain=shared.domain if shared else None)
    changes = Changes(database, ChangeStore(deadline=settings.email_deadline), emails, states)
    domains = TestEmailStore(database)
    test_addresses = TestAddresses(database, domains, TestAddressStore(database))
    test_emails = TestEmails(domains, test_addresses, RateBucket(database), acceptance)
    return [
        server.Registration(add, servicer, file.DESCRIPTOR.services_by_name[name].full_name, large)
        for add, servicer, file, name, large in (
            (
                emails_pb2_grpc.add_SenderServiceServicer_to_server,
                SenderServicer(acceptance, emails, changes, test_emails),
                emails_pb2,
                "SenderService",
                frozenset({"SendEmail", "SendEmails"}),
            ),
            (
                suppressions_pb2_grpc.add_SuppressionServiceServicer_to_server,
                SuppressionServicer(SuppressionStore(database), emails),
                suppressions_pb2,
                "SuppressionService",
                frozenset(),
            ),
            (
                resolution_pb2_grpc.add_ResolutionServiceServicer_to_server,
                ResolutionServicer(Decisions(database, DecisionStore(states))),
                resolution_pb2,
                "ResolutionService",
                frozenset(),
            ),
            (
                test_addresses_pb2_grpc.add_TestAddressServiceServicer_to_server,
                TestAddressServicer(test_addresses),
                test_addresses_pb2,
                "TestAddressService",
                frozenset(),
            ),
        )
    ]


if __name__ == "__main__":
    server.main(running, Config)
