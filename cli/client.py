"""gRPC client of the services: the generated stubs, called with an API key."""

from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager

import grpc

from chassis import channels
from chassis.client import failure_of, interceptors_for
from chassis.reasons import worded
from cli.installation import Installation
from letterhead.identity.v1 import (
    api_keys_pb2_grpc,
    contacts_pb2_grpc,
    domains_pb2_grpc,
    links_pb2_grpc,
    tenants_pb2_grpc,
)
from letterhead.sender.v1 import (
    emails_pb2_grpc,
    resolution_pb2_grpc,
    suppressions_pb2_grpc,
    test_addresses_pb2_grpc,
)
from letterhead.verifier.v1 import verifier_pb2_grpc
from letterhead.webhooks.v1 import feedback_pb2_grpc, webhook_service_pb2_grpc
from services import with_grpc

# By error reason: what to do on the command line. The message of a service names its RPCs.
HINTS: Mapping[str, str] = {
    "KEY_MISSING": "Set LETTERHEAD_API_KEY_FILE to a file with an API key.",
    "KEY_INVALID": "Check the file that LETTERHEAD_API_KEY_FILE names.",
    "KEY_NOT_FOUND": "`letterhead keys list` lists the active keys.",
    "KEY_REPLACED": "`letterhead keys rotate {replaced_by}` replaces that one.",
    "TENANT_NOT_FOUND": "`letterhead tenants list` lists the tenants.",
    "CONTACT_CODE_ENDED": "`letterhead contacts set` sends a new code.",
    "DOMAIN_NOT_FOUND": "`letterhead domains list` lists the domains.",
    "DOMAIN_EXISTS": "`letterhead domains show {name}` shows it and its records.",
    "ENDPOINT_NOT_FOUND": "`letterhead webhooks list` lists the endpoints.",
    "ENDPOINT_EVENT_NOT_FOUND": "`letterhead webhooks events` lists the events of an endpoint.",
    "ENDPOINT_DISABLED": "`letterhead webhooks update --enable` enables it.",
}


class Services:
    """Stubs of all services, called with one API key."""

    def __init__(self, channels: Mapping[str, grpc.aio.Channel]) -> None:
        self.tenants = tenants_pb2_grpc.TenantServiceStub(channels["identity"])
        self.api_keys = api_keys_pb2_grpc.ApiKeyServiceStub(channels["identity"])
        self.contacts = contacts_pb2_grpc.ContactServiceStub(channels["identity"])
        self.links = links_pb2_grpc.LinkServiceStub(channels["identity"])
        self.domains = domains_pb2_grpc.DomainServiceStub(channels["identity"])
        self.verifier = verifier_pb2_grpc.VerifierServiceStub(channels["verifier"])
        self.sender = emails_pb2_grpc.SenderServiceStub(channels["sender"])
        self.resolution = resolution_pb2_grpc.ResolutionServiceStub(channels["sender"])
        self.test_addresses = test_addresses_pb2_grpc.TestAddressServiceStub(channels["sender"])
        self.suppressions = suppressions_pb2_grpc.SuppressionServiceStub(channels["sender"])
        self.feedback = feedback_pb2_grpc.FeedbackServiceStub(channels["webhooks"])
        self.webhooks = webhook_service_pb2_grpc.WebhookServiceStub(channels["webhooks"])


@asynccontextmanager
async def connect(installation: Installation, key: str | None = None) -> AsyncIterator[Services]:
    """Open channels to the services; `key` defaults to the installation's `api_key`."""
    interceptors = interceptors_for(key or installation.api_key)
    tls = installation.tls
    async with AsyncExitStack() as stack:
        yield Services(
            {
                each.name: await stack.enter_async_context(
                    channels.opened(getattr(installation, each.name), tls, interceptors)
                )
                for each in with_grpc()
            }
        )


def explain(error: grpc.aio.AioRpcError) -> list[str]:
    """Return a failed call as lines to print: the error, the invalid fields, what to do, when to retry."""
    failure = failure_of(error)
    if failure.reason == "INVALID_FIELD":
        lines = [f"{error.code().name}: The request is invalid."]
        lines += [f"  {each.field}: {each.description}" for each in failure.violations]
    else:
        lines = [f"{error.code().name}: {error.details()}"]
    if hint := worded(HINTS, failure.reason, failure.metadata, ""):
        lines.append(f"  {hint}")
    if failure.retry_after is not None:
        lines.append(f"  Try again in {failure.retry_after.total_seconds():g} s.")
    return lines
