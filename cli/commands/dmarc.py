"""The command for a domain's DMARC policy."""

from collections.abc import Collection
from enum import StrEnum
from typing import Annotated

import typer
from google.protobuf.field_mask_pb2 import FieldMask

from cli.client import connect
from cli.commands.output import name_of
from cli.exit_status import run
from cli.installation import Installation
from cli.printer import Printer
from letterhead.identity.v1.domains_pb2 import (
    DmarcPolicy,
    DnsRecord,
    Domain,
    GetDomainRequest,
    UpdateDomainRequest,
)


class Policy(StrEnum):
    """The policy for a domain, as it is typed."""

    NONE = "none"
    QUARANTINE = "quarantine"
    REJECT = "reject"


class SubdomainPolicy(StrEnum):
    """The policy for the subdomains of a domain, as it is typed."""

    SAME = "same"
    NONE = "none"
    QUARANTINE = "quarantine"
    REJECT = "reject"


_NUMBERS = {
    "same": DmarcPolicy.POLICY_UNSPECIFIED,
    "none": DmarcPolicy.POLICY_NONE,
    "quarantine": DmarcPolicy.POLICY_QUARANTINE,
    "reject": DmarcPolicy.POLICY_REJECT,
}


def set_dmarc_policy(
    name: str,
    *,
    policy: Annotated[Policy | None, typer.Option(help="What receivers do with email that fails.")] = None,
    subdomains: Annotated[
        SubdomainPolicy | None, typer.Option(help="The same for subdomains; `same`: as for the domain.")
    ] = None,
    testing: Annotated[
        bool | None, typer.Option(help="Ask receivers to apply the next weaker policy for now.")
    ] = None,
    reports: Annotated[
        list[str] | None, typer.Option(help="Address that receives reports; repeat for more.")
    ] = None,
    no_reports: Annotated[bool, typer.Option("--no-reports", help="Request no reports.")] = False,
) -> None:
    """Show or change the DMARC policy that a domain's record recommends. Sending does not depend on it.

    Options that are not given keep their value.
    """
    wanted = {
        "policy": _NUMBERS[policy] if policy else None,
        "subdomain_policy": _NUMBERS[subdomains] if subdomains else None,
        "testing": testing,
        "report_addresses": [] if no_reports else reports,
    }
    given = {field: value for field, value in wanted.items() if value is not None}
    run(_update(name, DmarcPolicy(**given), given.keys()))  # type: ignore[arg-type]


async def _update(name: str, changes: DmarcPolicy, fields: Collection[str]) -> None:
    async with connect(Installation.read()) as services:
        domain = (await services.domains.GetDomain(GetDomainRequest(name=name))).domain
        if fields:
            changed = FieldMask(paths=fields)
            changed.MergeMessage(changes, domain.dmarc_policy, replace_repeated_field=True)
            # With its revision, so that a change of the other fields in the meantime is not reverted.
            request = UpdateDomainRequest(domain=domain, update_mask=FieldMask(paths=["dmarc_policy"]))
            domain = (await services.domains.UpdateDomain(request)).domain
    _print_policy(Printer(), domain)


def _print_policy(printer: Printer, domain: Domain) -> None:
    policy = name_of(DmarcPolicy.Policy, domain.dmarc_policy.policy).lower()
    printer.heading(f"{domain.display_name}: DMARC policy {policy}")
    for record in domain.records:
        if record.purpose == DnsRecord.PURPOSE_DMARC:
            printer.say(f"Recommended: a TXT record at {record.name} with {record.value}")
