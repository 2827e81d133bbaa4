"""The pages for people, put together: a tenant's under /app, a customer's under /d."""

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute

from services.console.assets import Assets
from services.console.calls import Calls
from services.console.session import Sessions


class Pages:
    """Every page, with what pages are made of."""

    def __init__(self, calls: Calls, sessions: Sessions, assets: Assets, *, public_url: str) -> None:
        self._calls = calls
        self._sessions = sessions
        self._assets = assets
        self._public_url = public_url

    def routes(self) -> list[BaseRoute]:
        """Give the routes of all pages."""
        return []

    def refusal(self, request: Request, error: Exception) -> Response:
        """Show an error; `error` is a Refused, an HTTPException, or an accident of ours."""
        _ = request
        return PlainTextResponse(str(error), getattr(error, "status_code", 500))

    def end(self) -> None:
        """End every open stream, so that the process can."""
