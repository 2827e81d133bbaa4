"""Who looks at a page: the session that came with the request, and whether its tenant may send."""

from starlette.exceptions import HTTPException
from starlette.requests import Request

from letterhead.identity.v1.tenants_pb2 import GetTenantRequest, Tenant
from services.console.calls import Calls
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


async def paused(calls: Calls, request: Request) -> Tenant | None:
    """Returns the visitor's tenant where an operator has paused it."""
    tenant = (await calls.ask(calls.tenants.GetTenant, GetTenantRequest(), key=key_of(request))).tenant
    return tenant if tenant.state == Tenant.STATE_PAUSED else None
