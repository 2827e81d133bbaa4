"""Endpoints: callers manage them, and read what deliverer posted to them; their secrets get the first key."""

from datetime import timedelta

from chassis.assembly import Assembly, Platform
from chassis.periodic import PeriodicTask
from chassis.sealing import Seal
from chassis.server import Registration
from letterhead.webhooks.v1 import webhook_service_pb2_grpc
from services.webhooks.config import Config
from services.webhooks.servicer.webhooks import WebhookServicer
from services.webhooks.store.deliveries import DeliveryStore
from services.webhooks.store.endpoints import EndpointStore
from services.webhooks.store.secrets import SecretStore

# Replicas that were not restarted since the file changed still encrypt with the old key.
RESEAL = timedelta(minutes=5)


def endpoints(settings: Config, platform: Platform) -> Assembly:
    """Return WebhookService and, if there are keys, the task that encrypts all secrets with the first."""
    keys = settings.endpoints.webhook_keys
    seal = Seal(keys) if keys else None
    store = EndpointStore(platform.database, seal, limit=settings.endpoints.endpoints_per_tenant)
    servicer = WebhookServicer(store, DeliveryStore(platform.database), settings.endpoints.destinations)
    add = webhook_service_pb2_grpc.add_WebhookServiceServicer_to_server
    background = []
    if seal:
        secrets = SecretStore(platform.database, seal)
        background.append(PeriodicTask("keys of secrets", secrets.reseal, interval=RESEAL).run)
    return Assembly(registrations=[Registration(add, servicer)], background=background)
