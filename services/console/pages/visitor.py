"""Who looks at a page: the session that came with the request."""

from starlette.exceptions import HTTPException
from starlette.requests import Request

from services.console.session import Session


def visitor(request: Request) -> Session:
    """Returns the session; raises HTTPException 401 where there is none, or none any more."""
    session: Session | None = request.state.session
    if session is None:
        raise HTTPException(401)
    return session


def key_of(request: Request) -> str:
    """Returns what to call the services with."""
    return visitor(request).key
