"""The gRPC stubs of the services that console calls, each time with the caller's own key.

Console has no key of its own, so a caller can never see another tenant's data through it.
"""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import grpc

from chassis import channels
from letterhead.identity.v1 import api_keys_pb2_grpc, domains_pb2_grpc, links_pb2_grpc, tenants_pb2_grpc
from letterhead.sender.v1 import emails_pb2_grpc, suppressions_pb2_grpc, test_addresses_pb2_grpc
from letterhead.verifier.v1 import verifier_pb2_grpc
from letterhead.webhooks.v1 import webhook_service_pb2_grpc
from services.console.config import Config


class Stubs:
    """The stubs, to call with `chassis.client`."""

    def __init__(
        self,
        *,
        identity: grpc.aio.Channel,
        verifier: grpc.aio.Channel,
        sender: grpc.aio.Channel,
        webhooks: grpc.aio.Channel,
    ) -> None:
        self.tenants = tenants_pb2_grpc.TenantServiceStub(identity)
        self.api_keys = api_keys_pb2_grpc.ApiKeyServiceStub(identity)
        self.links = links_pb2_grpc.LinkServiceStub(identity)
        self.domains = domains_pb2_grpc.DomainServiceStub(identity)
        self.verifier = verifier_pb2_grpc.VerifierServiceStub(verifier)
        self.sender = emails_pb2_grpc.SenderServiceStub(sender)
        self.test_addresses = test_addresses_pb2_grpc.TestAddressServiceStub(sender)
        self.suppressions = suppressions_pb2_grpc.SuppressionServiceStub(sender)
        self.webhooks = webhook_service_pb2_grpc.WebhookServiceStub(webhooks)


@asynccontextmanager
async def open_stubs(settings: Config) -> AsyncIterator[Stubs]:
    """Open one channel to each service until the block ends. Channels reconnect to services that are down."""
    async with AsyncExitStack() as stack:
        identity, verifier, sender, webhooks = [
            await stack.enter_async_context(channels.opened(address, settings.tls))
            for address in (
                settings.identity_address,
                settings.verifier_address,
                settings.sender_address,
                settings.webhooks_address,
            )
        ]
        yield Stubs(identity=identity, verifier=verifier, sender=sender, webhooks=webhooks)
