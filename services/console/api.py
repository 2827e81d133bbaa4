"""The Resend-compatible API at the root paths, put together."""

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute

from services.console.calls import Calls


def routes(calls: Calls, *, requests_per_second: int) -> list[BaseRoute]:
    """Give the API's routes."""
    _ = calls, requests_per_second
    return []


def refusal(request: Request, error: Exception) -> Response:
    """Say an error as Resend does; `error` is a Refused, an HTTPException, or an accident of ours."""
    _ = request, error
    return JSONResponse({"statusCode": 500, "name": "application_error", "message": ""}, 500)
