# ruff: noqa: ARG002, N802 - methods have the rpc names of the proto, and gRPC passes each a context
"""ApiKeyService: a tenant's API keys."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from chassis.access import Scope, TenantVisibility, generate_key, principal, tenant_visibility, visibility
from chassis.errors import InvalidField
from chassis.idempotency import valid_request_id
from chassis.ids import uuid7
from chassis.pages import window
from chassis.protos import id_of, stamp_of, time_of
from letterhead.access.v1 import scope_pb2
from letterhead.identity.v1 import api_keys_pb2 as pb
from letterhead.identity.v1 import api_keys_pb2_grpc
from services.identity.errors import DomainNotFound, KeyNotFound, ScopeTooSmall
from services.identity.model.keys import LONGEST_OVERLAP, OVERLAP, ApiKey, NewKey, Rotation
from services.identity.servicer.requests import line
from services.identity.store.keys import KeyStore
from services.identity.store.requests import Request

LONGEST_NAME = 100
MOST_DOMAINS = 100
CREATABLE = (Scope.ADMIN, Scope.FULL_ACCESS, Scope.SENDING_ACCESS)


class ApiKeyServicer(api_keys_pb2_grpc.ApiKeyServiceServicer):
    """Serves API keys from the store."""

    def __init__(self, store: KeyStore) -> None:
        self._store = store

    async def CreateApiKey(self, request: pb.CreateApiKeyRequest, context: Any) -> pb.CreateApiKeyResponse:
        sees = tenant_visibility(request.tenant_id)
        token, digest, hint = generate_key()
        key = _new_key(request, sees, digest, hint)
        content = (key.name, key.scope, key.claim_ids, key.expires_at)
        asked = Request(sees.tenant_id, "CreateApiKey", valid_request_id(request.request_id), content)
        created = await self._store.create(key, asked, sees)
        return pb.CreateApiKeyResponse(api_key=_to_proto(created), token=token)

    async def ListApiKeys(self, request: pb.ListApiKeysRequest, context: Any) -> pb.ListApiKeysResponse:
        sees = tenant_visibility(request.tenant_id)
        of = f"api_keys/{sees.tenant_id}" + ("/live" if request.live_only else "")
        asked = window(request, of=of)
        shown, more = asked.cut(await self._store.page(sees, asked, live_only=request.live_only))
        return pb.ListApiKeysResponse(api_keys=map(_to_proto, shown), next_page_token=more)

    async def UpdateApiKey(self, request: pb.UpdateApiKeyRequest, context: Any) -> pb.UpdateApiKeyResponse:
        sees = visibility()
        name = line("name", request.name, longest=LONGEST_NAME)
        key = await self._store.rename(id_of(request.api_key_id, KeyNotFound), name, sees)
        return pb.UpdateApiKeyResponse(api_key=_to_proto(key))

    async def RevokeApiKey(self, request: pb.RevokeApiKeyRequest, context: Any) -> pb.RevokeApiKeyResponse:
        sees = visibility()
        key = await self._store.revoke(id_of(request.api_key_id, KeyNotFound), sees)
        return pb.RevokeApiKeyResponse(api_key=_to_proto(key))

    async def RotateApiKey(self, request: pb.RotateApiKeyRequest, context: Any) -> pb.RotateApiKeyResponse:
        sees = visibility()
        token, digest, hint = generate_key()
        rotation = Rotation(
            old_id=id_of(request.api_key_id, KeyNotFound),
            new_id=uuid7(),
            digest=digest,
            hint=hint,
            overlap=_overlap(request),
        )
        new, old = await self._store.rotate(rotation, sees)
        return pb.RotateApiKeyResponse(api_key=_to_proto(new), token=token, replaced=_to_proto(old))

    async def GetCaller(self, request: pb.GetCallerRequest, context: Any) -> pb.GetCallerResponse:
        return pb.GetCallerResponse(tenant_id=str(principal().tenant_id))


def _new_key(request: pb.CreateApiKeyRequest, sees: TenantVisibility, digest: bytes, hint: str) -> NewKey:
    scope = _scope_of(request.scope)
    if scope not in sees.kinds:
        raise ScopeTooSmall(principal().scope, scope)
    return NewKey(
        id=uuid7(),
        tenant_id=sees.tenant_id,
        name=line("name", request.name, longest=LONGEST_NAME),
        scope=scope,
        digest=digest,
        hint=hint,
        claim_ids=_claim_ids(request, scope),
        expires_at=time_of("expire_time", request.expire_time) if request.HasField("expire_time") else None,
    )


def _overlap(request: pb.RotateApiKeyRequest) -> timedelta:
    if not request.HasField("overlap"):
        return OVERLAP
    seconds = request.overlap.seconds
    if not 0 <= seconds <= LONGEST_OVERLAP.total_seconds():
        raise InvalidField("overlap", "OUT_OF_RANGE", least="0", most=f"{LONGEST_OVERLAP.days} days")
    return timedelta(seconds=seconds)


def _scope_of(value: scope_pb2.Scope.ValueType) -> Scope:
    scopes = {scope_pb2.Scope.Value(f"SCOPE_{scope}"): scope for scope in CREATABLE}
    if value not in scopes:
        raise InvalidField("scope", "UNKNOWN_VALUE", allowed=", ".join(CREATABLE))
    return scopes[value]


def _claim_ids(request: pb.CreateApiKeyRequest, scope: Scope) -> tuple[UUID, ...]:
    if request.domain_ids and scope is not Scope.SENDING_ACCESS:
        raise InvalidField("domain_ids", "ONLY_WITH_SCOPE", scope=Scope.SENDING_ACCESS)
    if len(request.domain_ids) > MOST_DOMAINS:
        raise InvalidField("domain_ids", "TOO_MANY", count=len(request.domain_ids), limit=MOST_DOMAINS)
    return tuple(dict.fromkeys(id_of(text, DomainNotFound) for text in request.domain_ids))


def _to_proto(key: ApiKey) -> pb.ApiKey:
    return pb.ApiKey(
        id=str(key.id),
        tenant_id=str(key.tenant_id),
        name=key.name,
        scope=scope_pb2.Scope.Value(f"SCOPE_{key.scope}"),
        domain_ids=map(str, key.claim_ids),
        hint=key.hint,
        create_time=stamp_of(key.created_at),
        expire_time=stamp_of(key.expires_at),
        revoke_time=stamp_of(key.revoked_at),
        replaced_by=str(key.replaced_by or ""),
    )
