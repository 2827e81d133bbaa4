"""Acceptance of emails: finds the From's domain, checks that it may send, and answers repeated requests.

Requests are validated in `drafts`. The domain is checked again on dequeue, under its claim lock.
"""

import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias
from uuid import UUID

from chassis.access import TenantVisibility
from chassis.batcher import Batcher
from chassis.errors import RequestIdReused, ServiceError, Violation, to_status
from chassis.regions import SesRegion
from chassis.telemetry import get_logger
from services.sender.errors import (
    DomainDeleting,
    DomainNotReady,
    DomainSuperseded,
    FromNotYours,
    KeyNotForDomain,
    RequestExpired,
    TenantPaused,
)
from services.sender.model.emails import Draft, Email, Rejection
from services.sender.model.origin import Domain, Origin, origin
from services.sender.store.acceptance import AcceptanceStore, Offer, Request, Senders
from services.sender.store.emails import EmailStore

log = get_logger(__name__)

MOST = 64  # requests stored by one statement
SMALL = 64 * 1024  # bytes; larger requests are stored alone, so that no other request waits for them
PAUSE = 0.005  # seconds to wait for more requests, if the last batch had several

Claimed = tuple[UUID, Draft]  # with the domain claim that it is sent from
# Of one email: as it was stored, the error that rejects it, or None if it is valid but was not stored.
Result: TypeAlias = Email | ServiceError | None


@dataclass(frozen=True, slots=True)
class _Incoming:
    """A request to accept; if `whole`, either all of its emails are stored or none."""

    request: Request
    drafts: Sequence[Draft | ServiceError]
    whole: bool

    @property
    def good(self) -> list[Draft]:
        return [each for each in self.drafts if isinstance(each, Draft)]


class Acceptance:
    """Accepts emails of all regions; `shared_domains` are the shared senders' domains, where there are any.

    Requests that arrive at about the same time are checked and stored in one batch; each gets its own answer.
    """

    def __init__(
        self, store: AcceptanceStore, emails: EmailStore, *, shared_domains: Mapping[SesRegion, str]
    ) -> None:
        self._store = store
        self._emails = emails
        self._shared_domains = shared_domains
        self._batcher = Batcher(self._accept_batch, most=MOST, pause=PAUSE)

    async def accept(self, request: Request, drafts: Sequence[Draft]) -> Sequence[Email]:
        """Store all emails or none; return them, or the emails that the same request created before.

        Raise AlreadyExists for a request id that was used with other content, or whose answer the caller may
        not see; FailedPrecondition or PermissionDenied for a From that may not be used.
        """
        results = await self._accept(_Incoming(request, drafts, whole=True))
        if emails := [each for each in results if isinstance(each, Email)]:
            return emails
        if earlier := await self._earlier_answer(request):
            # The first answer is returned again, even if the domain has changed since.
            return [each for each in earlier if isinstance(each, Email)]
        raise _combined([each for each in results if isinstance(each, ServiceError)] or [RequestExpired()])

    async def accept_each(
        self, request: Request, drafts: Sequence[Draft | ServiceError]
    ) -> Sequence[Email | Rejection]:
        """Store the valid emails; return an email or an error for each one. See `accept`.

        If no email is valid, nothing is stored, so the caller may fix the request and reuse its id.
        """
        results = await self._accept(_Incoming(request, drafts, whole=False))
        nothing_stored = not any(isinstance(each, Email) for each in results)
        if nothing_stored and (earlier := await self._earlier_answer(request)):
            return earlier
        if None in results:
            raise RequestExpired
        return [_rejection(each) if isinstance(each, ServiceError) else each for each in results if each]

    async def _accept(self, incoming: _Incoming) -> Sequence[Result]:
        if sum(draft.size for draft in incoming.good) <= SMALL:
            try:
                return await self._batcher.submit(incoming)
            except ServiceError:
                raise
            except Exception as error:  # noqa: BLE001 - one request can fail its whole batch
                log.warning(
                    "storing a batch of requests failed; storing each alone",
                    action="requests_not_stored_together",
                    error=type(error).__name__,
                )
        [results] = await self._accept_batch([incoming])
        return results

    async def _accept_batch(self, incoming: Sequence[_Incoming]) -> list[Sequence[Result]]:
        """Check each request, and store all requests that have something to store."""
        senders = [
            Senders(each.request.sees, {draft.sender.domain for draft in each.good}) for each in incoming
        ]
        domains = await self._store.domains(senders, self._shared_domains)
        checked = [
            [_checked(draft, found, each.request.sees) for draft in each.drafts]
            for each, found in zip(incoming, domains, strict=True)
        ]
        offers = [_offer(each, outcomes) for each, outcomes in zip(incoming, checked, strict=True)]
        wanted = [each for each in offers if each]
        stored = iter(await self._store.accept(wanted) if wanted else [])
        return [
            _results(outcomes, next(stored) if offer else [])
            for offer, outcomes in zip(offers, checked, strict=True)
        ]

    async def _earlier_answer(self, request: Request) -> list[Email | Rejection]:
        """Return the stored answer to this request; empty if there is none."""
        answered = await self._store.answered(request) if request.id else None
        if answered is None:
            return []
        if not hmac.compare_digest(answered.content_hash, request.content_hash):
            raise RequestIdReused(request.id or "")
        emails = await self._emails.get_all(answered.email_ids, request.sees)
        if not answered.rejections:
            return [*emails]
        following = iter(emails)
        return [rejection or next(following) for rejection in answered.rejections]


def _checked(
    draft: Draft | ServiceError, domains: Mapping[str, Domain], sees: TenantVisibility
) -> Claimed | ServiceError:
    if isinstance(draft, ServiceError):
        return draft
    name = draft.sender.domain
    try:
        return _claim_to_send_from(domains.get(name), name, sees), draft
    except ServiceError as error:
        path = f"{draft.path}from.address"
        error.violations = (Violation(path, error.message, error.reason, error.metadata),)
        return error


def _claim_to_send_from(domain: Domain | None, name: str, sees: TenantVisibility) -> UUID:
    """Return the domain claim that an email is sent from; raise a ServiceError if it may not be sent.

    `domain` is None if the caller cannot see it; a key restricted to domains does not learn about others.
    """
    if domain is None and sees.claim_ids:
        raise KeyNotForDomain(name)
    result = Origin.NOT_YOURS if domain is None else origin(domain.verification)
    if domain is None or result is Origin.NOT_YOURS:
        raise FromNotYours(name)
    if domain.pause_reason is not None:
        raise TenantPaused(domain.pause_reason)
    if result is Origin.GOING:
        raise DomainDeleting(name)
    if result is Origin.SUPERSEDED:
        raise DomainSuperseded(name)
    if result is Origin.NOT_READY:
        raise DomainNotReady(name, domain.verification.state)
    return domain.claim_id


def _offer(incoming: _Incoming, checked: Sequence[Claimed | ServiceError]) -> Offer | None:
    """Return what to store of a request; None for nothing."""
    good = [each for each in checked if not isinstance(each, ServiceError)]
    if len(good) == len(checked):
        return Offer(incoming.request, good)
    if incoming.whole or not good:
        return None
    rejections = [_rejection(each) if isinstance(each, ServiceError) else None for each in checked]
    return Offer(incoming.request, good, rejections)


def _results(checked: Sequence[Claimed | ServiceError], stored: Sequence[Email]) -> list[Result]:
    """Return the results in the order of the request; `stored` is empty if nothing was stored."""
    following = iter(stored)
    return [each if isinstance(each, ServiceError) else next(following, None) for each in checked]


def _rejection(error: ServiceError) -> Rejection:
    return Rejection(to_status(error).SerializeToString())


def _combined(errors: Sequence[ServiceError]) -> ServiceError:
    """Return the first error, with the violations of all."""
    first = errors[0]
    first.violations = tuple(violation for error in errors for violation in error.violations)
    return first
