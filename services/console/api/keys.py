"""The API key endpoints: create, list, rename and revoke."""

from collections.abc import Mapping

from letterhead.access.v1 import scope_pb2
from letterhead.identity.v1 import api_keys_pb2 as pb
from services.console.api import errors, models
from services.console.api.endpoints import IDEMPOTENCY_KEY, ApiRequest, Endpoint, id_of
from services.console.api.errors import Rejected
from services.console.api.lists import QUERY, listing, page_of
from services.console.api.times import time_of

SCOPES: Mapping[str, scope_pb2.Scope.ValueType] = {
    "full_access": scope_pb2.SCOPE_FULL_ACCESS,
    "sending_access": scope_pb2.SCOPE_SENDING_ACCESS,
}


async def create(incoming: ApiRequest) -> models.ApiKeyToken:
    """Create an API key and return its token, which is shown only once."""
    body = incoming.body(models.CreateApiKey)
    permission = body.permission or "full_access"
    if permission not in SCOPES:
        message = "`permission` must be `full_access` or `sending_access`."
        raise Rejected(errors.FIELD_KINDS["permission"], message)
    request = pb.CreateApiKeyRequest(
        name=body.name,
        scope=SCOPES[permission],
        domain_ids=[id_of("domain_id", body.domain_id)] if body.domain_id else (),
        request_id=incoming.request_id(),
    )
    response = await incoming.call(incoming.stubs.api_keys.CreateApiKey, request)
    return models.ApiKeyToken(id=response.api_key.id, token=response.token)


async def list_(incoming: ApiRequest) -> models.Listing[models.ApiKey]:
    """List active API keys, newest first, without their tokens."""
    request = pb.ListApiKeysRequest(live_only=True, **page_of(incoming.query))
    found = await incoming.call(incoming.stubs.api_keys.ListApiKeys, request)
    return listing(found, found.api_keys, _written)


async def update(incoming: ApiRequest) -> models.ApiKeyReference:
    """Rename an API key. Its token, permission and domain stay the same."""
    request = pb.UpdateApiKeyRequest(
        api_key_id=incoming.id("api_key_id"), name=incoming.body(models.UpdateApiKey).name
    )
    updated = await incoming.call(incoming.stubs.api_keys.UpdateApiKey, request)
    return models.ApiKeyReference(id=updated.api_key.id)


async def delete(incoming: ApiRequest) -> models.DeletedApiKey:
    """Revoke an API key. This takes effect within a second."""
    request = pb.RevokeApiKeyRequest(api_key_id=incoming.id("api_key_id"))
    revoked = await incoming.call(incoming.stubs.api_keys.RevokeApiKey, request)
    return models.DeletedApiKey(id=revoked.api_key.id)


def _written(key: pb.ApiKey) -> models.ApiKey:
    return models.ApiKey(id=key.id, name=key.name, created_at=time_of(key.create_time))


ENDPOINTS = (
    Endpoint(
        "POST", "/api-keys", create, models.ApiKeyToken, body=models.CreateApiKey, headers=(IDEMPOTENCY_KEY,)
    ),
    Endpoint("GET", "/api-keys", list_, models.Listing[models.ApiKey], query=QUERY),
    Endpoint("PATCH", "/api-keys/{api_key_id}", update, models.ApiKeyReference, body=models.UpdateApiKey),
    Endpoint("DELETE", "/api-keys/{api_key_id}", delete, models.DeletedApiKey),
)
