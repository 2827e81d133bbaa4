"""Domains over HTTP: created, read with their records, listed, changed, verified and deleted."""

from google.protobuf.field_mask_pb2 import FieldMask

from letterhead.identity.v1 import domains_pb2 as pb
from letterhead.verifier.v1.verifier_pb2 import GetVerificationRequest, RecordCheck, VerifyDomainRequest
from services.console.api import errors, models
from services.console.api.domains_protos import detail_of, is_shown, states_shown, summary_of
from services.console.api.endpoints import RETRY_KEY, Asked, Endpoint
from services.console.api.errors import Rejected
from services.console.api.lists import QUERY, listing, page_of
from services.console.calls import Refused


async def create(asked: Asked) -> models.Domain:
    """Claims a domain and gives the records to publish; they may follow a little later."""
    return detail_of(await created(asked), ())


async def created(asked: Asked) -> pb.Domain:
    """Claim the domain that the body names."""
    wish = asked.body(models.CreateDomain)
    _refuse_what_is_not_offered(wish)
    request = pb.CreateDomainRequest(
        name=wish.name,
        region=wish.region or "",
        mail_from_label=wish.custom_return_path or "",
        request_id=asked.request_id(),
    )
    domain: pb.Domain = (await asked.ask(asked.calls.domains.CreateDomain, request)).domain
    return domain


async def get(asked: Asked) -> models.Domain:
    """Gives a domain, its records, and what was seen of each."""
    domain = await shown(asked)
    return detail_of(domain, await checks(asked, domain.id))


async def list_(asked: Asked) -> models.Listing[models.DomainSummary]:
    """Lists domains, newest first."""
    request = pb.ListDomainsRequest(states=states_shown(), **page_of(asked.query))
    found = await asked.ask(asked.calls.domains.ListDomains, request)
    return listing(found, found.domains, summary_of)


async def update(asked: Asked) -> models.DomainReference:
    """Changes the label that bounces return to; the other options are as Letterhead has them."""
    wish = asked.body(models.UpdateDomain)
    _refuse_what_is_not_offered(wish)
    domain = await shown(asked)
    if wish.custom_return_path is not None:
        changed = pb.Domain(id=domain.id, mail_from_label=wish.custom_return_path)
        mask = FieldMask(paths=["mail_from_label"])
        request = pb.UpdateDomainRequest(domain=changed, update_mask=mask)
        await asked.ask(asked.calls.domains.UpdateDomain, request)
    return models.DomainReference(id=domain.id)


async def verify(asked: Asked) -> models.DomainReference:
    """Has a domain looked at now; never makes it worse."""
    domain = await shown(asked)
    await asked.ask(asked.calls.verifier.VerifyDomain, VerifyDomainRequest(domain_id=domain.id))
    return models.DomainReference(id=domain.id)


async def delete(asked: Asked) -> models.DeletedDomain:
    """Deletes a domain: nothing is sent as it from now on."""
    domain = await shown(asked)
    await asked.ask(asked.calls.domains.DeleteDomain, pb.DeleteDomainRequest(domain_id=domain.id))
    return models.DeletedDomain(id=domain.id)


async def shown(asked: Asked) -> pb.Domain:
    """Give the domain of the path; one that is being deleted is gone for callers of this API."""
    request = pb.GetDomainRequest(domain_id=asked.id("domain_id"))
    domain: pb.Domain = (await asked.ask(asked.calls.domains.GetDomain, request)).domain
    if not is_shown(domain):
        raise Rejected(errors.NOT_FOUND, errors.SENTENCES["DOMAIN_NOT_FOUND"])
    return domain


async def checks(asked: Asked, domain_id: str) -> list[RecordCheck]:
    """Give what was seen of each record; nothing while verifier has not seen the domain."""
    request = GetVerificationRequest(domain_id=domain_id)
    try:
        return list((await asked.ask(asked.calls.verifier.GetVerification, request)).verification.records)
    except Refused as refused:
        if refused.reason != "DOMAIN_NOT_FOUND":
            raise
        return []


def _refuse_what_is_not_offered(wish: models.DomainOptions) -> None:
    asked_for = {
        "open_tracking": wish.open_tracking,
        "click_tracking": wish.click_tracking,
        "tracking_subdomain": wish.tracking_subdomain,
        "tls": wish.tls == "enforced",
        "capabilities.receiving": wish.capabilities is not None and wish.capabilities.receiving == "enabled",
        "capabilities.sending": wish.capabilities is not None and wish.capabilities.sending == "disabled",
    }
    if wanted := [name for name, value in asked_for.items() if value]:
        names = ", ".join(f"`{name}`" for name in wanted)
        raise Rejected(errors.INVALID, f"{names}: this is not offered. Leave it out.")


ENDPOINTS = (
    Endpoint("POST", "/domains", create, models.Domain, body=models.CreateDomain, headers=(RETRY_KEY,)),
    Endpoint("GET", "/domains", list_, models.Listing[models.DomainSummary], query=QUERY),
    Endpoint("GET", "/domains/{domain_id}", get, models.Domain),
    Endpoint("PATCH", "/domains/{domain_id}", update, models.DomainReference, body=models.UpdateDomain),
    Endpoint("DELETE", "/domains/{domain_id}", delete, models.DeletedDomain),
    Endpoint("POST", "/domains/{domain_id}/verify", verify, models.DomainReference),
)
