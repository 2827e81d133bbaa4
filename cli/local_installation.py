"""Starts an installation on this machine and sets it up as an operator would, over gRPC.

The set-up verifies the shared domain, and creates a tenant with API keys.
"""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import fields

from cli.client import Services, connect
from cli.dns_records import type_of
from cli.environments import SECOND_REGION, SECOND_SHARED_DOMAIN, SHARED_DOMAIN
from cli.installation import FILE, Installation
from cli.polling import until
from cli.printer import Printer
from cli.stack import Echo, Plan, Stack
from letterhead.access.v1 import scope_pb2
from letterhead.identity.v1.api_keys_pb2 import CreateApiKeyRequest
from letterhead.identity.v1.domains_pb2 import CreateDomainRequest, Domain, GetDomainRequest
from letterhead.identity.v1.tenants_pb2 import CreateTenantRequest, Tenant
from letterhead.verifier.v1.verifier_pb2 import VerifyDomainRequest, WatchDomainRequest
from sandbox.client import connect_sandbox
from services import PROCESSES

TENANT = "Mnexa"
# The number of steps that `Stack.start` and `_set_up` report: one for each process, and six others.
STEPS = len(PROCESSES) + 6


@asynccontextmanager
async def running(plan: Plan, printer: Printer, echo: Echo) -> AsyncIterator[tuple[Stack, Installation]]:
    """Start a stack and set it up; stop it at the end of the block."""
    stack = Stack(plan, echo)
    try:
        with printer.progress("starting", STEPS) as steps:
            await stack.start(steps.done)
            installation = await _set_up(stack, steps.done)
        installation.write(plan.home / FILE.name)
        yield stack, installation
    finally:
        await stack.stop()


async def _set_up(stack: Stack, step: Callable[[str], None]) -> Installation:
    names = {each.name for each in fields(Installation)}  # some addresses are internal to the stack
    known = {name: address for name, address in stack.addresses.items() if name in names}
    plaintext = stack.plan.tls.grpc_plaintext
    installation = Installation(
        **known, api_key=stack.admin_key, admin_key=stack.admin_key, grpc_plaintext=plaintext
    )
    async with connect(installation) as services:
        await _verify_shared_domain(services, installation, SHARED_DOMAIN)
        if stack.plan.two_regions:
            await _verify_shared_domain(services, installation, SECOND_SHARED_DOMAIN, SECOND_REGION)
        step(f"shared domain {SHARED_DOMAIN}")
        keys = await _create_tenant(services)
        step(f"tenant {TENANT} and its API keys")
    return Installation(**known, admin_key=stack.admin_key, **keys, grpc_plaintext=plaintext)


async def _verify_shared_domain(
    services: Services, installation: Installation, name: str, region: str = ""
) -> None:
    """Create and verify the operator's domain, which sends email while a customer's domain is not ready."""
    request = CreateDomainRequest(name=name, region=region, mail_from_label="bounce", request_id=name)
    domain = (await services.domains.CreateDomain(request)).domain

    async def records() -> Domain | None:
        now = (await services.domains.GetDomain(GetDomainRequest(domain_id=domain.id))).domain
        return now if now.records else None

    domain = await until("SES creates the shared domain's identity", records)
    async with connect_sandbox(installation.control) as sandbox:
        for record in domain.records:
            await sandbox.publish(type_of(record), record.name, record.value, priority=record.priority)
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
    scopes = {"api_key": scope_pb2.SCOPE_FULL_ACCESS, "sending_key": scope_pb2.SCOPE_SENDING_ACCESS}
    keys = {
        name: (
            await services.api_keys.CreateApiKey(
                CreateApiKeyRequest(tenant_id=tenant.id, name=name, scope=scope)
            )
        ).token
        for name, scope in scopes.items()
    }
    return keys | {"tenant": tenant.id}
