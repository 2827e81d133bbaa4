"""Request handling shared by all API endpoints: authentication, rate limits, bodies and responses.

What an endpoint does is up to its handler.
"""

import inspect
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any, TypeVar
from uuid import UUID, uuid4

import msgspec
from starlette.datastructures import QueryParams
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from chassis.access import hash_token, well_formed
from chassis.client import DEADLINE, CallFailed, call
from chassis.config import MEBIBYTE
from chassis.connections import mark_authenticated
from chassis.memory import BodyMemory
from chassis.telemetry import get_logger
from services.console.api import errors, models
from services.console.api.bodies import Bodies, Body
from services.console.api.decoding import decoded
from services.console.api.errors import Rejected
from services.console.api.limits import Limiter
from services.console.callers import Callers
from services.console.stubs import Stubs

log = get_logger(__name__)

IDEMPOTENCY_KEY = "Idempotency-Key"
MAX_IDEMPOTENCY_KEY = 256
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS")

Reply = TypeVar("Reply")
Model = TypeVar("Model", bound=models.Body)
Parsed = TypeVar("Parsed")


@dataclass(frozen=True, slots=True)
class ApiRequest:
    """An admitted request, and the services that it may call with its own key."""

    stubs: Stubs
    key: str
    path: Mapping[str, Any]
    query: QueryParams
    headers: Mapping[str, str]
    received: Body = field(default_factory=Body)

    async def call(
        self, method: Callable[..., Awaitable[Reply]], request: Any, *, deadline: timedelta = DEADLINE
    ) -> Reply:
        """Call a service with the key of the request. Raise CallFailed."""
        return await call(method, request, key=self.key, deadline=deadline)

    def id(self, name: str) -> str:
        """Return an id from the path. Raise Rejected if it is not a UUID."""
        return id_of(name, self.path[name])

    def body(self, model: type[Model]) -> Model:
        """Return the decoded body. Raise Rejected."""
        return decoded(self.received.content, model)

    async def parsed(self, parse: Callable[[bytes], Parsed]) -> Parsed:
        """Return the body parsed, in a thread if it is large. Raise what `parse` raises."""
        return await self.received.parsed(parse)

    def request_id(self) -> str:
        """Return the idempotency key, or a new id, because calls to a service that is down are retried.

        Raise Rejected for a key that is too long.
        """
        if (key := self.headers.get(IDEMPOTENCY_KEY)) is None:
            return str(uuid4())
        if not 1 <= len(key) <= MAX_IDEMPOTENCY_KEY or not key.isprintable():
            message = f"The idempotency key must have 1 to {MAX_IDEMPOTENCY_KEY} printable characters."
            raise Rejected(errors.BAD_IDEMPOTENCY_KEY, message)
        return key


Handler = Callable[[ApiRequest], Awaitable[Any]]


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One method of one path: its handler, its inputs and its response."""

    method: str
    path: str
    handler: Handler
    answer: Any
    body: Any = None
    query: Sequence[str] = ()
    headers: Sequence[str] = ()
    largest: int = MEBIBYTE  # maximum body size in bytes

    @property
    def summary(self) -> str:
        """Return a sentence that describes the endpoint."""
        return inspect.getdoc(self.handler) or ""


def id_of(name: str, text: str) -> str:
    """Return an id in canonical form. Raise Rejected if it is not a UUID."""
    try:
        return str(UUID(text))
    except ValueError:
        raise Rejected(errors.BAD_ID, f"The `{name}` must be a valid UUID.") from None


class Gateway:
    """Admits requests within their key's rate limit, and reads their bodies only if the key is valid."""

    def __init__(self, stubs: Stubs, callers: Callers, limiter: Limiter, memory: BodyMemory) -> None:
        self._stubs = stubs
        self._callers = callers
        self._limiter = limiter
        self._bodies = Bodies(memory)

    def route(self, path: str, endpoints: Sequence[Endpoint]) -> BaseRoute:
        """Return the route of a path with all its methods."""
        by_method = {each.method: each for each in endpoints}

        async def answer(request: Request) -> Response:
            if (endpoint := by_method.get(request.method)) is None:
                return _not_allowed(request, by_method)
            return await self._answer(request, endpoint)

        return Route(path, answer, methods=METHODS)

    async def _answer(self, request: Request, endpoint: Endpoint) -> Response:
        headers: dict[str, str] = {}
        try:
            key = _key(request)
            allowance = self._limiter.take(hash_token(key))
            headers = allowance.headers()
            if allowance.retry_after is not None:
                message = f"Too many requests. This key may make {allowance.limit} requests per second."
                raise Rejected(errors.kind_of("RATE_EXCEEDED"), message, retry_after=allowance.retry_after)
            content = msgspec.json.encode(await self._handled(request, endpoint, key))
            response = Response(content, media_type="application/json")
        except ClientDisconnect:
            response = Response(status_code=400)  # the client is gone and will not read it
        except Exception as error:  # noqa: BLE001 - every error becomes a response, unexpected ones are logged
            response = failed(request, error)
        response.headers.update(headers)
        return response

    async def _handled(self, request: Request, endpoint: Endpoint, key: str) -> Any:
        incoming = ApiRequest(self._stubs, key, request.path_params, request.query_params, request.headers)
        if endpoint.body is None:
            answer = await endpoint.handler(incoming)
            mark_authenticated(request.scope)  # the service accepted the key
            return answer
        tenant = await self._callers.tenant_of(key)
        mark_authenticated(request.scope)
        async with self._bodies.read(request, tenant, largest=endpoint.largest) as received:
            return await endpoint.handler(replace(incoming, received=received))


def failed(request: Request, error: Exception) -> Response:
    """Return the response to an error, and log an unexpected one."""
    rejection = errors.rejected(error)
    if rejection.status == errors.INTERNAL[0] and not isinstance(error, Rejected | CallFailed):
        path = request.url.path
        log.error("unhandled exception in API request", action="api_failed", path=path, exc_info=error)
    return errors.answer(rejection)


def _not_allowed(request: Request, allowed: Mapping[str, Endpoint]) -> Response:
    methods = ", ".join(allowed)
    kind = (405, errors.STATUSES[405])
    response = errors.answer(Rejected(kind, f"{request.method} is not allowed here. Use {methods}."))
    response.headers["allow"] = methods
    return response


def _key(request: Request) -> str:
    kind, _, token = request.headers.get("authorization", "").strip().partition(" ")
    token = token.strip()
    if not token:
        message = "Missing API key. Send it as `Authorization: Bearer lh_…`."
        raise Rejected(errors.kind_of("KEY_MISSING"), message)
    if kind.lower() != "bearer" or not well_formed(token):
        raise Rejected(errors.kind_of("KEY_INVALID"), "API key is invalid. Letterhead keys start with `lh_`.")
    return token
