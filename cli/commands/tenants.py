"""Commands for operators to manage tenants. They require an admin key."""

from contextlib import AbstractAsyncContextManager
from typing import Annotated, Literal

import typer
from google.protobuf.field_mask_pb2 import FieldMask

from cli.client import Services, connect
from cli.commands.output import name_of
from cli.exit_status import USAGE, end, run
from cli.installation import Installation
from cli.printer import Printer
from letterhead.access.v1 import scope_pb2
from letterhead.identity.v1.api_keys_pb2 import CreateApiKeyRequest, CreateApiKeyResponse
from letterhead.identity.v1.tenants_pb2 import (
    Allowance,
    CreateTenantRequest,
    GetTenantRequest,
    ListTenantsRequest,
    PauseTenantRequest,
    ResumeTenantRequest,
    Tenant,
    UpdateTenantRequest,
)

tenants = typer.Typer(no_args_is_help=True, help="Add, show, limit, pause and resume tenants.")
PAGE = 1000
FIRST_KEY = "first key"

Limit = Literal["max_send_rate", "daily_limit"]
Rate = Annotated[float | None, typer.Option(min=0.01, max=100_000, help="Maximum recipients per second.")]
Daily = Annotated[int | None, typer.Option(min=0, max=10**9, help="Maximum recipients per day (UTC).")]


@tenants.command("list")
def list_tenants() -> None:
    """List all tenants."""
    run(_list())


@tenants.command("show")
def show_tenant(tenant: str) -> None:
    """Show a tenant, by id or name, with its limits and what it sent today."""
    run(_show(tenant))


@tenants.command("add")
def add_tenant(
    name: str,
    *,
    rate: Rate = None,
    daily: Daily = None,
    key: Annotated[
        bool, typer.Option("--key/--no-key", help="Also create its first API key, and print the token.")
    ] = True,
) -> None:
    """Create a tenant and its first API key, whose token is not shown again."""
    run(_add(CreateTenantRequest(name=name, max_send_rate=rate, daily_limit=daily), with_key=key))


@tenants.command("limit")
def limit_tenant(
    tenant: str,
    *,
    rate: Rate = None,
    daily: Daily = None,
    no_rate: Annotated[
        bool, typer.Option("--no-rate", help="Reset the rate to the installation's default.")
    ] = False,
    no_daily: Annotated[
        bool, typer.Option("--no-daily", help="Reset the daily limit to the installation's default.")
    ] = False,
) -> None:
    """Change a tenant's sending limits."""
    if (no_rate and rate is not None) or (no_daily and daily is not None):
        end(USAGE, "Set a limit or reset it, not both.")
    named = {"max_send_rate": no_rate or rate is not None, "daily_limit": no_daily or daily is not None}
    if not any(named.values()):
        end(USAGE, "Give at least one of --rate, --daily, --no-rate and --no-daily.")
    paths = [path for path, is_named in named.items() if is_named]
    run(_limit(tenant, Tenant(max_send_rate=rate, daily_limit=daily), paths))


@tenants.command("pause")
def pause_tenant(
    tenant: str, *, why: Annotated[str, typer.Option(help="The reason, shown to the tenant.")]
) -> None:
    """Pause a tenant: its email waits."""
    run(_pause(tenant, why))


@tenants.command("resume")
def resume_tenant(tenant: str) -> None:
    """Resume a paused tenant: its email is sent again."""
    run(_resume(tenant))


async def _list() -> None:
    async with as_operator() as services:
        found = await _all(services)
    Printer().table(("name", "state", "id", "rate limit", "daily limit", "pause reason"), [
        (each.name, name_of(Tenant.State, each.state), each.id, _own(each, "max_send_rate"),
         _own(each, "daily_limit"), each.pause_reason)
        for each in found
    ])  # fmt: skip


async def _show(name_or_id: str) -> None:
    async with as_operator() as services:
        found = await find_tenant(services, name_or_id)
        request = GetTenantRequest(tenant_id=found.id)
        tenant = (await services.tenants.GetTenant(request)).tenant
    _print(tenant)


async def _add(request: CreateTenantRequest, *, with_key: bool) -> None:
    printer = Printer()
    async with as_operator() as services:
        tenant = (await services.tenants.CreateTenant(request)).tenant
        printer.good(f"{tenant.name}: {tenant.id}")
        if with_key:
            first = CreateApiKeyRequest(
                tenant_id=tenant.id, name=FIRST_KEY, scope=scope_pb2.SCOPE_FULL_ACCESS
            )
            _print_first_key(printer, await services.api_keys.CreateApiKey(first))


def _print_first_key(printer: Printer, made: CreateApiKeyResponse) -> None:
    printer.say(f"API key: {made.token}")
    printer.say("It may do everything in this tenant. Store it now: it is not shown again.")
    printer.say("Next, with the key in a file that LETTERHEAD_API_KEY_FILE names, add the tenant's domain:")
    printer.say("letterhead domains add inbox.example.com")


async def _limit(name_or_id: str, limits: Tenant, paths: list[str]) -> None:
    async with as_operator() as services:
        limits.id = (await find_tenant(services, name_or_id)).id
        await services.tenants.UpdateTenant(
            UpdateTenantRequest(tenant=limits, update_mask=FieldMask(paths=paths))
        )
        tenant = (await services.tenants.GetTenant(GetTenantRequest(tenant_id=limits.id))).tenant
    _print(tenant)


async def _pause(name_or_id: str, why: str) -> None:
    async with as_operator() as services:
        request = PauseTenantRequest(tenant_id=(await find_tenant(services, name_or_id)).id, reason=why)
        tenant = (await services.tenants.PauseTenant(request)).tenant
    Printer().good(f"{tenant.name} is paused. Resume it with `letterhead tenants resume {tenant.id}`.")


async def _resume(name_or_id: str) -> None:
    async with as_operator() as services:
        request = ResumeTenantRequest(tenant_id=(await find_tenant(services, name_or_id)).id)
        tenant = (await services.tenants.ResumeTenant(request)).tenant
    Printer().good(f"{tenant.name} is resumed")


def as_operator() -> AbstractAsyncContextManager[Services]:
    """Connect with the admin key."""
    installation = Installation.read()
    return connect(installation, installation.admin_key)


async def _all(services: Services) -> list[Tenant]:
    found: list[Tenant] = []
    token = ""
    while True:
        request = ListTenantsRequest(page_size=PAGE, page_token=token)
        answer = await services.tenants.ListTenants(request)
        found += answer.tenants
        token = answer.next_page_token
        if not token:
            return found


async def find_tenant(services: Services, name_or_id: str) -> Tenant:
    """Return the tenant with this id or name; exit if there is none."""
    found = [tenant for tenant in await _all(services) if name_or_id in (tenant.id, tenant.name)]
    if not found:
        end(USAGE, f"No tenant {name_or_id!r}. List all tenants with `letterhead tenants list`.")
    return found[0]


def _print(tenant: Tenant) -> None:
    allowance, printer = tenant.allowance, Printer()
    printer.heading(f"{tenant.name}: {name_of(Tenant.State, tenant.state)}")
    printer.say(tenant.pause_reason)
    printer.table(("recipients", "limit", "sent"), [
        ("per second", _in_force(allowance, "max_send_rate", "SES's rate"), ""),
        ("today (UTC)", _in_force(allowance, "daily_limit", "none"), allowance.sent_today),
    ])  # fmt: skip
    if allowance.slow_reason:
        until = allowance.slow_until_time.ToJsonString()
        printer.waiting(f"throttled until {until}, or longer if the cause persists: {allowance.slow_reason}")


def _own(tenant: Tenant, field: Limit) -> str:
    return f"{getattr(tenant, field):.12g}" if tenant.HasField(field) else ""


def _in_force(allowance: Allowance, field: Limit, otherwise: str) -> str:
    return f"{getattr(allowance, field):.12g}" if allowance.HasField(field) else otherwise
