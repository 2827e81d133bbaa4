"""Callers of identity with their keys, and the errors that they receive."""

from collections.abc import Awaitable
from dataclasses import dataclass
from functools import partial
from typing import Any

import grpc
from google.rpc import error_details_pb2
from grpc_status import rpc_status

from letterhead.identity.v1 import (
    api_keys_pb2_grpc,
    contacts_pb2_grpc,
    domains_pb2_grpc,
    links_pb2_grpc,
    tenants_pb2_grpc,
)
from tests.factories import bearer


class Keyed:
    """A stub that sends a key with every rpc."""

    def __init__(self, stub: Any, token: str) -> None:
        self._stub = stub
        self._token = token

    def __getattr__(self, rpc: str) -> Any:
        return partial(getattr(self._stub, rpc), metadata=bearer(self._token))


class Caller:
    """The holder of a key, calling one replica."""

    def __init__(self, channel: grpc.aio.Channel, token: str) -> None:
        self.channel = channel
        self.key = token
        self.tenants = Keyed(tenants_pb2_grpc.TenantServiceStub(channel), token)
        self.contacts = Keyed(contacts_pb2_grpc.ContactServiceStub(channel), token)
        self.keys = Keyed(api_keys_pb2_grpc.ApiKeyServiceStub(channel), token)
        self.domains = Keyed(domains_pb2_grpc.DomainServiceStub(channel), token)
        self.links = Keyed(links_pb2_grpc.LinkServiceStub(channel), token)


@dataclass(frozen=True)
class CallError:
    """The error of a failed call, as the client receives it."""

    code: grpc.StatusCode
    reason: str
    message: str
    fields: dict[str, str]
    metadata: dict[str, str]


async def refused(call: Awaitable[Any]) -> CallError:
    """Await a call that must fail; return its error."""
    try:
        answer = await call
    except grpc.aio.AioRpcError as error:
        return _rejection(error)
    raise AssertionError(f"the call did not fail: {answer}")


def _rejection(error: grpc.aio.AioRpcError) -> CallError:
    info, bad_request = error_details_pb2.ErrorInfo(), error_details_pb2.BadRequest()
    status = rpc_status.from_call(error)
    for detail in status.details if status else ():
        detail.Unpack(info)
        detail.Unpack(bad_request)
    fields = {each.field: each.description for each in bad_request.field_violations}
    return CallError(error.code(), info.reason, error.details() or "", fields, dict(info.metadata))
