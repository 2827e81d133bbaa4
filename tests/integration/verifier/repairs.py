"""A fake identity service that records RepairDomain calls and repairs nothing."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import grpc

from chassis.access import generate_key
from letterhead.identity.v1 import domains_pb2 as pb
from letterhead.identity.v1 import domains_pb2_grpc


@dataclass
class Repairs(domains_pb2_grpc.DomainServiceServicer):
    """Records repair requests, oldest first; rejects a call without the verifier's key."""

    key: str = field(default_factory=lambda: generate_key()[0])
    address: str = ""
    asked: list[pb.RepairDomainRequest] = field(default_factory=list)

    async def RepairDomain(self, request: pb.RepairDomainRequest, context: Any) -> pb.RepairDomainResponse:  # noqa: N802
        if ("authorization", f"Bearer {self.key}") not in context.invocation_metadata():
            await context.abort(grpc.StatusCode.UNAUTHENTICATED, "not verifier's key")
        self.asked.append(request)
        return pb.RepairDomainResponse()

    def causes(self, domain_id: object) -> list[str]:
        """Return the causes requested for a domain, oldest first."""
        causes = [each.cause for each in self.asked if each.domain_id == str(domain_id)]
        return [pb.RepairDomainRequest.Cause.Name(cause).removeprefix("CAUSE_") for cause in causes]


@asynccontextmanager
async def serving_repairs() -> AsyncIterator[Repairs]:
    """Run the fake service on a free port."""
    repairs = Repairs()  # type: ignore[abstract] # the generated base class rejects all other RPCs
    server = grpc.aio.server()
    domains_pb2_grpc.add_DomainServiceServicer_to_server(repairs, server)
    repairs.address = f"127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"
    await server.start()
    yield repairs
    await server.stop(0)
