# ruff: noqa: ARG002, N802 - rpcs bear the contract's names, and gRPC hands each a context
"""VerifierService: tells what is known, marks what is to be looked at. Looks at nothing itself."""

from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

from chassis.access import ANY_KEY, Principal, Scope, require
from chassis.backoff import wait_any
from chassis.bell import Bell
from chassis.database import Record
from chassis.pages import next_token, page
from letterhead.verifier.v1 import verifier_pb2 as pb
from letterhead.verifier.v1 import verifier_pb2_grpc
from services.verifier.refusals import DomainDeleting, DomainNotFound
from services.verifier.servicer import verifier_protos as protos
from services.verifier.store.views import ViewStore

WATCHED = timedelta(seconds=10)  # how long a domain stays watched without a sign of its watcher
LOOK_AGAIN = timedelta(seconds=1)  # should a notification be lost
GOING = frozenset({"DELETING", "DELETED"})


class VerifierServicer(verifier_pb2_grpc.VerifierServiceServicer):
    """Answers from the store; `hurry` has what was marked looked at without delay."""

    def __init__(self, store: ViewStore, bell: Bell, hurry: Callable[[], None]) -> None:
        self._store = store
        self._bell = bell
        self._hurry = hurry

    async def VerifyDomain(self, request: pb.VerifyDomainRequest, context: Any) -> pb.VerifyDomainResponse:
        row = await self._visible(request.domain_id, Scope.LINK)
        if row["state"] in GOING:
            raise DomainDeleting(row["name"])
        await self._store.mark_due(row["id"])
        self._hurry()
        return pb.VerifyDomainResponse(verification=await self._known(row["id"]))

    async def GetVerification(
        self, request: pb.GetVerificationRequest, context: Any
    ) -> pb.GetVerificationResponse:
        row = await self._visible(request.domain_id, Scope.LINK)
        return pb.GetVerificationResponse(verification=await self._told(row))

    async def WatchDomain(
        self, request: pb.WatchDomainRequest, context: Any
    ) -> AsyncIterator[pb.WatchDomainResponse]:
        claim_id: UUID = (await self._visible(request.domain_id, Scope.LINK))["id"]
        told: pb.Verification | None = None
        while told is None or told.state != protos.state("DELETED"):
            ring = self._bell.next_ring()
            if await self._store.mark_watched(claim_id, WATCHED):
                self._hurry()
            known = await self._known(claim_id)
            if (content := protos.without_times(known)) != told:
                yield pb.WatchDomainResponse(verification=known)
                told = content
            await wait_any(ring, timeout=LOOK_AGAIN.total_seconds())

    async def ListTransitions(
        self, request: pb.ListTransitionsRequest, context: Any
    ) -> pb.ListTransitionsResponse:
        claim_id: UUID = (await self._visible(request.domain_id))["id"]
        of = f"transitions/{claim_id}"
        asked = page(request.page_size, request.page_token, of=of)
        found = await self._store.list_transitions(claim_id, asked.after_id(), asked.size + 1)
        shown = found[: asked.size]
        return pb.ListTransitionsResponse(
            transitions=[protos.transition(row) for row in shown],
            next_page_token=next_token(of, shown[-1]["id"]) if len(found) > len(shown) else "",
        )

    async def GetSesAccount(self, request: pb.GetSesAccountRequest, context: Any) -> pb.GetSesAccountResponse:
        require(*ANY_KEY)
        rows = await self._store.list_accounts()
        return pb.GetSesAccountResponse(accounts=[protos.account(row) for row in rows])

    async def _visible(self, domain_id: str, *also: Scope) -> Record:
        """Returns the domain asked for; one that the caller may not see answers as if it were not there."""
        caller = require(Scope.FULL_ACCESS, Scope.SERVICE, *also)
        row = await self._store.get_verification(_uuid(domain_id))
        if row is None or not _may_see(caller, row):
            raise DomainNotFound
        return row

    async def _known(self, claim_id: UUID) -> pb.Verification:
        row = await self._store.get_verification(claim_id)
        if row is None:
            raise DomainNotFound
        return await self._told(row)

    async def _told(self, row: Record) -> pb.Verification:
        return protos.verification(row, await self._store.get_checks(row["id"], row["generation"]))


def _may_see(caller: Principal, row: Record) -> bool:
    if caller.scope in (Scope.ADMIN, Scope.SERVICE):
        return True
    tied_elsewhere = bool(caller.claim_ids) and row["id"] not in caller.claim_ids
    return row["tenant_id"] == caller.tenant_id and not tied_elsewhere


def _uuid(domain_id: str) -> UUID:
    try:
        return UUID(domain_id)
    except ValueError:
        raise DomainNotFound from None
