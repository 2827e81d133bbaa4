"""Customers' links: what somebody without an account sees of one domain, for as long as its link lives."""

from uuid import UUID

from starlette.requests import Request

from services.console.calls import Calls
from services.console.session import Session, Sessions


class Links:
    """Turns a link into a session of one domain."""

    def __init__(self, calls: Calls, sessions: Sessions) -> None:
        self._calls = calls
        self._sessions = sessions

    def session(self, request: Request, domain_id: UUID) -> Session | None:
        """Give what a link has opened of this domain in this browser."""
        return self._sessions.link(request, domain_id)
