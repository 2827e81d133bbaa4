# ruff: noqa: ARG002, N802 - methods have the rpc names of the proto, and gRPC passes each a context
"""ContactService: the address of each tenant that notices are sent to."""

from typing import Any

from chassis.access import TenantVisibility, tenant_visibility
from chassis.addresses import BadAddress, parse_address
from chassis.codes import read_code
from chassis.errors import InvalidField
from chassis.idempotency import valid_request_id
from chassis.protos import id_of, stamp_of
from letterhead.identity.v1 import contacts_pb2 as pb
from letterhead.identity.v1 import contacts_pb2_grpc
from services.identity.errors import TenantNotFound
from services.identity.model.contacts import Contact
from services.identity.store.contacts import ContactStore
from services.identity.store.requests import Request


class ContactServicer(contacts_pb2_grpc.ContactServiceServicer):
    """Serves contacts from the store."""

    def __init__(self, store: ContactStore) -> None:
        self._store = store

    async def SetContact(self, request: pb.SetContactRequest, context: Any) -> pb.SetContactResponse:
        sees = _tenant(request.tenant_id)
        address = _address(request.address)
        asked = Request(sees.tenant_id, "SetContact", valid_request_id(request.request_id), (address,))
        return pb.SetContactResponse(contact=_to_proto(await self._store.request(sees, address, asked)))

    async def ConfirmContact(
        self, request: pb.ConfirmContactRequest, context: Any
    ) -> pb.ConfirmContactResponse:
        sees = _tenant(request.tenant_id)
        contact = await self._store.confirm(sees, read_code(request.code))
        return pb.ConfirmContactResponse(contact=_to_proto(contact))

    async def GetContact(self, request: pb.GetContactRequest, context: Any) -> pb.GetContactResponse:
        sees = _tenant(request.tenant_id)
        return pb.GetContactResponse(contact=_to_proto(await self._store.get(sees)))

    async def RemoveContact(self, request: pb.RemoveContactRequest, context: Any) -> pb.RemoveContactResponse:
        sees = _tenant(request.tenant_id)
        return pb.RemoveContactResponse(contact=_to_proto(await self._store.remove(sees)))


def _tenant(requested: str) -> TenantVisibility:
    """Return the visibility of the requested tenant, by default the caller's own."""
    if requested:
        id_of(requested, TenantNotFound)
    return tenant_visibility(requested)


def _address(typed: str) -> str:
    try:
        return parse_address(typed).lower()
    except BadAddress as bad:
        raise InvalidField.of("address", bad) from None


def _to_proto(contact: Contact) -> pb.Contact:
    return pb.Contact(
        tenant_id=str(contact.tenant_id),
        address=contact.address,
        confirm_time=stamp_of(contact.confirmed_at),
        pending_address=contact.pending_address,
        code_expire_time=stamp_of(contact.code_expires_at),
    )
