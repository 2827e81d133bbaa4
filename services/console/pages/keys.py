"""A tenant's API keys: the list, creating one (its token is shown once), revoking one."""

from uuid import uuid4

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from chassis.client import CallFailed, call
from letterhead.access.v1 import scope_pb2
from letterhead.identity.v1.api_keys_pb2 import (
    CreateApiKeyRequest,
    ListApiKeysRequest,
    RevokeApiKeyRequest,
)
from services.console.pages.templates import UNPROCESSABLE, Form, Templates, older, typed
from services.console.pages.visitor import key_of, visitor
from services.console.stubs import Stubs

HERE = "/app/keys"
PAGE = 50
SCOPES = {"full": scope_pb2.SCOPE_FULL_ACCESS, "sending": scope_pb2.SCOPE_SENDING_ACCESS}
FIELDS = {"name": "name"}


class KeysPages:
    """The list of keys, and the forms to create and revoke one."""

    def __init__(self, stubs: Stubs, templates: Templates) -> None:
        self._stubs = stubs
        self._templates = templates

    def routes(self) -> list[BaseRoute]:
        """Return the routes."""
        return [
            Route(HERE, self._list),
            Route(f"{HERE}/new", self._new),
            Route(f"{HERE}/new", self._create, methods=["POST"]),
            Route(f"{HERE}/{{key_id:uuid}}/revoke", self._revoke, methods=["POST"]),
        ]

    async def _list(self, request: Request) -> Response:
        grpc_request = ListApiKeysRequest(page_size=PAGE, page_token=request.query_params.get("after", ""))
        found = await call(self._stubs.api_keys.ListApiKeys, grpc_request, key=key_of(request))
        more = older(request, found.next_page_token)
        return self._templates.page(request, "keys.html", keys=found.api_keys, **more)

    async def _new(self, request: Request) -> Response:
        visitor(request)
        return self._form(request, Form())

    def _form(self, request: Request, form: Form, status: int = 200) -> Response:
        return self._templates.page(request, "key_new.html", status, form=form, request_id=str(uuid4()))

    async def _create(self, request: Request) -> Response:
        """Create a key and show its token in the response, because its token is not stored."""
        form = typed((await request.form()).items())
        grpc_request = CreateApiKeyRequest(
            name=form.typed("name"),
            scope=SCOPES.get(form.typed("scope"), scope_pb2.SCOPE_SENDING_ACCESS),
            request_id=form.typed("request_id") or str(uuid4()),
        )
        try:
            created = await call(self._stubs.api_keys.CreateApiKey, grpc_request, key=key_of(request))
        except CallFailed as failure:
            return self._form(request, form.with_failure(failure, FIELDS), UNPROCESSABLE)
        return self._templates.page(request, "key_created.html", key=created.api_key, token=created.token)

    async def _revoke(self, request: Request) -> Response:
        grpc_request = RevokeApiKeyRequest(api_key_id=str(request.path_params["key_id"]))
        await call(self._stubs.api_keys.RevokeApiKey, grpc_request, key=key_of(request))
        return RedirectResponse(HERE, 303)
