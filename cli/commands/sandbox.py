"""Commands for the sandbox: publish DNS records, and read email."""

import typer

from cli.client import connect
from cli.commands.output import Limit
from cli.dns_records import type_of
from cli.exit_status import run
from cli.installation import Installation
from cli.printer import Printer
from letterhead.identity.v1.domains_pb2 import GetDomainRequest
from sandbox.client import connect_sandbox

sandbox = typer.Typer(no_args_is_help=True, help="Publish DNS records and read email in the sandbox.")


@sandbox.command("publish")
def publish(name: str) -> None:
    """Publish a domain's records in the sandbox's DNS, as a customer would at a DNS provider."""
    run(_publish(name))


@sandbox.command("mailbox")
def mailbox(limit: Limit = 10) -> None:
    """List the newest emails in the sandbox's mailbox, as a recipient sees them."""
    run(_list_mailbox(limit))


async def _publish(name: str) -> None:
    installation = Installation.read()
    async with connect(installation) as services, connect_sandbox(installation.control) as internet:
        domain = (await services.domains.GetDomain(GetDomainRequest(name=name))).domain
        for record in domain.records:
            await internet.publish(type_of(record), record.name, record.value, priority=record.priority)
            Printer().good(f"{type_of(record)} {record.name}")


async def _list_mailbox(limit: int) -> None:
    async with connect_sandbox(Installation.read().control) as internet:
        emails = [await internet.email(each["id"]) for each in await internet.emails(limit=limit)]
    columns = ("from", "to", "subject", "mailed_by", "signed_by")
    Printer().table(columns, [[each[column] for column in columns] for each in emails])
