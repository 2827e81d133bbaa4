"""The domain endpoints: create, get, list, update, verify and delete."""

import re

from google.protobuf.field_mask_pb2 import FieldMask

from chassis.client import CallFailed
from letterhead.identity.v1 import domains_pb2 as pb
from letterhead.verifier.v1.verifier_pb2 import GetVerificationRequest, RecordCheck, VerifyDomainRequest
from services.console.api import errors, models
from services.console.api.domain_mappers import detail_of, is_shown, states_shown, summary_of
from services.console.api.endpoints import IDEMPOTENCY_KEY, ApiRequest, Endpoint
from services.console.api.errors import Rejected
from services.console.api.lists import QUERY, listing, page_of

_SCHEME = re.compile(r"^https?://", re.IGNORECASE)


async def create(incoming: ApiRequest) -> models.Domain:
    """Create a domain and return the records to publish; they may be available only a few seconds later."""
    return detail_of(await created(incoming), ())


async def created(incoming: ApiRequest) -> pb.Domain:
    """Create the domain that the body names."""
    body = incoming.body(models.CreateDomain)
    _reject_unsupported(body)
    request = pb.CreateDomainRequest(
        name=name_in(body.name),
        region=body.region or "",
        mail_from_label=body.custom_return_path or "",
        request_id=incoming.request_id(),
    )
    domain: pb.Domain = (await incoming.call(incoming.stubs.domains.CreateDomain, request)).domain
    return domain


def name_in(pasted: str) -> str:
    """Return the domain in what people paste: without spaces around it, scheme and path.

    identity puts it in lower case, and rejects everything else that is not a name.
    """
    return _SCHEME.sub("", pasted.strip()).partition("/")[0].strip()


async def get(incoming: ApiRequest) -> models.Domain:
    """Retrieve a domain with its records and their status."""
    domain = await shown(incoming)
    return detail_of(domain, await checks(incoming, domain.id))


async def list_(incoming: ApiRequest) -> models.Listing[models.DomainSummary]:
    """List domains, newest first."""
    request = pb.ListDomainsRequest(states=states_shown(), **page_of(incoming.query))
    found = await incoming.call(incoming.stubs.domains.ListDomains, request)
    return listing(found, found.domains, summary_of)


async def update(incoming: ApiRequest) -> models.DomainReference:
    """Change the return path of a domain. The other options cannot be changed."""
    body = incoming.body(models.UpdateDomain)
    _reject_unsupported(body)
    domain = await shown(incoming)
    if body.custom_return_path is not None:
        changed = pb.Domain(id=domain.id, mail_from_label=body.custom_return_path)
        mask = FieldMask(paths=["mail_from_label"])
        request = pb.UpdateDomainRequest(domain=changed, update_mask=mask)
        await incoming.call(incoming.stubs.domains.UpdateDomain, request)
    return models.DomainReference(id=domain.id)


async def verify(incoming: ApiRequest) -> models.DomainReference:
    """Check a domain now. This never makes a verified domain pending again."""
    domain = await shown(incoming)
    await incoming.call(incoming.stubs.verifier.VerifyDomain, VerifyDomainRequest(domain_id=domain.id))
    return models.DomainReference(id=domain.id)


async def delete(incoming: ApiRequest) -> models.DeletedDomain:
    """Delete a domain. No email can be sent from it afterwards."""
    domain = await shown(incoming)
    await incoming.call(incoming.stubs.domains.DeleteDomain, pb.DeleteDomainRequest(domain_id=domain.id))
    return models.DeletedDomain(id=domain.id)


async def shown(incoming: ApiRequest) -> pb.Domain:
    """Return the domain in the path. Raise Rejected for one that is being deleted, which the API hides."""
    request = pb.GetDomainRequest(domain_id=incoming.id("domain_id"))
    domain: pb.Domain = (await incoming.call(incoming.stubs.domains.GetDomain, request)).domain
    if not is_shown(domain):
        raise Rejected(errors.NOT_FOUND, errors.WORDS["DOMAIN_NOT_FOUND"])
    return domain


async def checks(incoming: ApiRequest, domain_id: str) -> list[RecordCheck]:
    """Return the checks of a domain's records; empty if verifier does not know the domain yet."""
    request = GetVerificationRequest(domain_id=domain_id)
    try:
        answer = await incoming.call(incoming.stubs.verifier.GetVerification, request)
    except CallFailed as failure:
        if failure.reason != "DOMAIN_NOT_FOUND":
            raise
        return []
    return list(answer.verification.records)


def unsupported_options(body: models.DomainOptions) -> list[str]:
    """Return the names of the options that are set and not supported."""
    options = {
        "open_tracking": body.open_tracking,
        "click_tracking": body.click_tracking,
        "tracking_subdomain": body.tracking_subdomain,
        "tls": body.tls == "enforced",
        "capabilities.receiving": body.capabilities is not None and body.capabilities.receiving == "enabled",
        "capabilities.sending": body.capabilities is not None and body.capabilities.sending == "disabled",
    }
    return [name for name, value in options.items() if value]


def _reject_unsupported(body: models.DomainOptions) -> None:
    if unsupported := unsupported_options(body):
        names = ", ".join(f"`{name}`" for name in unsupported)
        raise Rejected(errors.INVALID, f"Not supported: {names}. Remove this from the request.")


ENDPOINTS = (
    Endpoint("POST", "/domains", create, models.Domain, body=models.CreateDomain, headers=(IDEMPOTENCY_KEY,)),
    Endpoint("GET", "/domains", list_, models.Listing[models.DomainSummary], query=QUERY),
    Endpoint("GET", "/domains/{domain_id}", get, models.Domain),
    Endpoint("PATCH", "/domains/{domain_id}", update, models.DomainReference, body=models.UpdateDomain),
    Endpoint("DELETE", "/domains/{domain_id}", delete, models.DeletedDomain),
    Endpoint("POST", "/domains/{domain_id}/verify", verify, models.DomainReference),
)
