"""Commands for the ownership of a domain: adopt and transfer for operators, release for its tenant."""

from typing import Annotated

import grpc
import typer

from cli.client import Services, connect
from cli.commands.output import name_of
from cli.commands.tenants import as_operator, find_tenant
from cli.exit_status import run
from cli.installation import Installation
from cli.printer import Printer
from letterhead.identity.v1.domains_pb2 import (
    AdoptDomainRequest,
    CreateDomainRequest,
    Domain,
    GetDomainRequest,
    ReleaseDomainRequest,
)

Why = Annotated[str, typer.Option("--reason", help="The reason, recorded in the domain's history.")]


def adopt_domain(
    name: str, *, tenant: Annotated[str, typer.Option(help="The tenant's id or name.")], reason: Why
) -> None:
    """Mark a tenant's claim to a domain as proven without a TXT record. Requires an admin key."""
    run(_adopt(name, tenant, reason, create=False))


def transfer_domain(
    name: str, *, to: Annotated[str, typer.Option(help="The tenant's id or name.")], reason: Why
) -> None:
    """Transfer a domain to another tenant; its current owner loses it. Requires an admin key."""
    run(_adopt(name, to, reason, create=True))


def release_domain(name: str, *, reason: Why = "") -> None:
    """Release a domain to the account that has proved control of it and is waiting."""
    run(_release(name, reason))


async def _adopt(name: str, name_or_id: str, reason: str, *, create: bool) -> None:
    async with as_operator() as services:
        tenant = await find_tenant(services, name_or_id)
        domain = await _domain_of(services, tenant.id, name, create=create)
        request = AdoptDomainRequest(domain_id=domain.id, reason=reason)
        domain = (await services.domains.AdoptDomain(request)).domain
    Printer().good(
        f"{domain.name} belongs to {tenant.name}: {name_of(Domain.Ownership, domain.ownership)}. "
        f"Show its records with `letterhead domains show {domain.name}`."
    )


async def _domain_of(services: Services, tenant_id: str, name: str, *, create: bool) -> Domain:
    """Return a tenant's domain by name; with `create`, create it if the tenant does not have it."""
    try:
        found = await services.domains.GetDomain(GetDomainRequest(tenant_id=tenant_id, name=name))
    except grpc.aio.AioRpcError as error:
        if not create or error.code() is not grpc.StatusCode.NOT_FOUND:
            raise
        created = await services.domains.CreateDomain(CreateDomainRequest(tenant_id=tenant_id, name=name))
        return created.domain
    return found.domain


async def _release(name: str, reason: str) -> None:
    async with connect(Installation.read()) as services:
        domain = (await services.domains.GetDomain(GetDomainRequest(name=name))).domain
        request = ReleaseDomainRequest(domain_id=domain.id, reason=reason)
        domain = (await services.domains.ReleaseDomain(request)).domain
    Printer().good(f"{domain.name} is released: {name_of(Domain.Ownership, domain.ownership)}")
