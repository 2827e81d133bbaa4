"""Endpoints: callers manage them, and read what deliverer posted to them."""

from chassis.assembly import Assembly, Platform
from chassis.sealing import Seal
from chassis.server import Registration
from letterhead.webhooks.v1 import webhook_service_pb2_grpc
from services.webhooks.config import Config
from services.webhooks.servicer.webhooks import WebhookServicer
from services.webhooks.store.deliveries import DeliveryStore
from services.webhooks.store.endpoints import EndpointStore


def endpoints(settings: Config, platform: Platform) -> Assembly:
    """Return WebhookService."""
    keys = settings.endpoints.webhook_keys
    store = EndpointStore(
        platform.database, Seal(keys) if keys else None, limit=settings.endpoints.endpoints_per_tenant
    )
    servicer = WebhookServicer(store, DeliveryStore(platform.database), settings.endpoints.destinations)
    add = webhook_service_pb2_grpc.add_WebhookServiceServicer_to_server
    return Assembly(registrations=[Registration(add, servicer)])
