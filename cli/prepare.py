"""Sets up a new stack: verifies the shared domain, and creates a tenant with API keys."""

from collections.abc import Callable
from dataclasses import fields

from cli.client import Services, connect
from cli.environments import SHARED_DOMAIN
from cli.installation import Installation
from cli.stack import Stack
from cli.until import until
from letterhead.identity.v1.api_keys_pb2 import ApiKey, CreateApiKeyRequest
from letterhead.identity.v1.domains_pb2 import CreateDomainRequest, DnsRecord, Domain, GetDomainRequest
from letterhead.identity.v1.tenants_pb2 import CreateTenantRequest, Tenant
from letterhead.verifier.v1.verifier_pb2 import VerifyDomainRequest, WatchDomainRequest
from sandbox.client import connect_sandbox

TENANT = "Mnexa"


async def prepare(stack: Stack, step: Callable[[str], None]) -> Installation:
    """Set up the shared domain and the tenant `Mnexa` over gRPC, as an operator would."""
    names = {each.name for each in fields(Installation)}  # some addresses are internal to the stack
    known = {name: address for name, address in stack.addresses.items() if name in names}
    installation = Installation(
        **known, api_key=stack.admin_key, admin_key=stack.admin_key, grpc_plaintext=True
    )
    async with connect(installation) as services:
        await _verify_shared_domain(services, installation)
        step(f"shared domain {SHARED_DOMAIN}")
        keys = await _create_tenant(services)
        step(f"tenant {TENANT} and its API keys")
    return Installation(**known, admin_key=stack.admin_key, **keys, grpc_plaintext=True)


async def _verify_shared_domain(services: Services, installation: Installation) -> None:
    """Create and verify the operator's domain, which sends email while a customer's domain is not ready."""
    request = CreateDomainRequest(name=SHARED_DOMAIN, mail_from_label="bounce", request_id="shared-sender")
    domain = (await services.domains.CreateDomain(request)).domain

    async def records() -> Domain | None:
        now = (await services.domains.GetDomain(GetDomainRequest(domain_id=domain.id))).domain
        return now if now.records else None

    domain = await until("SES creates the shared domain's identity", records)
    async with connect_sandbox(installation.control) as sandbox:
        for record in domain.records:
            kind = DnsRecord.Type.Name(record.type).removeprefix("TYPE_")
            await sandbox.publish(kind, record.name, record.value, priority=record.priority)
    await services.verifier.VerifyDomain(VerifyDomainRequest(domain_id=domain.id))

    async def ready() -> Domain | None:
        now = (await services.domains.GetDomain(GetDomainRequest(domain_id=domain.id))).domain
        return now if now.state == Domain.STATE_READY else None

    watch = services.verifier.WatchDomain(WatchDomainRequest(domain_id=domain.id))
    await watch.read()  # a watched domain is checked every second
    await until("the shared domain is READY", ready)
    watch.cancel()


async def _create_tenant(services: Services) -> dict[str, str]:
    """Create a tenant whose unready domains may use the shared domain; return its id and a key per scope."""
    policy = Tenant.UNREADY_POLICY_SHARED
    request = CreateTenantRequest(name=TENANT, unready_policy=policy, request_id="first-tenant")
    tenant = (await services.tenants.CreateTenant(request)).tenant
    scopes = {"api_key": ApiKey.SCOPE_FULL_ACCESS, "sending_key": ApiKey.SCOPE_SENDING_ACCESS}
    keys = {
        name: (
            await services.api_keys.CreateApiKey(
                CreateApiKeyRequest(tenant_id=tenant.id, name=name, scope=scope)
            )
        ).token
        for name, scope in scopes.items()
    }
    return keys | {"tenant": tenant.id}
