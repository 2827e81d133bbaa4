"""The form of a webhook endpoint: its URL, types of events and domains."""

import asyncio
import re
from collections.abc import Sequence
from dataclasses import dataclass

from starlette.requests import Request

from chassis.client import CallFailed, call
from letterhead.identity.v1.domains_pb2 import Domain, GetDomainRequest
from letterhead.webhooks.v1 import webhook_service_pb2 as pb
from services.console.event_types import CHOOSABLE, TYPES, name_of
from services.console.pages.templates import Form
from services.console.pages.visitor import key_of
from services.console.stubs import Stubs

MOST_DOMAINS = 100  # as the service has it
# The fields of the create and of the update request, and a reason that concerns one field.
FIELDS = {
    "url": "url",
    "endpoint.url": "url",
    "event_types": "types",
    "endpoint.event_types": "types",
    "domain_ids": "domains",
    "endpoint.domain_ids": "domains",
    "DOMAIN_NOT_FOUND": "domains",
}


@dataclass(frozen=True, slots=True)
class Choice:
    """What a form says, with the form; `form.errors` are the domains that were not found."""

    form: Form
    event_types: Sequence[pb.EventType.ValueType]
    domain_ids: Sequence[str]


async def choice_in(form: Form, stubs: Stubs, request: Request) -> Choice:
    """Return what a form says. Domains are entered by name."""
    types = [TYPES[name] for name in CHOOSABLE if form.typed(field_of(name))]
    names = list(dict.fromkeys(filter(None, re.split(r"[\s,;]+", form.typed("domains").lower()))))
    if len(names) > MOST_DOMAINS:
        message = f"Enter at most {MOST_DOMAINS} domains, or none to receive the events of all."
        return Choice(Form(form.given, {"domains": message}), types, ())
    found = await asyncio.gather(*(_domain(GetDomainRequest(name=each), stubs, request) for each in names))
    if unknown := [name for name, domain in zip(names, found, strict=True) if domain is None]:
        message = f"{', '.join(unknown)} is not one of your domains. Check the spelling, or add it first."
        return Choice(Form(form.given, {"domains": message}), types, ())
    return Choice(form, types, [domain.id for domain in found if domain])


def form_of(endpoint: pb.Endpoint, names: Sequence[str]) -> Form:
    """Return the form filled in with an endpoint, whose domains have these names."""
    chosen = {field_of(name_of(each)): "on" for each in endpoint.event_types}
    return Form({"url": endpoint.url, "domains": ", ".join(names), **chosen})


def field_of(type_name: str) -> str:
    """Return the name of the checkbox of a type."""
    return f"type-{type_name}"


async def names_of(endpoint: pb.Endpoint, stubs: Stubs, request: Request) -> list[str]:
    """Return the names of an endpoint's domains; of a domain that was deleted, the id."""
    asked = [GetDomainRequest(domain_id=each) for each in endpoint.domain_ids]
    found = await asyncio.gather(*(_domain(each, stubs, request) for each in asked))
    named = zip(found, endpoint.domain_ids, strict=True)
    return [(domain.display_name or domain.name) if domain else domain_id for domain, domain_id in named]


async def _domain(asked: GetDomainRequest, stubs: Stubs, request: Request) -> Domain | None:
    """Return a domain; None if the tenant has none of this name or id."""
    try:
        return (await call(stubs.domains.GetDomain, asked, key=key_of(request))).domain
    except CallFailed as failure:
        if failure.reason not in ("DOMAIN_NOT_FOUND", "INVALID_FIELD"):
            raise
        return None
