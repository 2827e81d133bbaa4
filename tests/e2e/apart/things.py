"""Two tenants: the resources of one, ids that do not exist, and the keys of the other."""

import re
from dataclasses import asdict, dataclass
from datetime import timedelta
from uuid import uuid4

from cli.client import Services, connect
from letterhead.access.v1 import scope_pb2
from letterhead.identity.v1.api_keys_pb2 import CreateApiKeyRequest
from letterhead.identity.v1.domains_pb2 import CreateDomainRequest, Domain
from letterhead.identity.v1.links_pb2 import CreateLinkRequest
from letterhead.identity.v1.tenants_pb2 import CreateTenantRequest, Tenant
from letterhead.sender.v1.suppressions_pb2 import AddSuppressionRequest
from letterhead.webhooks.v1.webhook_service_pb2 import (
    EVENT_TYPE_EMAIL_SENT,
    CreateEndpointRequest,
    ListEventsRequest,
    SendTestRequest,
)
from tests.e2e.conftest import World
from tests.factories import a_name
from tests.integration.sender.callers import a_request
from tests.waiting import eventually

_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
SUBJECT = "An email of the one tenant's"


@dataclass(frozen=True)
class Things:
    """The names and ids of one tenant's resources, or made-up ones."""

    tenant_id: str
    domain_id: str
    domain_name: str
    email_id: str
    key_id: str
    link_id: str
    suppression_id: str
    endpoint_id: str
    event_id: str
    address: str

    @classmethod
    def of_nobody(cls) -> "Things":
        """Return names and ids that do not exist."""
        tenant, domain, email, key, link, suppression, endpoint = (str(uuid4()) for _ in range(7))
        address = f"{uuid4().hex[:8]}@example.com"
        event = f"msg_{uuid4().hex}"
        return cls(tenant, domain, a_name(), email, key, link, suppression, endpoint, event, address)

    @property
    def names(self) -> list[str]:
        """Return all names and ids."""
        return list(asdict(self).values())

    def hidden(self, text: str) -> str:
        """Return the text with these names and all other ids replaced by placeholders."""
        for field, name in asdict(self).items():
            text = text.replace(name, f"<{field}>")
        return _UUID.sub("<id>", text)

    def reported(self, text: str, asked: str) -> set[str]:
        """Return the names in an answer that were not in the request."""
        return {name for name in (*self.names, SUBJECT) if name in text and name not in asked}


@dataclass(frozen=True)
class Stranger:
    """Another tenant's API keys and link."""

    full: str
    sending: str
    link: str
    domain_id: str

    @property
    def tokens(self) -> dict[str, str]:
        """Return the tokens by kind."""
        return {"full_access": self.full, "sending_access": self.sending, "link": self.link}


async def an_owner(world: World) -> tuple[Things, str]:
    """Create a tenant with one resource of each kind; return the resources and its full-access key."""
    tenant_id, key, _ = await _a_tenant(world)
    async with connect(world.installation, key) as services:
        domain = await _a_domain(world, key)
        link = await services.links.CreateLink(CreateLinkRequest(domain_id=domain.id, name="Theirs"))
        other = await services.api_keys.CreateApiKey(
            CreateApiKeyRequest(name="Theirs", scope=scope_pb2.SCOPE_SENDING_ACCESS)
        )
        email = a_request(f"agent@{domain.name}", "ada@example.com", subject=SUBJECT)
        email.send_time.GetCurrentTime()
        email.send_time.seconds += 7 * 24 * 3600  # scheduled, so that it could be changed and canceled
        sent = (await services.sender.SendEmail(email)).email
        address = f"{uuid4().hex[:8]}@example.com"
        added = await services.suppressions.AddSuppression(AddSuppressionRequest(address=address))
        request = CreateEndpointRequest(
            url=f"{world.installation.receiver}/theirs", event_types=[EVENT_TYPE_EMAIL_SENT]
        )
        endpoint = (await services.webhooks.CreateEndpoint(request)).endpoint
        event_id = await _a_posted_event(services, endpoint.id)
    made = (tenant_id, domain.id, domain.name, sent.id, other.api_key.id, link.link.id)
    return Things(*made, added.suppression.id, endpoint.id, event_id, address), key


async def _a_posted_event(services: Services, endpoint_id: str) -> str:
    """Post a test event to an endpoint; return its id once it can be read."""
    posted = await services.webhooks.SendTest(SendTestRequest(endpoint_id=endpoint_id))

    async def stored() -> bool:
        events = await services.webhooks.ListEvents(ListEventsRequest(endpoint_id=endpoint_id))
        return posted.event_id in {event.id for event in events.events}

    await eventually(stored, timedelta(seconds=60))
    return posted.event_id


async def a_stranger(world: World) -> Stranger:
    """Create another tenant; return its keys and a link to its own domain."""
    _, full, sending = await _a_tenant(world)
    domain = await _a_domain(world, full)
    async with connect(world.installation, full) as services:
        link = await services.links.CreateLink(CreateLinkRequest(domain_id=domain.id))
    return Stranger(full, sending, link.token, domain.id)


async def _a_tenant(world: World) -> tuple[str, str, str]:
    """Create a tenant; return its id and a key of each scope."""
    request = CreateTenantRequest(name=f"tenant {uuid4()}", unready_policy=Tenant.UNREADY_POLICY_SHARED)
    tenant = (await world.admin.tenants.CreateTenant(request)).tenant
    scopes = (scope_pb2.SCOPE_FULL_ACCESS, scope_pb2.SCOPE_SENDING_ACCESS)
    keys = [
        await world.admin.api_keys.CreateApiKey(
            CreateApiKeyRequest(tenant_id=tenant.id, name="test", scope=scope)
        )
        for scope in scopes
    ]
    return tenant.id, keys[0].token, keys[1].token


async def _a_domain(world: World, key: str) -> Domain:
    async with connect(world.installation, key) as services:
        domain: Domain = (await services.domains.CreateDomain(CreateDomainRequest(name=a_name()))).domain
    return domain
