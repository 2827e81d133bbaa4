"""Run Letterhead on this machine; manage domains, email and tenants; check an installation."""

import logging
from pathlib import Path
from typing import Annotated

import structlog
import typer

from chassis.events.authorization import permissions
from cli.client import connect
from cli.commands import emails, local
from cli.commands.aws import aws
from cli.commands.contacts import contacts
from cli.commands.domains import domains
from cli.commands.events import events
from cli.commands.output import name_of
from cli.commands.resend import resend
from cli.commands.sandbox import sandbox
from cli.commands.suppressions import suppressions
from cli.commands.tenants import tenants
from cli.commands.webhooks import webhooks
from cli.doctor.everything import check_everything
from cli.exit_status import USAGE, end, run
from cli.installation import Installation
from cli.nkeys import generate_keys, write_keys
from cli.printer import Printer
from letterhead.verifier.v1.verifier_pb2 import GetSesAccountRequest, SesAccount

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, help=__doc__)
app.add_typer(domains, name="domains")
app.add_typer(tenants, name="tenants")
app.add_typer(contacts, name="contacts")
app.add_typer(emails.emails, name="emails")
app.add_typer(suppressions, name="suppressions")
app.add_typer(webhooks, name="webhooks")
app.add_typer(events, name="events")
app.add_typer(aws, name="aws")
app.add_typer(resend, name="resend")
app.add_typer(sandbox, name="sandbox")

app.command("up")(local.up)
app.command("demo")(local.demo)
app.command("send")(emails.send)


@app.command()
def doctor(
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print the findings as JSON.")] = False,
) -> None:
    """Check every part of an installation; report problems and how to fix them.

    Changes nothing. Exits with 0 if all checks pass, 1 if one fails, 3 if a component is unreachable.
    """
    run(check_everything(as_json=as_json))


@app.command()
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


@app.command("nats-keys")
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


def main() -> None:
    """Run the command line. Only errors are logged, because commands report problems themselves."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    app(prog_name="letterhead")


if __name__ == "__main__":
    main()
