"""The identity service: its settings and the wiring of its parts."""

from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from chassis import config, server
from chassis.access import Access
from chassis.config import setting
from chassis.database import open_database
from chassis.errors import Unavailable
from chassis.events import Outbox, Relay, open_stream
from chassis.notifier import Notifier
from chassis.retention import Retention
from chassis.slots import Slots
from chassis.worker import LeaseLoop
from letterhead.identity.v1 import (
    api_keys_pb2,
    api_keys_pb2_grpc,
    domains_pb2,
    domains_pb2_grpc,
    links_pb2,
    links_pb2_grpc,
    tenants_pb2,
    tenants_pb2_grpc,
)
from services.identity.bootstrap import FirstKeys, Keys
from services.identity.servicer.domains import DomainServicer
from services.identity.servicer.keys import ApiKeyServicer
from services.identity.servicer.links import LinkServicer
from services.identity.servicer.tenants import TenantServicer
from services.identity.ses import SesSettings, open_ses
from services.identity.store.claims import CHANNEL
from services.identity.store.deletions import DeletionStore
from services.identity.store.domains import DomainStore, Limits
from services.identity.store.identities import IdentityStore
from services.identity.store.keys import KeyStore
from services.identity.store.links import LinkStore
from services.identity.store.ownership import VERIFIER_CHANGES, OwnershipStore
from services.identity.store.retention import RULES
from services.identity.store.tenants import TenantStore
from services.identity.worker import (
    PATIENCE,
    IdentityWorker,
    OwnershipWorker,
    deletion_loop,
    identity_loop,
)

SCHEMA = "identity"


@dataclass(frozen=True, kw_only=True)
class Config:
    """All settings of the identity service."""

    server: config.Server
    database: config.Database
    nats: config.Nats
    aws: config.AwsControl
    ses: SesSettings
    keys: Keys
    inbound_mx: str | None = setting(
        None, help="host of the MX record shown for receiving email; unset: no such record is shown"
    )
    provisioning_wait: timedelta = setting(
        timedelta(seconds=5), help="seconds that CreateDomain waits for SES", minimum=timedelta(0)
    )
    slow_retry: timedelta = setting(
        timedelta(minutes=5), help="seconds between retries of SES errors that an operator must fix"
    )
    domains_per_tenant: int = setting(10_000, help="maximum number of domains per tenant", minimum=1)
    pending_domains_per_tenant: int = setting(
        50,
        help="maximum number of a tenant's domains that are PROVISIONING, PENDING or FAILED",
        minimum=1,
    )
    keys_per_tenant: int = setting(100, help="maximum number of active API keys per tenant", minimum=1)
    links_per_domain: int = setting(20, help="maximum number of active links per domain", minimum=1)


@asynccontextmanager
async def running(settings: Config) -> AsyncIterator[int]:
    """Run the service until the block exits; yield the port that it listens on."""
    async with AsyncExitStack() as stack:
        database = await stack.enter_async_context(open_database(settings.database, application_name=SCHEMA))
        stream = await stack.enter_async_context(open_stream(settings.nats, SCHEMA))
        ses = await stack.enter_async_context(open_ses(settings.aws, settings.ses))
        outbox, ses_region = Outbox(SCHEMA), (settings.aws.aws_account, settings.aws.aws_region)
        tenants, keys = TenantStore(database, outbox), KeyStore(database, limit=settings.keys_per_tenant)
        ownership = OwnershipStore(database, outbox, inbound_mx=settings.inbound_mx)
        limits = Limits(settings.domains_per_tenant, settings.pending_domains_per_tenant)
        domains = DomainStore(database, outbox, ownership, limits=limits)
        identities = IdentityStore(database, outbox, ses_region, inbound_mx=settings.inbound_mx)
        interval = settings.aws.aws_control_interval
        slots = Slots(database, settings.aws.control_key, interval, patience=PATIENCE, group=SCHEMA)
        worker = IdentityWorker(identities, ses, slots, slow_retry=settings.slow_retry)
        deletions = DeletionStore(database, outbox, ses_region)
        loops: list[LeaseLoop[Any]] = [identity_loop(worker), deletion_loop(deletions)]
        ownership_worker = OwnershipWorker(ownership)
        notifier, first_keys = Notifier(), FirstKeys(tenants, keys, settings.keys)
        with suppress(Unavailable):
            await first_keys.store()
        await stack.enter_async_context(database.listen(CHANNEL, lambda: _wake(notifier, loops)))
        await stack.enter_async_context(database.listen(VERIFIER_CHANGES, ownership_worker.task.wake))
        yield await stack.enter_async_context(
            server.serving(
                settings.server,
                database=database,
                access=Access(database),
                registrations=_registrations(
                    TenantServicer(tenants),
                    ApiKeyServicer(keys),
                    DomainServicer(domains, notifier, settings.aws, patience=settings.provisioning_wait),
                    LinkServicer(LinkStore(database, limit=settings.links_per_domain)),
                ),
                background=[
                    *(loop.run for loop in loops),
                    ownership_worker.task.run,
                    Relay(database, stream, SCHEMA).run,
                    Retention(database, RULES).task.run,
                    first_keys.run,
                ],
                health_checks={"first_keys": first_keys.check},
            )
        )


def _wake(notifier: Notifier, loops: Sequence[LeaseLoop[Any]]) -> None:
    notifier.notify()
    for loop in loops:
        loop.wake()


def _registrations(
    tenants: TenantServicer, keys: ApiKeyServicer, domains: DomainServicer, links: LinkServicer
) -> list[server.Registration]:
    return [
        server.Registration(add, servicer, file.DESCRIPTOR.services_by_name[name].full_name)
        for add, servicer, file, name in (
            (tenants_pb2_grpc.add_TenantServiceServicer_to_server, tenants, tenants_pb2, "TenantService"),
            (api_keys_pb2_grpc.add_ApiKeyServiceServicer_to_server, keys, api_keys_pb2, "ApiKeyService"),
            (domains_pb2_grpc.add_DomainServiceServicer_to_server, domains, domains_pb2, "DomainService"),
            (links_pb2_grpc.add_LinkServiceServicer_to_server, links, links_pb2, "LinkService"),
        )
    ]


if __name__ == "__main__":
    server.main(running, Config)
