"""Accepts emails: whose domain the From is, whether it may send, and what a repeated request gets.

Not for what a good request is (`drafts`). All is checked again when an email is claimed, under the fence.
"""

import hmac
from collections.abc import Collection, Sequence
from uuid import UUID

from chassis.errors import ServiceError
from services.sender.model import Draft, Email
from services.sender.origin import Domain, Origin, origin
from services.sender.refusals import (
    DomainDeleting,
    DomainNotReady,
    FromNotYours,
    KeyNotForDomain,
    RequestForgotten,
    RequestIdReused,
    TenantPaused,
)
from services.sender.store_emails import EmailStore, Request


class Acceptance:
    """The door that emails come in by; `shared_domain` is the operator's, None where there is none."""

    def __init__(self, store: EmailStore, *, shared_domain: str | None) -> None:
        self._store = store
        self._shared_domain = shared_domain

    async def accept(
        self, request: Request, drafts: Sequence[Draft], key_claims: Collection[UUID]
    ) -> list[Email]:
        """Store all or nothing; gives the emails, or those that the same request made before.

        `key_claims` are the domains that the caller's key is tied to; empty: none in particular. Raises
        AlreadyExists for a request id with other content, FailedPrecondition or PermissionDenied for a From.
        """
        try:
            claimed = await self._claimed(request.tenant_id, drafts, key_claims)
        except ServiceError:
            if before := await self._before(request):
                return before  # the first answer stands, whatever became of the domain since
            raise
        return await self._store.accept(request, claimed) or await self._first(request)

    async def _claimed(
        self, tenant_id: UUID, drafts: Sequence[Draft], key_claims: Collection[UUID]
    ) -> list[tuple[UUID, Draft]]:
        names = {draft.sender.domain for draft in drafts}
        domains = await self._store.domains(tenant_id, names, self._shared_domain)
        return [
            (claim_to_send_from(domains.get(draft.sender.domain), draft, key_claims), draft)
            for draft in drafts
        ]

    async def _first(self, request: Request) -> list[Email]:
        if before := await self._before(request):
            return before
        raise RequestForgotten

    async def _before(self, request: Request) -> list[Email]:
        answered = await self._store.answered(request) if request.id else None
        if answered is None:
            return []
        content_hash, email_ids = answered
        if not hmac.compare_digest(content_hash, request.content_hash):
            raise RequestIdReused(request.id or "")
        return await self._store.get_all(email_ids, tenant_id=request.tenant_id)


def claim_to_send_from(domain: Domain | None, draft: Draft, key_claims: Collection[UUID]) -> UUID:
    """Give the claim that an email would be sent from; raises what the caller is told otherwise."""
    name = draft.sender.domain
    answer = Origin.NOT_YOURS if domain is None else origin(domain.standing)
    if domain is None or answer is Origin.NOT_YOURS:
        raise FromNotYours(name)
    if key_claims and domain.claim_id not in key_claims:
        raise KeyNotForDomain(name)
    if domain.pause_reason is not None:
        raise TenantPaused(domain.pause_reason)
    if answer is Origin.GOING:
        raise DomainDeleting(name)
    if answer is Origin.NOT_READY:
        raise DomainNotReady(name, domain.standing.state)
    return domain.claim_id
