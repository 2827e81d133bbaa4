"""The addresses that a tenant does not send to: the list, adding one, removing one."""

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from chassis.client import CallFailed, call
from letterhead.sender.v1.suppressions_pb2 import (
    AddSuppressionRequest,
    ListSuppressionsRequest,
    RemoveSuppressionRequest,
)
from services.console.pages.templates import UNPROCESSABLE, Form, Templates, older, typed
from services.console.pages.visitor import key_of
from services.console.stubs import Stubs

HERE = "/app/suppressions"
PAGE = 50
FIELDS = {"address": "address", "note": "note"}


class SuppressionsPages:
    """The suppression list, and the forms to add and remove an address."""

    def __init__(self, stubs: Stubs, templates: Templates) -> None:
        self._stubs = stubs
        self._templates = templates

    def routes(self) -> list[BaseRoute]:
        """Return the routes."""
        return [
            Route(HERE, self._page),
            Route(HERE, self._add, methods=["POST"]),
            Route(f"{HERE}/remove", self._remove, methods=["POST"]),
        ]

    async def _page(self, request: Request) -> Response:
        return await self._list(request, Form())

    async def _list(self, request: Request, form: Form, status: int = 200) -> Response:
        grpc_request = ListSuppressionsRequest(
            page_size=PAGE, page_token=request.query_params.get("after", "")
        )
        found = await call(self._stubs.suppressions.ListSuppressions, grpc_request, key=key_of(request))
        return self._templates.page(
            request, "suppressions.html", status, suppressions=found.suppressions, form=form,
            **older(request, found.next_page_token),
        )  # fmt: skip

    async def _add(self, request: Request) -> Response:
        form = typed((await request.form()).items())
        grpc_request = AddSuppressionRequest(address=form.typed("address"), note=form.typed("note"))
        try:
            await call(self._stubs.suppressions.AddSuppression, grpc_request, key=key_of(request))
        except CallFailed as failure:
            return await self._list(request, form.with_failure(failure, FIELDS), UNPROCESSABLE)
        return RedirectResponse(HERE, 303)

    async def _remove(self, request: Request) -> Response:
        form = typed((await request.form()).items())
        grpc_request = RemoveSuppressionRequest(address=form.typed("address"))
        try:
            await call(self._stubs.suppressions.RemoveSuppression, grpc_request, key=key_of(request))
        except CallFailed as failure:
            if failure.code.name != "NOT_FOUND":  # already removed
                raise
        return RedirectResponse(HERE, 303)
