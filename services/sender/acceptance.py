"""Accepts emails: whose domain the From is, whether it may send, and what a repeated request gets.

Not for what a good request is (`drafts`). All is checked again when an email is claimed, under the fence.
"""

import hmac
from collections.abc import Collection, Sequence
from uuid import UUID

from chassis.errors import ServiceError, Violation, to_status
from services.sender.model import Draft, Email, Refusal
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
        judged = await self._judged(request.tenant_id, drafts, key_claims)
        if wrong := [each for each in judged if isinstance(each, ServiceError)]:
            if before := await self._before(request):
                return _accepted(before)  # the first answer stands, whatever became of the domain since
            raise _all_of(wrong)
        claimed = [each for each in judged if not isinstance(each, ServiceError)]
        return await self._store.accept(request, claimed) or _accepted(await self._first(request))

    async def accept_each(
        self, request: Request, asked: Sequence[Draft | ServiceError], key_claims: Collection[UUID]
    ) -> list[Email | Refusal]:
        """Store what is good, and give for each the email or why there is none; see `accept`.

        Nothing at all is stored where none is good: that request may be mended under its id.
        """
        drafts = [each for each in asked if isinstance(each, Draft)]
        judged = iter(await self._judged(request.tenant_id, drafts, key_claims))
        answers = [each if isinstance(each, ServiceError) else next(judged) for each in asked]
        refusals = [_refusal(each) if isinstance(each, ServiceError) else None for each in answers]
        claimed = [each for each in answers if not isinstance(each, ServiceError)]
        if not claimed:
            return await self._before(request) or [each for each in refusals if each]
        if emails := await self._store.accept(request, claimed, refusals):
            return _in_turn(emails, refusals)
        return await self._first(request)

    async def _judged(
        self, tenant_id: UUID, drafts: Sequence[Draft], key_claims: Collection[UUID]
    ) -> list[tuple[UUID, Draft] | ServiceError]:
        names = {draft.sender.domain for draft in drafts}
        domains = await self._store.domains(tenant_id, names, self._shared_domain)
        return [_judged(domains.get(draft.sender.domain), draft, key_claims) for draft in drafts]

    async def _first(self, request: Request) -> list[Email | Refusal]:
        if before := await self._before(request):
            return before
        raise RequestForgotten

    async def _before(self, request: Request) -> list[Email | Refusal]:
        answered = await self._store.answered(request) if request.id else None
        if answered is None:
            return []
        if not hmac.compare_digest(answered.content_hash, request.content_hash):
            raise RequestIdReused(request.id or "")
        emails = await self._store.get_all(answered.email_ids, tenant_id=request.tenant_id)
        return _in_turn(emails, answered.refusals)


def _in_turn(emails: Sequence[Email], refusals: Sequence[Refusal | None]) -> list[Email | Refusal]:
    """Lay emails where nothing was refused."""
    if not refusals:
        return list(emails)
    following = iter(emails)
    return [refusal or next(following) for refusal in refusals]


def _accepted(answers: Sequence[Email | Refusal]) -> list[Email]:
    """Give the emails of a request of which none was refused."""
    return [each for each in answers if isinstance(each, Email)]


def _refusal(error: ServiceError) -> Refusal:
    return Refusal(to_status(error).SerializeToString())


def _all_of(errors: Sequence[ServiceError]) -> ServiceError:
    """Give the first, with the places of all."""
    first = errors[0]
    first.violations = tuple(violation for error in errors for violation in error.violations)
    return first


def _judged(
    domain: Domain | None, draft: Draft, key_claims: Collection[UUID]
) -> tuple[UUID, Draft] | ServiceError:
    try:
        return claim_to_send_from(domain, draft, key_claims), draft
    except ServiceError as error:
        error.violations = (Violation(f"{draft.path}from.address", error.message),)
        return error


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
