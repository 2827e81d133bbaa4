"""Accepts emails: whose domain the From is, whether it may send, and what a repeated request gets.

Not for what a good request is (`drafts`). All is checked again when an email is claimed, under the fence.
"""

import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from chassis.access import TenantVisibility
from chassis.errors import ServiceError, Violation, to_status
from chassis.gathering import Gathering
from chassis.telemetry import get_logger
from services.sender.model.emails import Draft, Email, Refusal
from services.sender.model.origin import Domain, Origin, origin
from services.sender.refusals import (
    DomainDeleting,
    DomainNotReady,
    DomainSuperseded,
    FromNotYours,
    KeyNotForDomain,
    RequestForgotten,
    RequestIdReused,
    TenantPaused,
)
from services.sender.store.acceptance import AcceptanceStore, Offer, Request, Senders
from services.sender.store.emails import EmailStore

log = get_logger(__name__)

MOST = 64  # requests stored by one statement
SMALL = 64 * 1024  # bytes; what is larger is stored by itself, and keeps nobody waiting
PAUSE = 0.005  # seconds for more requests to come, when several came at once before

Claimed = tuple[UUID, Draft]  # with the claim that it is sent from


@dataclass(frozen=True, slots=True)
class _Asked:
    """A request as it is judged; `whole`: it is stored whole or not at all."""

    request: Request
    drafts: Sequence[Draft | ServiceError]
    whole: bool

    @property
    def good(self) -> list[Draft]:
        return [each for each in self.drafts if isinstance(each, Draft)]

    @property
    def senders(self) -> Senders:
        return Senders(self.request.sees, {draft.sender.domain for draft in self.good})


@dataclass(frozen=True, slots=True)
class _Taken:
    """What of a request was stored; no emails: nothing was."""

    refusals: Sequence[ServiceError | None]
    emails: Sequence[Email]


class Acceptance:
    """The door that emails come in by; `shared_domain` is the operator's, None where there is none.

    What is asked for at about the same time is judged and stored together; each has its own answer.
    """

    def __init__(self, store: AcceptanceStore, emails: EmailStore, *, shared_domain: str | None) -> None:
        self._store = store
        self._emails = emails
        self._shared_domain = shared_domain
        self._gathering = Gathering(self._take_all, most=MOST, pause=PAUSE)

    async def accept(self, request: Request, drafts: Sequence[Draft]) -> Sequence[Email]:
        """Store all or nothing; return the emails, or those that the same request made before.

        Raises AlreadyExists for a request id with other content, or with an answer that the caller may not
        see; FailedPrecondition or PermissionDenied for a From.
        """
        taken = await self._take(_Asked(request, drafts, whole=True))
        if taken.emails:
            return taken.emails
        if before := await self._before(request):
            # The first answer stands, whatever became of the domain since.
            return [each for each in before if isinstance(each, Email)]
        raise _all_of([each for each in taken.refusals if each] or [RequestForgotten()])

    async def accept_each(
        self, request: Request, asked: Sequence[Draft | ServiceError]
    ) -> Sequence[Email | Refusal]:
        """Store what is good, and give for each the email or why there is none; see `accept`.

        Nothing at all is stored where none is good: that request may be mended under its id.
        """
        taken = await self._take(_Asked(request, asked, whole=False))
        refusals = [_refusal(each) if each else None for each in taken.refusals]
        if taken.emails:
            return _in_turn(taken.emails, refusals)
        if before := await self._before(request):
            return before
        if not all(refusals):
            raise RequestForgotten
        return [each for each in refusals if each]

    async def _take(self, asked: _Asked) -> _Taken:
        if sum(draft.size for draft in asked.good) <= SMALL:
            try:
                return await self._gathering.ask(asked)
            except ServiceError:
                raise
            except Exception as error:  # noqa: BLE001 - by the fault of any of them; whose it is fails again
                log.warning(
                    "not stored together", action="requests_not_stored_together", error=type(error).__name__
                )
        [taken] = await self._take_all([asked])
        return taken

    async def _take_all(self, asked: Sequence[_Asked]) -> list[_Taken]:
        """Judge each request, and store all of which there is something to store."""
        domains = await self._store.domains([each.senders for each in asked], self._shared_domain)
        judged = [_judged(each, found) for each, found in zip(asked, domains, strict=True)]
        offers = [_offer(each, outcomes) for each, outcomes in zip(asked, judged, strict=True)]
        wanted = [each for each in offers if each]
        stored = iter(await self._store.accept(wanted) if wanted else [])
        return [
            _Taken(
                [each if isinstance(each, ServiceError) else None for each in outcomes],
                next(stored) if offer else [],
            )
            for offer, outcomes in zip(offers, judged, strict=True)
        ]

    async def _before(self, request: Request) -> list[Email | Refusal]:
        """Give what this request was answered with; nothing where it was not."""
        answered = await self._store.answered(request) if request.id else None
        if answered is None:
            return []
        if not hmac.compare_digest(answered.content_hash, request.content_hash):
            raise RequestIdReused(request.id or "")
        emails = await self._emails.get_all(answered.email_ids, request.sees)
        return _in_turn(emails, answered.refusals)


def _in_turn(emails: Sequence[Email], refusals: Sequence[Refusal | None]) -> list[Email | Refusal]:
    """Lay emails where nothing was refused."""
    if not refusals:
        return list(emails)
    following = iter(emails)
    return [refusal or next(following) for refusal in refusals]


def _refusal(error: ServiceError) -> Refusal:
    return Refusal(to_status(error).SerializeToString())


def _all_of(errors: Sequence[ServiceError]) -> ServiceError:
    """Give the first, with the places of all."""
    first = errors[0]
    first.violations = tuple(violation for error in errors for violation in error.violations)
    return first


def _judged(asked: _Asked, domains: Mapping[str, Domain]) -> list[Claimed | ServiceError]:
    return [
        each if isinstance(each, ServiceError) else _claimed(domains.get(each.sender.domain), each, asked)
        for each in asked.drafts
    ]


def _claimed(domain: Domain | None, draft: Draft, asked: _Asked) -> Claimed | ServiceError:
    try:
        return claim_to_send_from(domain, draft, asked.request.sees), draft
    except ServiceError as error:
        error.violations = (Violation(f"{draft.path}from.address", error.message),)
        return error


def _offer(asked: _Asked, judged: Sequence[Claimed | ServiceError]) -> Offer | None:
    """Give what is to be stored of a request; None for nothing."""
    good = [each for each in judged if not isinstance(each, ServiceError)]
    if len(good) == len(judged):
        return Offer(asked.request, good)
    if asked.whole or not good:
        return None
    refusals = [_refusal(each) if isinstance(each, ServiceError) else None for each in judged]
    return Offer(asked.request, good, refusals)


def claim_to_send_from(domain: Domain | None, draft: Draft, sees: TenantVisibility) -> UUID:
    """Return the claim that an email would be sent from; raise what the caller is told otherwise.

    `domain` is None where the caller sees none: a key that is tied to domains does not learn of others.
    """
    name = draft.sender.domain
    if domain is None and sees.claim_ids:
        raise KeyNotForDomain(name)
    answer = Origin.NOT_YOURS if domain is None else origin(domain.standing)
    if domain is None or answer is Origin.NOT_YOURS:
        raise FromNotYours(name)
    if domain.pause_reason is not None:
        raise TenantPaused(domain.pause_reason)
    if answer is Origin.GOING:
        raise DomainDeleting(name)
    if answer is Origin.SUPERSEDED:
        raise DomainSuperseded(name)
    if answer is Origin.NOT_READY:
        raise DomainNotReady(name, domain.standing.state)
    return domain.claim_id
