"""A verifier stream ends soon after identity revokes its key or link or deletes the link's domain."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any
from uuid import uuid4

import grpc
import pytest

from letterhead.access.v1 import scope_pb2
from letterhead.identity.v1.api_keys_pb2 import CreateApiKeyRequest, RevokeApiKeyRequest
from letterhead.identity.v1.domains_pb2 import CreateDomainRequest, DeleteDomainRequest, Domain
from letterhead.identity.v1.links_pb2 import CreateLinkRequest, RevokeLinkRequest
from letterhead.verifier.v1.verifier_pb2 import WatchDomainRequest
from letterhead.verifier.v1.verifier_pb2_grpc import VerifierServiceStub
from tests.e2e.conftest import World
from tests.factories import bearer
from tests.figures import Figure

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(180)]

End = Callable[[], Awaitable[Any]]


async def a_domain(world: World) -> Domain:
    request = CreateDomainRequest(name=f"inbox.d{uuid4().hex[:10]}.ai")
    domain: Domain = (await world.services.domains.CreateDomain(request)).domain
    return domain


async def a_key(world: World) -> tuple[str, End]:
    """Create a key; return it and a function that revokes it."""
    made = await world.services.api_keys.CreateApiKey(
        CreateApiKeyRequest(name="watcher", scope=scope_pb2.SCOPE_FULL_ACCESS)
    )
    revoke = RevokeApiKeyRequest(api_key_id=made.api_key.id)
    return made.token, lambda: world.services.api_keys.RevokeApiKey(revoke)


async def a_link(world: World, domain: Domain) -> tuple[str, End]:
    """Create a link; return it and a function that revokes it."""
    made = await world.services.links.CreateLink(CreateLinkRequest(domain_id=domain.id))
    return made.token, lambda: world.services.links.RevokeLink(RevokeLinkRequest(link_id=made.link.id))


async def ended_after(world: World, domain: Domain, token: str, end: End) -> tuple[grpc.StatusCode, float]:
    """Watch a domain, revoke the watcher's access, and return the stream's status and how long it took."""
    async with grpc.aio.insecure_channel(world.installation.verifier.split(",")[0]) as channel:
        request = WatchDomainRequest(domain_id=domain.id)
        stream: Any = VerifierServiceStub(channel).WatchDomain(request, metadata=bearer(token))
        await stream.read()
        await end()
        started = time.monotonic()
        code: grpc.StatusCode = await asyncio.wait_for(stream.code(), timeout=30)
        return code, time.monotonic() - started


async def test_a_stream_ends_when_its_key_or_link_is_revoked_or_its_domain_deleted(
    world: World, figure: Figure
) -> None:
    domain, deleted = await a_domain(world), await a_domain(world)
    token, _ = await a_link(world, deleted)

    async def delete() -> None:
        await world.services.domains.DeleteDomain(DeleteDomainRequest(domain_id=deleted.id))

    ends = {
        "key revoked": await ended_after(world, domain, *await a_key(world)),
        "link revoked": await ended_after(world, domain, *await a_link(world, domain)),
        "domain of the link deleted": await ended_after(world, deleted, token, delete),
    }

    figure(
        "an open stream ended after: "
        + "; ".join(f"{what}: {seconds:.2f} s" for what, (_, seconds) in ends.items())
        + " (target: 2 s)"
    )
    assert {code for code, _ in ends.values()} == {grpc.StatusCode.UNAUTHENTICATED}
