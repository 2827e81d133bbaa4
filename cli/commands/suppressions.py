"""Commands for the suppression list."""

from typing import Annotated

import typer

from cli.client import connect
from cli.commands.output import Limit, name_of, print_table
from cli.exit_status import run
from cli.installation import Installation
from cli.printer import Printer
from letterhead.events.v1.suppression_reason_pb2 import SuppressionReason
from letterhead.sender.v1.suppressions_pb2 import (
    AddSuppressionRequest,
    ListSuppressionsRequest,
    RemoveSuppressionRequest,
)

suppressions = typer.Typer(no_args_is_help=True, help="Show and change the suppression list.")


@suppressions.command("list")
def list_suppressions(limit: Limit = 50) -> None:
    """List suppressed addresses."""
    run(_list(limit))


@suppressions.command("add")
def add_suppression(address: str, note: Annotated[str, typer.Option(help="A note on why.")] = "") -> None:
    """Add an address to the suppression list."""
    run(_add(address, note))


@suppressions.command("remove")
def remove_suppression(address: str) -> None:
    """Remove an address from the suppression list."""
    run(_remove(address))


async def _list(limit: int) -> None:
    async with connect(Installation.read()) as services:
        answer = await services.suppressions.ListSuppressions(ListSuppressionsRequest(page_size=limit))
    print_table(("address", "reason", "since", "until", "note"), [
        (each.address, name_of(SuppressionReason, each.reason), each.create_time.ToJsonString(),
         each.expire_time.ToJsonString() if each.HasField("expire_time") else "",
         each.note or each.message)
        for each in answer.suppressions
    ], more=bool(answer.next_page_token))  # fmt: skip


async def _add(address: str, note: str) -> None:
    async with connect(Installation.read()) as services:
        await services.suppressions.AddSuppression(AddSuppressionRequest(address=address, note=note))
    Printer().good(f"{address} is suppressed")


async def _remove(address: str) -> None:
    async with connect(Installation.read()) as services:
        await services.suppressions.RemoveSuppression(RemoveSuppressionRequest(address=address))
    Printer().good(f"{address} is no longer suppressed")
