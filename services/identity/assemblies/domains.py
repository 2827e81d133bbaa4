"""Domains, links to their pages, and the decisions about who owns each name."""

from chassis.assembly import Assembly, Platform
from chassis.notifier import Notifier
from chassis.server import Registration
from letterhead.identity.v1.domains_pb2_grpc import add_DomainServiceServicer_to_server
from letterhead.identity.v1.links_pb2_grpc import add_LinkServiceServicer_to_server
from services.identity.config import Config
from services.identity.servicer.domains import DomainServicer
from services.identity.servicer.links import LinkServicer
from services.identity.store.claims import CHANNEL
from services.identity.store.domains import DomainStore
from services.identity.store.links import LinkStore
from services.identity.store.ownership import VERIFIER_CHANGES, OwnershipStore
from services.identity.worker import OwnershipWorker


def domains(settings: Config, platform: Platform) -> Assembly:
    """Serve domains and links, and decide ownership whenever verifier reports a change."""
    ownership = OwnershipStore(platform.database, platform.outbox, inbound_mx=settings.inbound_mx)
    store = DomainStore(
        platform.database,
        platform.outbox,
        ownership,
        limit=settings.domains_per_tenant,
        pending_limit=settings.pending_domains_per_tenant,
    )
    links = LinkStore(platform.database, limit=settings.links_per_domain)
    notifier, worker = Notifier(), OwnershipWorker(ownership)
    regions = [each.ses_region for each in settings.aws.regions]
    servicer = DomainServicer(store, notifier, regions, patience=settings.provisioning_wait)
    return Assembly(
        registrations=[
            Registration(add_DomainServiceServicer_to_server, servicer),
            Registration(add_LinkServiceServicer_to_server, LinkServicer(links)),
        ],
        background=[worker.task.run],
        wakes=[(CHANNEL, notifier.notify), (VERIFIER_CHANGES, worker.task.wake)],
    )
