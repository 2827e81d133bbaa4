"""The visitor of a page: the session of the request, and whether its tenant is paused."""

from starlette.exceptions import HTTPException
from starlette.requests import Request

from chassis.client import call
from letterhead.identity.v1.tenants_pb2 import GetTenantRequest, Tenant
from services.console.session import Session
from services.console.stubs import Stubs


def visitor(request: Request) -> Session:
    """Return the session. Raise HTTPException 401 if there is none or it has expired."""
    session: Session | None = request.state.session
    if session is None:
        raise HTTPException(401)
    return session


def key_of(request: Request) -> str:
    """Return the key to call the services with."""
    return visitor(request).key


async def paused(stubs: Stubs, request: Request) -> Tenant | None:
    """Return the visitor's tenant if an operator has paused it, else None."""
    tenant = (await call(stubs.tenants.GetTenant, GetTenantRequest(), key=key_of(request))).tenant
    return tenant if tenant.state == Tenant.STATE_PAUSED else None
