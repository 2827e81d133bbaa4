# ruff: noqa: ARG002, N802 - rpc names come from the contract, and gRPC passes a context to each
"""The rpcs on suppression lists: they map messages to values and back, without rules of their own."""

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from chassis.access import TenantVisibility, tenant_visibility
from chassis.addresses import BadAddress, match_of, parse_recipient
from chassis.errors import InvalidField
from chassis.pages import window
from chassis.protos import id_of, stamp_of
from letterhead.events.v1.suppression_reason_pb2 import SuppressionReason
from letterhead.sender.v1 import suppressions_pb2 as pb
from letterhead.sender.v1 import suppressions_pb2_grpc as pb_grpc
from services.sender.errors import SuppressionNotFound, TenantNotFound
from services.sender.events.published import to_parameters
from services.sender.model.emails import Reason, Suppression
from services.sender.store.emails import EmailStore
from services.sender.store.suppressions import SuppressionStore

MAX_NOTE = 500  # characters


class SuppressionServicer(pb_grpc.SuppressionServiceServicer):
    """letterhead.sender.v1.SuppressionService."""

    def __init__(self, suppressions: SuppressionStore, emails: EmailStore) -> None:
        self._suppressions = suppressions
        self._emails = emails

    async def ListSuppressions(
        self, request: pb.ListSuppressionsRequest, context: Any
    ) -> pb.ListSuppressionsResponse:
        sees = await self._tenant(request.tenant_id)
        reasons = _reasons(request.reasons)
        page = window(request, of=" ".join(["suppressions", str(sees.tenant_id), *sorted(reasons)]))
        shown, token = page.cut(await self._suppressions.page(sees, page, reasons))
        return pb.ListSuppressionsResponse(suppressions=map(_to_proto, shown), next_page_token=token)

    async def GetSuppression(
        self, request: pb.GetSuppressionRequest, context: Any
    ) -> pb.GetSuppressionResponse:
        sees = await self._tenant(request.tenant_id)
        found = await self._suppressions.find(sees, _entry(request))
        return pb.GetSuppressionResponse(suppression=_to_proto(_found(found)))

    async def AddSuppression(
        self, request: pb.AddSuppressionRequest, context: Any
    ) -> pb.AddSuppressionResponse:
        sees = await self._tenant(request.tenant_id)
        added = await self._suppressions.add_by_hand(sees, _match(request.address), _note(request.note))
        return pb.AddSuppressionResponse(suppression=_to_proto(added))

    async def RemoveSuppression(
        self, request: pb.RemoveSuppressionRequest, context: Any
    ) -> pb.RemoveSuppressionResponse:
        sees = await self._tenant(request.tenant_id)
        removed = await self._suppressions.remove(sees, _entry(request))
        return pb.RemoveSuppressionResponse(suppression=_to_proto(_found(removed)))

    async def _tenant(self, requested: str) -> TenantVisibility:
        sees = tenant_visibility(requested)
        if requested and not await self._emails.tenant_exists(sees):
            raise TenantNotFound
        return sees


def _match(address: str) -> str:
    try:
        return match_of(parse_recipient(address))
    except BadAddress as bad:
        raise InvalidField.of("address", bad) from None


def _entry(request: pb.GetSuppressionRequest | pb.RemoveSuppressionRequest) -> str | UUID:
    """Return the address or the id of the requested entry."""
    if bool(request.address) == bool(request.suppression_id):
        reason = "BOTH_SET" if request.address else "BOTH_EMPTY"
        raise InvalidField("address", reason, other_field="suppression_id")
    if request.suppression_id:
        return id_of(request.suppression_id, SuppressionNotFound)
    return _match(request.address)


def _reasons(values: Iterable[int]) -> set[Reason]:
    """Return the requested reasons; raise InvalidArgument for an unknown one."""
    known: dict[int, Reason] = {
        SuppressionReason.Value(f"SUPPRESSION_REASON_{reason}"): reason for reason in Reason
    }
    try:
        return {known[value] for value in values}
    except KeyError:
        raise InvalidField("reasons", "UNKNOWN_VALUE", allowed=", ".join(Reason)) from None


def _note(note: str) -> str:
    if len(note) > MAX_NOTE:
        raise InvalidField("note", "TOO_LONG", limit=MAX_NOTE)
    if "\0" in note:
        raise InvalidField("note", "CONTROL_CHARACTER")
    return note


def _found(suppression: Suppression | None) -> Suppression:
    if suppression is None:
        raise SuppressionNotFound
    return suppression


def _to_proto(suppression: Suppression) -> pb.Suppression:
    return pb.Suppression(
        tenant_id=str(suppression.tenant_id),
        address=suppression.address,
        reason=SuppressionReason.Value(f"SUPPRESSION_REASON_{suppression.reason}"),
        email_id=str(suppression.email_id or ""),
        note=suppression.note,
        message=suppression.message,
        parameters=to_parameters(suppression.parameters),
        create_time=stamp_of(suppression.created_at),
        id=str(suppression.id),
        expire_time=stamp_of(suppression.expires_at),
    )
