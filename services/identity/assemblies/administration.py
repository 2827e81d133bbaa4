"""Tenants, their contacts and API keys, among them the first ones, and the deletion of old rows."""

from contextlib import suppress

from chassis.assembly import Assembly, Platform
from chassis.errors import Unavailable
from chassis.retention import Retention
from chassis.server import Registration
from letterhead.identity.v1.api_keys_pb2_grpc import add_ApiKeyServiceServicer_to_server
from letterhead.identity.v1.contacts_pb2_grpc import add_ContactServiceServicer_to_server
from letterhead.identity.v1.tenants_pb2_grpc import add_TenantServiceServicer_to_server
from services.identity.bootstrap import FirstKeys
from services.identity.config import Config
from services.identity.servicer.contacts import ContactServicer
from services.identity.servicer.keys import ApiKeyServicer
from services.identity.servicer.tenants import TenantServicer
from services.identity.store.contacts import ContactStore
from services.identity.store.keys import KeyStore
from services.identity.store.retention import RULES
from services.identity.store.tenants import TenantStore


async def administration(settings: Config, platform: Platform) -> Assembly:
    """Serve tenants, contacts and API keys.

    Store the first keys now if Postgres is up, otherwise in the background.
    """
    tenants = TenantStore(platform.database, platform.outbox)
    contacts = ContactStore(platform.database, platform.outbox)
    keys = KeyStore(platform.database, limit=settings.keys_per_tenant)
    first_keys = FirstKeys(tenants, keys, settings.keys)
    with suppress(Unavailable):
        await first_keys.store()
    return Assembly(
        registrations=[
            Registration(add_TenantServiceServicer_to_server, TenantServicer(tenants)),
            Registration(add_ContactServiceServicer_to_server, ContactServicer(contacts)),
            Registration(add_ApiKeyServiceServicer_to_server, ApiKeyServicer(keys)),
        ],
        background=[first_keys.run, Retention(platform.database, RULES).task.run],
        health_checks={"first_keys": first_keys.check},
    )
