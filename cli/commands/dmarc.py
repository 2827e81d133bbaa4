"""The command for a domain's DMARC policy."""

from collections.abc import Iterable
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
    """A policy as it is typed."""

    NONE = "none"
    QUARANTINE = "quarantine"
    REJECT = "reject"


def set_dmarc_policy(
    name: str,
    *,
    policy: Annotated[Policy | None, typer.Option(help="What receivers do with email that fails.")] = None,
    subdomains: Annotated[Policy | None, typer.Option(help="The same for subdomains.")] = None,
    testing: Annotated[
        bool | None, typer.Option(help="Ask receivers to apply the next weaker policy for now.")
    ] = None,
    reports: Annotated[
        list[str] | None, typer.Option(help="Address that receives reports; repeat for more.")
    ] = None,
) -> None:
    """Show or change the DMARC policy that a domain's record recommends. Sending does not depend on it.

    Options that are not given keep their value.
    """
    changes = DmarcPolicy(
        policy=_number(policy),
        subdomain_policy=_number(subdomains),
        testing=bool(testing),
        report_addresses=reports or (),
    )
    given = {
        "policy": policy,
        "subdomain_policy": subdomains,
        "testing": testing,
        "report_addresses": reports,
    }
    run(_update(name, changes, [field for field, value in given.items() if value is not None]))


async def _update(name: str, changes: DmarcPolicy, fields: Iterable[str]) -> None:
    async with connect(Installation.read()) as services:
        domain = (await services.domains.GetDomain(GetDomainRequest(name=name))).domain
        mask = FieldMask(paths=fields)
        if mask.paths:
            mask.MergeMessage(changes, domain.dmarc_policy, replace_repeated_field=True)
            request = UpdateDomainRequest(domain=domain, update_mask=FieldMask(paths=["dmarc_policy"]))
            domain = (await services.domains.UpdateDomain(request)).domain
    _print_policy(Printer(), domain)


def _print_policy(printer: Printer, domain: Domain) -> None:
    policy = domain.dmarc_policy
    printer.heading(f"{domain.display_name}: {name_of(DmarcPolicy.Policy, policy.policy).lower()}")
    for record in domain.records:
        if record.purpose == DnsRecord.PURPOSE_DMARC:
            printer.say(f"Recommended: a TXT record at {record.name} with {record.value}")


def _number(policy: Policy | None) -> DmarcPolicy.Policy.ValueType:
    return DmarcPolicy.Policy.Value(f"POLICY_{policy.name if policy else 'UNSPECIFIED'}")
