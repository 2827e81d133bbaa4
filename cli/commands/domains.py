"""Commands for domains: their DNS records and verification, ownership and links."""

from typing import Annotated

import typer

from cli.client import connect
from cli.commands import dmarc, links, ownership
from cli.commands.output import Limit, name_of, print_table
from cli.dns_records import COLUMNS, label, row
from cli.exit_status import run
from cli.installation import Installation
from cli.printer import Printer
from letterhead.identity.v1.domains_pb2 import (
    CreateDomainRequest,
    DeleteDomainRequest,
    Domain,
    GetDomainRequest,
    ListDomainsRequest,
)
from letterhead.verifier.v1.verifier_pb2 import (
    GetVerificationRequest,
    ListTransitionsRequest,
    RecordCheck,
    Verification,
    VerifyDomainRequest,
    WatchDomainRequest,
)

domains = typer.Typer(
    no_args_is_help=True, help="Add domains, show their DNS records, and watch their verification."
)


@domains.command("list")
def list_domains(limit: Limit = 50) -> None:
    """List domains."""
    run(_list(limit))


@domains.command("add")
def add_domain(
    name: str,
    region: Annotated[str, typer.Option(help="AWS region; default: the installation's first.")] = "",
    label: Annotated[str, typer.Option(help="Label of the MAIL FROM subdomain; default: send.")] = "",
) -> None:
    """Add a domain and print the DNS records to publish."""
    run(_add(CreateDomainRequest(name=name, region=region, mail_from_label=label)))


@domains.command("show")
def show_domain(name: str) -> None:
    """Show a domain's DNS records and the status of each."""
    run(_show(name))


@domains.command("history")
def show_history(name: str, limit: Limit = 50) -> None:
    """Show each change of a domain's state, and why."""
    run(_history(name, limit))


@domains.command("watch")
def watch_domain(name: str) -> None:
    """Check a domain's DNS records now, and print each change until the domain is READY."""
    run(_watch(name))


@domains.command("delete")
def delete_domain(name: str) -> None:
    """Delete a domain."""
    run(_delete(name))


domains.command("dmarc")(dmarc.set_dmarc_policy)
domains.command("adopt")(ownership.adopt_domain)
domains.command("transfer")(ownership.transfer_domain)
domains.command("release")(ownership.release_domain)
domains.command("link")(links.create_link)
domains.command("links")(links.list_links)
domains.command("unlink")(links.revoke_link)


async def _list(limit: int) -> None:
    async with connect(Installation.read()) as services:
        answer = await services.domains.ListDomains(ListDomainsRequest(page_size=limit))
    print_table(("name", "state", "id", "message"), [
        (each.display_name, name_of(Domain.State, each.state), each.id, each.state_message)
        for each in answer.domains
    ], more=bool(answer.next_page_token))  # fmt: skip


async def _add(request: CreateDomainRequest) -> None:
    async with connect(Installation.read()) as services:
        domain = (await services.domains.CreateDomain(request)).domain
    _print_domain(Printer(), domain)


async def _show(name: str) -> None:
    async with connect(Installation.read()) as services:
        domain = (await services.domains.GetDomain(GetDomainRequest(name=name))).domain
        verification = None
        if domain.state not in (Domain.STATE_PROVISIONING, Domain.STATE_DELETING):
            request = GetVerificationRequest(domain_id=domain.id)
            verification = (await services.verifier.GetVerification(request)).verification
    printer = Printer()
    _print_domain(printer, domain)
    if verification:
        _print_checks(printer, verification)


async def _history(name: str, limit: int) -> None:
    async with connect(Installation.read()) as services:
        domain = (await services.domains.GetDomain(GetDomainRequest(name=name))).domain
        request = ListTransitionsRequest(domain_id=domain.id, page_size=limit)
        answer = await services.verifier.ListTransitions(request)
    print_table(("time", "state", "before", "message"), [
        (each.time.ToJsonString(), name_of(Domain.State, each.to_state),
         name_of(Domain.State, each.from_state) if each.from_state else "", each.message)
        for each in answer.transitions
    ], more=bool(answer.next_page_token))  # fmt: skip


async def _watch(name: str) -> None:
    async with connect(Installation.read()) as services:
        domain = (await services.domains.GetDomain(GetDomainRequest(name=name))).domain
        await services.verifier.VerifyDomain(VerifyDomainRequest(domain_id=domain.id))
        async for answer in services.verifier.WatchDomain(WatchDomainRequest(domain_id=domain.id)):
            printer = Printer()
            printer.heading(f"{name}: {name_of(Domain.State, answer.verification.state)}")
            _print_checks(printer, answer.verification)
            if answer.verification.state == Domain.STATE_READY:
                return


async def _delete(name: str) -> None:
    async with connect(Installation.read()) as services:
        domain = (await services.domains.GetDomain(GetDomainRequest(name=name))).domain
        domain = (await services.domains.DeleteDomain(DeleteDomainRequest(domain_id=domain.id))).domain
    Printer().good(f"{name}: {name_of(Domain.State, domain.state)}")


def _print_domain(printer: Printer, domain: Domain) -> None:
    printer.heading(f"{domain.display_name}: {name_of(Domain.State, domain.state)}")
    printer.say(domain.state_message)
    printer.table(COLUMNS, map(row, domain.records))


def _print_checks(printer: Printer, verification: Verification) -> None:
    for check in verification.records:
        status = name_of(RecordCheck.Status, check.status)
        show = printer.good if check.status == RecordCheck.STATUS_FOUND else printer.waiting
        show(f"{label(check.record)}: {status}" + (f" — {check.message}" if check.message else ""))
