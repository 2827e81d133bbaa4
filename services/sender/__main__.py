"""The sender service: everything it is made of, and how it is put together."""

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
from chassis.forgetting import Forgetting
from chassis.rounds import Rounds
from chassis.threads import Executor
from letterhead.identity.v1 import tenants_pb2, tenants_pb2_grpc
from letterhead.sender.v1 import (
    emails_pb2,
    emails_pb2_grpc,
    settlement_pb2,
    settlement_pb2_grpc,
    suppressions_pb2,
    suppressions_pb2_grpc,
    test_addresses_pb2,
    test_addresses_pb2_grpc,
)
from services.sender.commands.acceptance import Acceptance
from services.sender.commands.changes import Changes
from services.sender.commands.decisions import Decisions
from services.sender.commands.specimens import Specimens
from services.sender.commands.test_addresses import TestAddresses
from services.sender.events import FEEDBACK
from services.sender.model.impersonation import ProtectedNames
from services.sender.model.lookalikes import skeleton
from services.sender.model.origin import SharedSender
from services.sender.servicer.emails import SenderServicer
from services.sender.servicer.settlement import SettlementServicer
from services.sender.servicer.suppressions import SuppressionServicer
from services.sender.servicer.test_addresses import TestAddressServicer
from services.sender.ses import Ses
from services.sender.store.acceptance import AcceptanceStore
from services.sender.store.changes import ChangeStore
from services.sender.store.claims import ClaimStore
from services.sender.store.decisions import DecisionStore
from services.sender.store.emails import EmailStore, Place
from services.sender.store.feedback import Feedback
from services.sender.store.limits import Limits, LimitStore
from services.sender.store.listening import ListeningStore, Windows
from services.sender.store.measures import Measures
from services.sender.store.reputation import ReputationStore
from services.sender.store.retention import Days, rules
from services.sender.store.specimens import SpecimenStore
from services.sender.store.states import EmailStates
from services.sender.store.suppressions import SuppressionStore
from services.sender.store.test_addresses import TestAddressStore
from services.sender.store.unmatched import UnmatchedStore
from services.sender.store.upkeep import UpkeepStore
from services.sender.worker.guard import Guard, Pause
from services.sender.worker.handover import Worker
from services.sender.worker.heartbeat import Heartbeat
from services.sender.worker.listening import Listening
from services.sender.worker.matching import Matching
from services.sender.worker.upkeep import Upkeep

SCHEMA = "sender"
PAUSE_SECONDS = 5
MEASURED_EVERY = timedelta(seconds=15)


# What would end or let go of email that a restored database shows as it once was.
HALTED = frozenset({"expire", "release"})


@dataclass(frozen=True, kw_only=True)
class Server(config.Server):
    """As every service's; requests are as large as emails, and a POST under way is waited for."""

    grpc_max_receive_bytes: int = setting(
        48 * MEBIBYTE, help="largest request in bytes", minimum=1024, maximum=64 * MEBIBYTE
    )
    drain: timedelta = setting(
        timedelta(seconds=24), help="seconds for calls and POSTs to finish at the end", minimum=timedelta(0)
    )


@dataclass(frozen=True, kw_only=True)
class Shared:
    """The sender that stands in for domains that are not ready."""

    shared_domain: str | None = setting(
        None, help="a READY domain of the operator's tenant; none: no stand-in"
    )
    shared_brand: str = setting("letterhead", help="who stands in: `<tenant> via <brand>`")
    shared_reserved: tuple[str, ...] = setting(
        (), help="words never used as local parts or names on the shared domain, beside those built in"
    )
    protected_brands: tuple[str, ...] = setting(
        (), help="names of others that nobody may bear on the shared domain, look-alikes included"
    )

    def __post_init__(self) -> None:
        if unusable := [each for each in self.protected_brands if len(skeleton(each)) < 2]:
            raise ValueError(
                f"LETTERHEAD_PROTECTED_BRANDS: {unusable[0]!r} has fewer than two letters; "
                "give each brand as it is written, or leave it out"
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
        None,
        help="host:port of identity, which pauses tenants of ill repute; none: it is left at slowing them",
    )
    service_key: config.Secret | None = setting(
        None, help="file with the key that services call each other by; needed with an identity_address"
    )
    reputation_interval: timedelta = setting(
        timedelta(seconds=20), help="seconds between looks at bounces and complaints", minimum=timedelta(0)
    )
    handing_over: bool = setting(
        True, help="false: nothing is handed to SES and nothing expires, for the time after a restore"
    )
    configuration_set: str = setting("letterhead", help="SES configuration set of every email")
    ses_threads: int = setting(16, help="most POSTs of one process at once", minimum=1, maximum=64)
    email_deadline: timedelta = setting(
        timedelta(days=7), help="seconds that an email may wait", minimum=timedelta(minutes=1)
    )
    body_retention: timedelta = setting(
        timedelta(days=7), help="seconds that a body outlives its email's last state"
    )
    email_retention: timedelta = setting(
        timedelta(days=90),
        help="seconds that an email outlives its last state, with recipients, attempts and history",
        minimum=timedelta(days=8),
    )
    request_retention: timedelta = setting(
        timedelta(days=30),
        help="seconds that a request_id is remembered, at most as long as emails are",
        minimum=timedelta(days=1),
    )

    @property
    def place(self) -> Place:
        """Give the account and region that emails leave by."""
        return Place(self.aws.aws_account, self.aws.aws_region)


@asynccontextmanager
async def running(settings: Config) -> AsyncIterator[int]:
    """Run the service while the block does; gives the port it listens on."""
    async with AsyncExitStack() as stack:
        database = await stack.enter_async_context(open_database(settings.database, application_name=SCHEMA))
        stream = await stack.enter_async_context(open_stream(settings.nats, SCHEMA))
        states = EmailStates(body_retention=settings.body_retention)
        feedback = Feedback(states, SuppressionStore(database), UnmatchedStore(database))
        worker_name = f"{platform.node()}:{os.getpid()}"
        claims = ClaimStore(
            database, states, settings.place, shared=settings.shared.sender(), worker=worker_name
        )
        # One thread more than POSTs, so that none of them waits for a heartbeat's.
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
            place=settings.place,
        )
        heartbeat = _heartbeat(settings, database, claims, ses, executor)
        matching = Matching(database, UnmatchedStore(database), feedback)
        pause = await stack.enter_async_context(_pausing(settings))
        rounds = {
            **_rounds_of_emails(settings, database, states, claims, heartbeat),
            **({"heartbeat": heartbeat.rounds} if heartbeat else {}),
            **_rounds_of_tenants(settings, database, pause),
            "match": Rounds("matching", matching.match, interval=timedelta(seconds=1)),
        }
        await stack.enter_async_context(database.listen("sender_emails", worker.loop.wake))
        await stack.enter_async_context(database.listen("webhooks_feedback", rounds["settle"].wake))
        background = [
            *([worker.loop.run] if settings.handing_over else []),
            *(each.run for name, each in rounds.items() if settings.handing_over or name not in HALTED),
            *(each.run for each in _consumers(database, stream, feedback, rounds["release"])),
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
    settings: Config, database: Database, claims: ClaimStore, ses: Ses, executor: Executor
) -> Heartbeat | None:
    """Give what proves that SES's events arrive; None where there is no shared domain to send it from."""
    shared = settings.shared.sender()
    if shared is None:
        return None
    return Heartbeat(database, claims, ses, executor, place=settings.place, domain=shared.domain)


def _rounds_of_emails(
    settings: Config,
    database: Database,
    states: EmailStates,
    claims: ClaimStore,
    heartbeat: Heartbeat | None,
) -> dict[str, Rounds]:
    source = f"{settings.aws.aws_account}:{settings.aws.aws_region}:{settings.configuration_set}"
    upkeep = Upkeep(
        database,
        UpkeepStore(database, source),
        states,
        claims,
        Listening(
            database,
            ListeningStore(database, source),
            settings.windows,
            heartbeat.send if heartbeat else None,
        ),
        windows=settings.windows,
    )
    return {
        "settle": Rounds("settlement", upkeep.settle, interval=timedelta(seconds=1)),
        "expire": Rounds("deadlines", upkeep.expire, interval=timedelta(seconds=2)),
        "supersede": Rounds("superseded domains", upkeep.supersede, interval=timedelta(seconds=2)),
        "release": Rounds("release", upkeep.release, interval=timedelta(seconds=2)),
        "forget": Forgetting(
            database, rules(emails=settings.email_retention, requests=settings.request_retention)
        ).rounds,
        "days": Rounds("days of history", Days(database).turn, interval=timedelta(minutes=10)),
    }


def _rounds_of_tenants(settings: Config, database: Database, pause: Pause | None) -> dict[str, Rounds]:
    limits = LimitStore(database, settings.limits)
    guard = Guard(ReputationStore(database), pause)
    return {
        "limits": Rounds("limits", limits.declare, interval=timedelta(minutes=1)),
        "measures": Rounds("measures", Measures(database).take, interval=MEASURED_EVERY),
        "guard": Rounds("reputation", guard.judge, interval=settings.reputation_interval),
    }


def _consumers(database: Database, stream: Stream, feedback: Feedback, release: Rounds) -> list[Consumer]:
    async def domain_ready(_: Connection, __: Sequence[ReceivedEvent]) -> None:
        release.wake()

    return [
        Consumer(database, stream, SCHEMA, "feedback", list(FEEDBACK), feedback.apply),
        Consumer(database, stream, SCHEMA, "domains", ["domain.ready"], domain_ready),
    ]


@asynccontextmanager
async def _pausing(settings: Config) -> AsyncIterator[Pause | None]:
    """Connect to identity, which alone may change tenants; gives None where there is none to ask."""
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
    emails = EmailStore(database, settings.place)
    accepted = AcceptanceStore(database, deadline=settings.email_deadline)
    acceptance = Acceptance(accepted, emails, shared_domain=shared.domain if shared else None)
    changes = Changes(database, ChangeStore(deadline=settings.email_deadline), emails, states)
    domains = SpecimenStore(database)
    test_addresses = TestAddresses(database, domains, TestAddressStore(database))
    specimens = Specimens(domains, test_addresses, RateBucket(database), acceptance)
    return [
        server.Registration(add, servicer, file.DESCRIPTOR.services_by_name[name].full_name, large)
        for add, servicer, file, name, large in (
            (
                emails_pb2_grpc.add_SenderServiceServicer_to_server,
                SenderServicer(acceptance, emails, changes, specimens),
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
                settlement_pb2_grpc.add_SettlementServiceServicer_to_server,
                SettlementServicer(Decisions(database, DecisionStore(states))),
                settlement_pb2,
                "SettlementService",
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
