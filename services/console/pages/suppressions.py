"""The addresses that a tenant does not send to: the list, adding one, removing one."""

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from letterhead.sender.v1.suppressions_pb2 import (
    AddSuppressionRequest,
    ListSuppressionsRequest,
    RemoveSuppressionRequest,
)
from services.console.calls import CallFailed, Calls
from services.console.pages.templates import UNPROCESSABLE, Form, Templates, older, typed
from services.console.pages.visitor import key_of

HERE = "/app/suppressions"
PAGE = 50
FIELDS = {"address": "address", "note": "note"}


class SuppressionsPages:
    """The suppression list, and the forms to add and remove an address."""

    def __init__(self, calls: Calls, templates: Templates) -> None:
        self._calls = calls
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
        asked = ListSuppressionsRequest(page_size=PAGE, page_token=request.query_params.get("after", ""))
        found = await self._calls.ask(self._calls.suppressions.ListSuppressions, asked, key=key_of(request))
        return self._templates.page(
            request, "suppressions.html", status, suppressions=found.suppressions, form=form,
            **older(request, found.next_page_token),
        )  # fmt: skip

    async def _add(self, request: Request) -> Response:
        form = typed((await request.form()).items())
        asked = AddSuppressionRequest(address=form.typed("address"), note=form.typed("note"))
        try:
            await self._calls.ask(self._calls.suppressions.AddSuppression, asked, key=key_of(request))
        except CallFailed as refused:
            return await self._list(request, form.refused(refused, FIELDS), UNPROCESSABLE)
        return RedirectResponse(HERE, 303)

    async def _remove(self, request: Request) -> Response:
        form = typed((await request.form()).items())
        asked = RemoveSuppressionRequest(address=form.typed("address"))
        try:
            await self._calls.ask(self._calls.suppressions.RemoveSuppression, asked, key=key_of(request))
        except CallFailed as refused:
            if refused.code.name != "NOT_FOUND":  # already removed
                raise
        return RedirectResponse(HERE, 303)
