# ruff: noqa: ARG002, N802 - methods have the rpc names of the proto, and gRPC passes each a context
"""LinkService: links to one domain's page."""

from datetime import datetime
from typing import Any

from chassis.access import LINK_PREFIX, generate_key, principal, visibility
from chassis.idempotency import valid_request_id
from chassis.ids import uuid7
from chassis.pages import next_token, page
from chassis.protos import id_of, stamp_of, time_of
from letterhead.identity.v1 import links_pb2 as pb
from letterhead.identity.v1 import links_pb2_grpc
from services.identity.errors import DomainNotFound, LinkNotFound
from services.identity.model.links import Link, NewLink
from services.identity.servicer.requests import line
from services.identity.store.links import LinkStore

LONGEST_NAME = 100


class LinkServicer(links_pb2_grpc.LinkServiceServicer):
    """Serves links from the store."""

    def __init__(self, store: LinkStore) -> None:
        self._store = store

    async def CreateLink(self, request: pb.CreateLinkRequest, context: Any) -> pb.CreateLinkResponse:
        sees = visibility()
        token, digest, hint = generate_key(LINK_PREFIX)
        new = NewLink(
            id=uuid7(),
            claim_id=id_of(request.domain_id, DomainNotFound),
            name=line("name", request.name, longest=LONGEST_NAME, required=False),
            digest=digest,
            hint=hint,
            expires_at=_expiry(request),
        )
        request_id = valid_request_id(request.request_id)
        link = await self._store.create(new, sees, request_id=request_id)
        return pb.CreateLinkResponse(link=_to_proto(link), token=token)

    async def ListLinks(self, request: pb.ListLinksRequest, context: Any) -> pb.ListLinksResponse:
        sees = visibility()
        claim_id = id_of(request.domain_id, DomainNotFound)
        of = f"links/{claim_id}"
        asked = page(request.page_size, request.page_token, of=of)
        found = await self._store.list_after(claim_id, sees, asked.after_id(), asked.size + 1)
        shown = found[: asked.size]
        more = next_token(of, shown[-1].id) if len(found) > len(shown) else ""
        return pb.ListLinksResponse(links=map(_to_proto, shown), next_page_token=more)

    async def RevokeLink(self, request: pb.RevokeLinkRequest, context: Any) -> pb.RevokeLinkResponse:
        sees = visibility()
        link = await self._store.revoke(id_of(request.link_id, LinkNotFound), sees)
        return pb.RevokeLinkResponse(link=_to_proto(link))

    async def OpenLink(self, request: pb.OpenLinkRequest, context: Any) -> pb.OpenLinkResponse:
        sees = visibility()
        return pb.OpenLinkResponse(link=_to_proto(await self._store.get(principal().key_id, sees)))


def _expiry(request: pb.CreateLinkRequest) -> datetime | None:
    return time_of("expire_time", request.expire_time) if request.HasField("expire_time") else None


def _to_proto(link: Link) -> pb.Link:
    return pb.Link(
        id=str(link.id),
        domain_id=str(link.claim_id),
        name=link.name,
        hint=link.hint,
        create_time=stamp_of(link.created_at),
        expire_time=stamp_of(link.expires_at),
        revoke_time=stamp_of(link.revoked_at),
    )
