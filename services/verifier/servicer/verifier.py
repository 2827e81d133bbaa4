# ruff: noqa: ARG002, N802 - gRPC defines the method names and the context parameter
"""VerifierService: returns stored verifications and marks domains as due. Makes no checks itself."""

from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

from chassis.access import Visibility, visibility
from chassis.backoff import wait_any
from chassis.database import Record
from chassis.notifier import Notifier
from chassis.pages import next_token, page
from chassis.protos import id_of
from letterhead.verifier.v1 import verifier_pb2 as pb
from letterhead.verifier.v1 import verifier_pb2_grpc
from services.verifier.errors import DomainDeleting, DomainNotFound, DomainSuperseded
from services.verifier.servicer import mappers as protos
from services.verifier.store.views import ViewStore

WATCHED = timedelta(seconds=10)  # how long a domain stays watched after its watcher's last renewal
POLL = timedelta(seconds=1)  # in case a notification is lost
TIMES_EVERY = timedelta(seconds=10)  # how often a stream sends the times of checks that changed nothing else
DELETING = frozenset({"DELETING", "DELETED"})


class VerifierServicer(verifier_pb2_grpc.VerifierServiceServicer):
    """Answers from the store; `wake` starts the check of a marked domain without delay."""

    def __init__(self, store: ViewStore, notifier: Notifier, wake: Callable[[], None]) -> None:
        self._store = store
        self._notifier = notifier
        self._wake = wake

    async def VerifyDomain(self, request: pb.VerifyDomainRequest, context: Any) -> pb.VerifyDomainResponse:
        sees, claim_id = _access(request.domain_id)
        row = await self._row(claim_id, sees)
        if row["state"] in DELETING:
            raise DomainDeleting(row["name"])
        if row["ownership"] == "SUPERSEDED":
            raise DomainSuperseded(row["name"])
        await self._store.mark_due(claim_id, sees)
        self._wake()
        return pb.VerifyDomainResponse(verification=await self._known(claim_id, sees))

    async def GetVerification(
        self, request: pb.GetVerificationRequest, context: Any
    ) -> pb.GetVerificationResponse:
        sees, claim_id = _access(request.domain_id)
        return pb.GetVerificationResponse(verification=await self._known(claim_id, sees))

    async def WatchDomain(
        self, request: pb.WatchDomainRequest, context: Any
    ) -> AsyncIterator[pb.WatchDomainResponse]:
        sees, claim_id = _access(request.domain_id)
        sent: pb.Verification | None = None
        while sent is None or sent.state != protos.state("DELETED"):
            changed = self._notifier.next_event()
            known = await self._known(claim_id, sees)
            if await self._store.mark_watched(claim_id, sees, WATCHED):
                self._wake()
            if sent is None or protos.differ(known, sent, times=TIMES_EVERY):
                yield pb.WatchDomainResponse(verification=known)
                sent = known
            await wait_any(changed, timeout=POLL.total_seconds())

    async def ListTransitions(
        self, request: pb.ListTransitionsRequest, context: Any
    ) -> pb.ListTransitionsResponse:
        sees, claim_id = _access(request.domain_id)
        await self._row(claim_id, sees)
        of = f"transitions/{claim_id}"
        requested = page(request.page_size, request.page_token, of=of)
        found = await self._store.list_transitions(claim_id, sees, requested.after_id(), requested.size + 1)
        shown = found[: requested.size]
        return pb.ListTransitionsResponse(
            transitions=[protos.transition(row) for row in shown],
            next_page_token=next_token(of, shown[-1]["id"]) if len(found) > len(shown) else "",
        )

    async def GetSesAccount(self, request: pb.GetSesAccountRequest, context: Any) -> pb.GetSesAccountResponse:
        sees = visibility()
        rows = await self._store.list_accounts(sees)
        return pb.GetSesAccountResponse(accounts=[protos.account(row) for row in rows])

    async def _row(self, claim_id: UUID, sees: Visibility) -> Record:
        """Return the requested domain. Raise DomainNotFound also for one that the caller may not see."""
        row = await self._store.get_verification(claim_id, sees)
        if row is None:
            raise DomainNotFound
        return row

    async def _known(self, claim_id: UUID, sees: Visibility) -> pb.Verification:
        row = await self._row(claim_id, sees)
        checks = await self._store.get_checks(claim_id, row["generation"], sees)
        return protos.verification(row, await self._store.get_proof(claim_id, sees), checks)


def _access(domain_id: str) -> tuple[Visibility, UUID]:
    """Return the caller's visibility filter and the id of the requested domain."""
    return visibility(), id_of(domain_id, DomainNotFound)
