"""Commands for links to one domain's page, for people who publish its DNS records and have no API key."""

from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer

from cli.client import connect
from cli.exit_status import run
from cli.installation import Installation
from cli.printer import Printer
from letterhead.identity.v1.domains_pb2 import GetDomainRequest
from letterhead.identity.v1.links_pb2 import CreateLinkRequest, Link, ListLinksRequest, RevokeLinkRequest


def create_link(
    name: str,
    whom: Annotated[str, typer.Option("--for", help="A note on who the link is for.")] = "",
    days: Annotated[int, typer.Option(min=1, max=90, help="Days until the link expires.")] = 30,
) -> None:
    """Create a link to a domain's page, so that someone without an API key can publish its DNS records."""
    run(_create(name, whom, days))


def list_links(name: str) -> None:
    """List the links to a domain's page."""
    run(_list(name))


def revoke_link(link_id: str) -> None:
    """Revoke a link."""
    run(_revoke(link_id))


async def _create(name: str, whom: str, days: int) -> None:
    """Create a link and print it; its token cannot be shown again."""
    installation = Installation.read()
    async with connect(installation) as services:
        domain = (await services.domains.GetDomain(GetDomainRequest(name=name))).domain
        request = CreateLinkRequest(domain_id=domain.id, name=whom)
        request.expire_time.FromDatetime(datetime.now(UTC) + timedelta(days=days))
        created = await services.links.CreateLink(request)
    printer = Printer()
    printer.say(f"{installation.console}/d/{created.token}")
    printer.good(
        f"expires {created.link.expire_time.ToJsonString()}; "
        f"revoke it with `letterhead domains unlink {created.link.id}`"
    )


async def _list(name: str) -> None:
    async with connect(Installation.read()) as services:
        domain = (await services.domains.GetDomain(GetDomainRequest(name=name))).domain
        answer = await services.links.ListLinks(ListLinksRequest(domain_id=domain.id))
    Printer().table(("id", "for", "ends with", "expires", "state"), [
        (each.id, each.name, each.hint, each.expire_time.ToJsonString(), _state(each))
        for each in answer.links
    ])  # fmt: skip


async def _revoke(link_id: str) -> None:
    async with connect(Installation.read()) as services:
        await services.links.RevokeLink(RevokeLinkRequest(link_id=link_id))
    Printer().good(f"link {link_id} is revoked")


def _state(link: Link) -> str:
    if link.HasField("revoke_time"):
        return "revoked"
    return "expired" if link.expire_time.ToDatetime(tzinfo=UTC) <= datetime.now(UTC) else "active"
