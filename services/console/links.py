"""Customer links: opening one signs the browser in to one domain. The pages themselves are in `pages`."""

from datetime import timedelta
from uuid import UUID

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from chassis.access import LINK_PREFIX, well_formed
from chassis.client import CallFailed, call
from letterhead.identity.v1 import links_pb2
from services.console.callers import Callers
from services.console.hardening import Tries
from services.console.session import Sessions
from services.console.stubs import Stubs

DEAD = (
    "The link is incomplete, expired or revoked. Copy all of it, or ask the person who sent it for a new one."
)
LATER = "Too many invalid links were opened. Wait a minute, then try again."
TRIES = 20
TRIES_WITHIN = timedelta(minutes=1)


def link_url(public_url: str, token: str) -> str:
    """Return the URL of a link."""
    return f"{public_url}/d/{token}"


class Links:
    """Opens links, and redirects at once so that no history entry or screenshot contains the token."""

    def __init__(self, stubs: Stubs, callers: Callers, sessions: Sessions, *, addresses_shared: bool) -> None:
        self._stubs = stubs
        self._callers = callers
        self._sessions = sessions
        self._tries = Tries(most=TRIES, within=TRIES_WITHIN, addresses_shared=addresses_shared)

    def routes(self) -> list[Route]:
        """Return the route of all links."""
        return [Route("/d/{token:str}", self._open)]

    async def _open(self, request: Request) -> Response:
        token: str = request.path_params["token"]
        if wait := self._tries.wait(request, token):
            raise HTTPException(429, LATER, {"retry-after": str(int(wait.total_seconds()) + 1)})
        try:
            domain_id = await self._domain(token)
        except HTTPException:
            self._tries.failed(request, token)
            raise
        response = RedirectResponse(f"/d/{domain_id}", 303)
        self._sessions.end_oldest(request, response)
        self._sessions.begin(response, token, domain_id=domain_id)
        return response

    async def _domain(self, token: str) -> UUID:
        if not (token.startswith(LINK_PREFIX) and well_formed(token)):
            raise HTTPException(404, DEAD)
        try:
            await self._callers.tenant_of(token)
            opened = await call(self._stubs.links.OpenLink, links_pb2.OpenLinkRequest(), key=token)
        except CallFailed as failure:
            if failure.reason == "KEY_INVALID":
                raise HTTPException(404, DEAD) from None
            raise
        return UUID(opened.link.domain_id)
