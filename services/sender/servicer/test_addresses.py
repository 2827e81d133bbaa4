# ruff: noqa: ARG002, N802 - rpc names come from the contract, and gRPC passes a context to each
"""The rpcs on test addresses: they map messages to values and back."""

from typing import Any

from chassis.access import visibility
from chassis.idempotency import valid_request_id
from chassis.protos import id_of, stamp_of
from letterhead.sender.v1 import test_addresses_pb2 as pb
from letterhead.sender.v1 import test_addresses_pb2_grpc as pb_grpc
from services.sender.commands.test_addresses import TestAddresses
from services.sender.errors import DomainNotFound
from services.sender.model.test_addresses import TestAddress


class TestAddressServicer(pb_grpc.TestAddressServiceServicer):
    """letterhead.sender.v1.TestAddressService."""

    def __init__(self, test_addresses: TestAddresses) -> None:
        self._test_addresses = test_addresses

    async def SendTestCode(self, request: pb.SendTestCodeRequest, context: Any) -> pb.SendTestCodeResponse:
        sees = visibility()
        request_id = valid_request_id(request.request_id)
        claim_id = id_of(request.domain_id, DomainNotFound)
        sent = await self._test_addresses.send_code(claim_id, request.address, request_id, sees)
        return pb.SendTestCodeResponse(test_address=_to_proto(sent))

    async def ConfirmTestAddress(
        self, request: pb.ConfirmTestAddressRequest, context: Any
    ) -> pb.ConfirmTestAddressResponse:
        sees = visibility()
        claim_id = id_of(request.domain_id, DomainNotFound)
        confirmed = await self._test_addresses.confirm(claim_id, request.address, request.code, sees)
        return pb.ConfirmTestAddressResponse(test_address=_to_proto(confirmed))


def _to_proto(test_address: TestAddress) -> pb.TestAddress:
    return pb.TestAddress(
        domain_id=str(test_address.claim_id),
        address=test_address.address,
        state=pb.TestAddress.State.Value(f"STATE_{test_address.state}"),
        expire_time=stamp_of(test_address.expires_at),
    )
