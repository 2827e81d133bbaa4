"""Commands that check an installation and make the keys of NATS."""

from pathlib import Path
from typing import Annotated

import typer

from chassis.events.authorization import permissions
from cli.client import connect
from cli.commands.output import name_of
from cli.doctor.everything import check_everything
from cli.exit_status import USAGE, end, run
from cli.installation import Installation
from cli.nkeys import generate_keys, write_keys
from cli.printer import Printer
from letterhead.verifier.v1.verifier_pb2 import GetSesAccountRequest, SesAccount


def doctor(
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print the findings as JSON.")] = False,
) -> None:
    """Check every part of an installation; report problems and how to fix them.

    Changes nothing. Exits with 0 if all checks pass, 1 if one fails, 3 if a component is
    unreachable, and 4 if nothing is wrong but something could not be checked, such as AWS.
    """
    run(check_everything(as_json=as_json))


def account() -> None:
    """Show whether the SES account can send, its rate and quota, and what to do if it cannot."""
    run(_show_account())


async def _show_account() -> None:
    async with connect(Installation.read()) as services:
        accounts = (await services.verifier.GetSesAccount(GetSesAccountRequest())).accounts
    columns = ("region", "state", "max rate/s", "24 h quota", "sent in 24 h", "message")
    Printer().table(columns, [
        (each.region, name_of(SesAccount.State, each.state), f"{each.max_send_rate:g}",
         f"{each.max_24_hour_send:g}", f"{each.sent_last_24_hours:g}", each.state_message)
        for each in accounts
    ])  # fmt: skip


def make_nats_keys(
    directory: Annotated[
        Path, typer.Argument(help="Directory for the files; existing files are not overwritten.")
    ],
) -> None:
    """Generate the NATS keys: one seed file per user, and `nkeys.conf` for the servers."""
    try:
        written = write_keys(directory, generate_keys(permissions()))
    except FileExistsError as error:
        end(
            USAGE,
            f"{error.filename} exists. Choose another directory, or remove the file to generate new keys.",
        )
    print("\n".join(map(str, written)))
