"""Domain claims over HTTP: proving control of a domain that another account uses, in Resend's shapes."""

from typing import Literal, TypeAlias

from chassis.client import CallFailed
from letterhead.identity.v1 import domains_pb2 as pb
from letterhead.verifier.v1.verifier_pb2 import RecordCheck, VerifyDomainRequest
from services.console.api import domains, models
from services.console.api.endpoints import IDEMPOTENCY_KEY, ApiRequest, Endpoint
from services.console.api.times import time_of

ClaimStatus: TypeAlias = Literal["pending", "verified", "completed", "blocked", "expired", "superseded"]


class ClaimRecord(models.Answer):
    """The TXT record that proves a claim. `name` is fully qualified."""

    name: str
    value: str
    ttl: str
    type: Literal["TXT"] = "TXT"


class DomainClaim(models.Answer, kw_only=True):
    """The status of a domain claim. `record` is null if no proof is required."""

    object: Literal["domain_claim"] = "domain_claim"
    id: str
    name: str
    status: ClaimStatus
    domain_id: str
    region: str
    record: ClaimRecord | None
    blocked_reason: Literal["grace_period"] | None = None
    failure_reason: None = None
    created_at: str
    expires_at: str | None


OF_OWNERSHIP: dict[pb.Domain.Ownership.ValueType, ClaimStatus] = {
    pb.Domain.OWNERSHIP_UNDECIDED: "pending",
    pb.Domain.OWNERSHIP_SOLE: "completed",
    pb.Domain.OWNERSHIP_PROOF_DUE: "pending",
    pb.Domain.OWNERSHIP_CHALLENGER: "blocked",
    pb.Domain.OWNERSHIP_CHALLENGED: "completed",
    pb.Domain.OWNERSHIP_PROVEN: "completed",
    pb.Domain.OWNERSHIP_SUPERSEDED: "superseded",
}


async def create(incoming: ApiRequest) -> DomainClaim:
    """Claim a domain, even if another account uses it, and return the TXT record that proves the claim."""
    try:
        domain = await domains.created(incoming)
    except CallFailed as failure:
        if failure.reason != "DOMAIN_EXISTS":
            raise
        # The caller already has this domain, so the response is its existing claim.
        request = pb.GetDomainRequest(name=domains.name_in(incoming.body(models.CreateDomain).name))
        domain = (await incoming.call(incoming.stubs.domains.GetDomain, request)).domain
    return await _claim(incoming, domain)


async def get(incoming: ApiRequest) -> DomainClaim:
    """Retrieve the status of a domain claim."""
    return await _claim(incoming, await domains.shown(incoming))


async def verify(incoming: ApiRequest) -> DomainClaim:
    """Check the TXT record of a domain claim now."""
    domain = await domains.shown(incoming)
    await incoming.call(incoming.stubs.verifier.VerifyDomain, VerifyDomainRequest(domain_id=domain.id))
    return await _claim(incoming, domain)


async def _claim(incoming: ApiRequest, domain: pb.Domain) -> DomainClaim:
    proof = next((each for each in domain.records if each.purpose == pb.DnsRecord.PURPOSE_OWNERSHIP), None)
    record = ClaimRecord(proof.name, proof.value, str(proof.ttl)) if proof else None
    status = await _status(incoming, domain)
    return DomainClaim(
        id=domain.id,
        name=domain.name,
        status=status,
        domain_id=domain.id,
        region=domain.region,
        record=record,
        blocked_reason="grace_period" if status == "blocked" else None,
        created_at=time_of(domain.create_time),
        expires_at=time_of(domain.ownership_token_expire_time) if proof else None,
    )


async def _status(incoming: ApiRequest, domain: pb.Domain) -> ClaimStatus:
    if domain.ownership == pb.Domain.OWNERSHIP_PROOF_DUE:
        checks = await domains.checks(incoming, domain.id)
        if any(
            each.record.purpose == pb.DnsRecord.PURPOSE_OWNERSHIP and each.status == RecordCheck.STATUS_FOUND
            for each in checks
        ):
            return "verified"
        if domain.state == pb.Domain.STATE_FAILED:
            return "expired"
    return OF_OWNERSHIP.get(domain.ownership, "pending")


ENDPOINTS = (
    Endpoint(
        "POST", "/domains/claim", create, DomainClaim, body=models.CreateDomain, headers=(IDEMPOTENCY_KEY,)
    ),
    Endpoint("GET", "/domains/{domain_id}/claim", get, DomainClaim),
    Endpoint("POST", "/domains/{domain_id}/claim/verify", verify, DomainClaim),
)
