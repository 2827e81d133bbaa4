"""The API key endpoints: create, list and revoke."""

from collections.abc import Mapping

from letterhead.identity.v1 import api_keys_pb2 as pb
from services.console.api import errors, models
from services.console.api.endpoints import RETRY_KEY, ApiRequest, Endpoint, id_of
from services.console.api.errors import Rejected
from services.console.api.lists import QUERY, listing, page_of
from services.console.api.times import time_of

SCOPES: Mapping[str, pb.ApiKey.Scope.ValueType] = {
    "full_access": pb.ApiKey.SCOPE_FULL_ACCESS,
    "sending_access": pb.ApiKey.SCOPE_SENDING_ACCESS,
}


async def create(asked: ApiRequest) -> models.ApiKeyToken:
    """Create an API key and return its token, which is shown only once."""
    body = asked.body(models.CreateApiKey)
    permission = body.permission or "full_access"
    if permission not in SCOPES:
        message = "`permission` must be `full_access` or `sending_access`."
        raise Rejected(errors.OF_FIELDS["permission"], message)
    request = pb.CreateApiKeyRequest(
        name=body.name,
        scope=SCOPES[permission],
        domain_ids=[id_of("domain_id", body.domain_id)] if body.domain_id else (),
        request_id=asked.request_id(),
    )
    response = await asked.ask(asked.calls.api_keys.CreateApiKey, request)
    return models.ApiKeyToken(id=response.api_key.id, token=response.token)


async def list_(asked: ApiRequest) -> models.Listing[models.ApiKey]:
    """List active API keys, newest first, without their tokens."""
    request = pb.ListApiKeysRequest(live_only=True, **page_of(asked.query))
    found = await asked.ask(asked.calls.api_keys.ListApiKeys, request)
    return listing(found, found.api_keys, _written)


async def delete(asked: ApiRequest) -> models.DeletedApiKey:
    """Revoke an API key. This takes effect within a second."""
    request = pb.RevokeApiKeyRequest(api_key_id=asked.id("api_key_id"))
    return models.DeletedApiKey(id=(await asked.ask(asked.calls.api_keys.RevokeApiKey, request)).api_key.id)


def _written(key: pb.ApiKey) -> models.ApiKey:
    return models.ApiKey(id=key.id, name=key.name, created_at=time_of(key.create_time))


ENDPOINTS = (
    Endpoint("POST", "/api-keys", create, models.ApiKeyToken, body=models.CreateApiKey, headers=(RETRY_KEY,)),
    Endpoint("GET", "/api-keys", list_, models.Listing[models.ApiKey], query=QUERY),
    Endpoint("DELETE", "/api-keys/{api_key_id}", delete, models.DeletedApiKey),
)
