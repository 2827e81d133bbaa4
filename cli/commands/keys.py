"""Commands for API keys: your own tenant's, and for operators those of any tenant and of the services."""

import re
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime, timedelta
from typing import Annotated, Literal

import typer

from cli.client import Services, connect
from cli.commands.output import name_of
from cli.commands.tenants import as_operator, find_tenant
from cli.exit_status import USAGE, end, run
from cli.installation import Installation
from cli.printer import Printer
from letterhead.access.v1 import scope_pb2
from letterhead.identity.v1.api_keys_pb2 import (
    ApiKey,
    CreateApiKeyRequest,
    ListApiKeysRequest,
    RevokeApiKeyRequest,
    RotateApiKeyRequest,
    RotateApiKeyResponse,
)
from services import PROCESSES

keys = typer.Typer(no_args_is_help=True, help="Create, list, rotate and revoke API keys.")
PAGE = 1000
UNITS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}
# The Secrets with the key that the services call each other by, one for each of these processes.
HOLDERS = tuple(each.name for each in PROCESSES if "service-key" in each.secrets)

Tenant = Annotated[
    str | None,
    typer.Option("--tenant", help="A tenant, by id or name, with an admin key; default: your own."),
]
KeyId = Annotated[str, typer.Argument(help="The id of the key: `letterhead keys list`.")]
NewScope = Literal["full", "sending"]


@keys.command("list")
def list_keys(
    *,
    tenant: Tenant = None,
    ended: Annotated[bool, typer.Option("--ended", help="Also list revoked and expired keys.")] = False,
) -> None:
    """List API keys, newest first, without their tokens."""
    run(_list(tenant, ended=ended))


@keys.command("create")
def create_key(
    name: str,
    *,
    scope: Annotated[NewScope, typer.Option(help="What the key may do: everything, or only send.")] = "full",
    tenant: Tenant = None,
) -> None:
    """Create an API key and print its token, which is not shown again."""
    run(_create(name, scope, tenant))


@keys.command("rotate")
def rotate_key(
    key_id: Annotated[str | None, typer.Argument(help="The id of the key: `letterhead keys list`.")] = None,
    *,
    overlap: Annotated[
        str, typer.Option(help="How long the old key still works: 0s to 30d, such as 30m, 12h or 7d.")
    ] = "24h",
    service: Annotated[
        bool, typer.Option("--service", help="Rotate the key that the services call each other by.")
    ] = False,
) -> None:
    """Replace an API key: print a new token, which works at once; the old key ends after the overlap."""
    if (key_id is None) is not service:
        end(USAGE, "Give either the id of a key or --service.")
    run(_rotate_service_key(_overlap(overlap)) if key_id is None else _rotate(key_id, _overlap(overlap)))


@keys.command("revoke")
def revoke_key(key_id: KeyId) -> None:
    """Revoke an API key: it is rejected within a second."""
    run(_revoke(key_id))


async def _list(tenant: str | None, *, ended: bool) -> None:
    async with _caller(tenant) as services:
        found = [each async for each in _all(services, await _tenant_id(services, tenant), live=not ended)]
    Printer().table(("id", "name", "scope", "ends with", "created", "state"), [
        (each.id, each.name, name_of(scope_pb2.Scope, each.scope), each.hint,
         _time(each.create_time.ToDatetime(tzinfo=UTC)), _state(each))
        for each in found
    ])  # fmt: skip


async def _create(name: str, scope: NewScope, tenant: str | None) -> None:
    value = {"full": scope_pb2.SCOPE_FULL_ACCESS, "sending": scope_pb2.SCOPE_SENDING_ACCESS}[scope]
    async with _caller(tenant) as services:
        tenant_id = await _tenant_id(services, tenant)
        made = await services.api_keys.CreateApiKey(
            CreateApiKeyRequest(tenant_id=tenant_id, name=name, scope=value)
        )
    printer = Printer()
    printer.say(made.token)
    printer.good(f"key {made.api_key.id}. Store its token now: it is not shown again.")


async def _rotate(key_id: str, overlap: timedelta) -> None:
    async with connect(Installation.read()) as services:
        rotated = await _rotated(services, key_id, overlap)
    _print(rotated)
    Printer().say("Put the new token where the old one is used.")


async def _rotate_service_key(overlap: timedelta) -> None:
    """Rotate the one live key of scope SERVICE; exit if it is not one."""
    async with as_operator() as services:
        found = [
            each
            async for each in _all(services, "", live=True)
            if each.scope == scope_pb2.SCOPE_SERVICE and not each.replaced_by
        ]
        if len(found) != 1:
            end(USAGE, f"There are {len(found)} active service keys. List them: `letterhead keys list`.")
        rotated = await _rotated(services, found[0].id, overlap)
    _print(rotated)
    secrets = ", ".join(f"letterhead-{each}" for each in HOLDERS)
    printer = Printer()
    printer.say(
        f"Put the new token into the file `service-key` of the Secrets {secrets} before the old key ends,"
    )
    printer.say("restart these services, and check with `letterhead doctor`.")


async def _rotated(services: Services, key_id: str, overlap: timedelta) -> RotateApiKeyResponse:
    request = RotateApiKeyRequest(api_key_id=key_id)
    request.overlap.FromTimedelta(overlap)
    response: RotateApiKeyResponse = await services.api_keys.RotateApiKey(request)
    return response


def _print(rotated: RotateApiKeyResponse) -> None:
    printer, old = Printer(), rotated.replaced
    printer.say(rotated.token)
    printer.good(f"key {rotated.api_key.id} works now. Store its token now: it is not shown again.")
    printer.waiting(f"key {old.id} (…{old.hint}) ends {_time(old.expire_time.ToDatetime(tzinfo=UTC))}")


async def _revoke(key_id: str) -> None:
    async with connect(Installation.read()) as services:
        await services.api_keys.RevokeApiKey(RevokeApiKeyRequest(api_key_id=key_id))
    Printer().good(f"key {key_id} is revoked")


async def _all(services: Services, tenant_id: str, *, live: bool) -> AsyncIterator[ApiKey]:
    token = ""
    while True:
        request = ListApiKeysRequest(tenant_id=tenant_id, page_size=PAGE, page_token=token, live_only=live)
        answer = await services.api_keys.ListApiKeys(request)
        for each in answer.api_keys:
            yield each
        token = answer.next_page_token
        if not token:
            return


def _caller(tenant: str | None) -> AbstractAsyncContextManager[Services]:
    return as_operator() if tenant else connect(Installation.read())


async def _tenant_id(services: Services, tenant: str | None) -> str:
    return (await find_tenant(services, tenant)).id if tenant else ""


def _overlap(text: str) -> timedelta:
    """Return a duration such as 30m, 12h or 7d; exit for anything else."""
    match = re.fullmatch(r"(\d{1,9})([smhd])", text)
    if match is None:
        end(USAGE, f"{text!r} is not a duration. Give a number and a unit, such as 30m, 12h or 7d.")
    return timedelta(seconds=int(match[1]) * UNITS[match[2]])


def _state(key: ApiKey) -> str:
    if key.HasField("revoke_time"):
        return "revoked"
    if not key.HasField("expire_time"):
        return "active"
    at = key.expire_time.ToDatetime(tzinfo=UTC)
    if at <= datetime.now(UTC):
        return "expired"
    return f"replaced by {key.replaced_by}, ends {_time(at)}" if key.replaced_by else f"expires {_time(at)}"


def _time(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M} UTC"
