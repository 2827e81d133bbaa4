"""What happens around every rpc, as layers from the outside in: observed, errors, deadline, access.

Each layer awaits what it is put around. Health and reflection pass untouched.
"""

import asyncio
import inspect
import re
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from typing import Any, TypeAlias

import grpc
import structlog
from grpc_status import rpc_status
from prometheus_client import Counter, Histogram

from chassis import access as keys
from chassis.errors import DeadlineExceeded, Internal, ServiceError, Unavailable, to_status
from chassis.ids import uuid7
from chassis.telemetry import get_logger

log = get_logger(__name__)
CALLS = Counter("letterhead_rpc_total", "Finished rpcs", ["method", "code"])
SECONDS = Histogram("letterhead_rpc_seconds", "Duration of unary rpcs in seconds", ["method"])

REQUEST_ID = "x-request-id"
_REQUEST_ID_FORM = re.compile(r"[A-Za-z0-9._-]{1,64}")
_OUR_FAULT = frozenset({grpc.StatusCode.UNKNOWN, grpc.StatusCode.INTERNAL, grpc.StatusCode.UNAVAILABLE})

_Handler: TypeAlias = Any  # grpc.RpcMethodHandler; its stub does not know the asyncio forms
_Context: TypeAlias = grpc.aio.ServicerContext[Any, Any]


@dataclass
class Call:
    """One running rpc."""

    method: str
    request: Any
    context: _Context
    streaming: bool
    metadata: Mapping[str, str]
    request_id: str
    started: float = field(default_factory=time.monotonic)
    code: grpc.StatusCode = grpc.StatusCode.OK


Inner: TypeAlias = Callable[[Call], Awaitable[Any]]
Layer: TypeAlias = Callable[[Inner, Call], Awaitable[Any]]


class Layers(grpc.aio.ServerInterceptor):
    """Puts the layers, the first outermost, around every method but gRPC's own services."""

    def __init__(self, layers: Sequence[Layer]) -> None:
        self._layers = layers
        self._wrapped: dict[str, _Handler] = {}  # gRPC asks at each call; the methods stay the same

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[_Handler]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> _Handler:
        """Wrap the method's handler; an unknown method stays gRPC's UNIMPLEMENTED."""
        method = handler_call_details.method
        if (wrapped := self._wrapped.get(method)) is not None:
            return wrapped
        handler = await continuation(handler_call_details)
        if handler is None or method.startswith("/grpc."):
            return handler
        self._wrapped[method] = self._wrap(method, handler)
        return self._wrapped[method]

    def _wrap(self, method: str, handler: _Handler) -> _Handler:
        if handler.unary_unary is not None:
            wrapped = grpc.unary_unary_rpc_method_handler
            return wrapped(self._unary(method, handler.unary_unary), *_codecs(handler))
        stream = grpc.unary_stream_rpc_method_handler
        return stream(self._stream(method, handler.unary_stream), *_codecs(handler))

    def _unary(self, method: str, behaviour: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
        async def innermost(call: Call) -> Any:
            return await behaviour(call.request, call.context)

        around = self._around(innermost)

        async def unary(request: Any, context: _Context) -> Any:
            return await around(_call(method, request, context, streaming=False))

        return unary

    def _stream(self, method: str, behaviour: Callable[..., Any]) -> Callable[..., Awaitable[None]]:
        async def innermost(call: Call) -> None:
            if not inspect.isasyncgenfunction(behaviour):
                await behaviour(call.request, call.context)
                return
            async with aclosing(behaviour(call.request, call.context)) as responses:
                async for response in responses:
                    await call.context.write(response)

        around = self._around(innermost)

        async def stream(request: Any, context: _Context) -> None:
            await around(_call(method, request, context, streaming=True))

        return stream

    def _around(self, innermost: Inner) -> Inner:
        around = innermost
        for layer in reversed(self._layers):
            around = partial(layer, around)
        return around


def _codecs(handler: _Handler) -> tuple[Any, Any]:
    return handler.request_deserializer, handler.response_serializer


def _call(method: str, request: Any, context: _Context, *, streaming: bool) -> Call:
    pairs = context.invocation_metadata() or ()
    metadata = {key: value for key, value in pairs if isinstance(value, str)}
    given = metadata.get(REQUEST_ID, "")
    request_id = given if _REQUEST_ID_FORM.fullmatch(given) else str(uuid7())
    return Call(method, request, context, streaming, metadata, request_id)


async def observed(inner: Inner, call: Call) -> Any:
    """Give the call its request id, and count and log its end."""
    structlog.contextvars.clear_contextvars()
    structlog.contextvars.bind_contextvars(request_id=call.request_id)
    call.context.set_trailing_metadata(((REQUEST_ID, call.request_id),))
    try:
        return await inner(call)
    finally:
        _note(call)


def _note(call: Call) -> None:
    seconds = time.monotonic() - call.started
    CALLS.labels(call.method, call.code.name).inc()
    if not call.streaming:
        SECONDS.labels(call.method).observe(seconds)
    say = log.warning if call.code in _OUR_FAULT else log.info
    say(
        "rpc",
        action="rpc_served",
        method=call.method,
        code=call.code.name,
        milliseconds=round(seconds * 1000, 1),
    )


async def errors(inner: Inner, call: Call) -> Any:
    """Turn what the method raises into a status; what is not a ServiceError shows as INTERNAL only."""
    try:
        return await inner(call)
    except ServiceError as error:
        await _abort(call, error)
    except grpc.aio.AbortError:
        call.code = call.context.code()
        raise
    except asyncio.CancelledError:
        call.code = grpc.StatusCode.CANCELLED
        raise
    except Exception:
        if call.context.done():  # the caller left while we wrote to it
            call.code = grpc.StatusCode.CANCELLED
            raise
        log.exception("an rpc failed for a reason nobody planned", action="rpc_crashed", method=call.method)
        hidden = f"something went wrong on our side; report it with request id {call.request_id}"
        await _abort(call, Internal("INTERNAL", hidden))


async def _abort(call: Call, error: ServiceError) -> None:
    call.code = error.code
    structlog.contextvars.bind_contextvars(reason=error.reason)
    if error.__cause__ is not None:
        structlog.contextvars.bind_contextvars(cause=type(error.__cause__).__name__)
    status = to_status(error, request_id=call.request_id)
    await call.context.abort_with_status(rpc_status.to_status(status))


class Deadlines:
    """Ends what takes too long: unary calls after `limit`, streams when the server drains."""

    def __init__(self, limit: timedelta) -> None:
        self._limit = limit
        self._streams: set[asyncio.Timeout] = set()

    async def layer(self, inner: Inner, call: Call) -> Any:
        """Bound one call; a stream is bounded by the drain alone."""
        scope = asyncio.timeout(None if call.streaming else self._limit.total_seconds())
        if call.streaming:
            self._streams.add(scope)
        try:
            async with scope:
                return await inner(call)
        except TimeoutError:
            if not scope.expired():
                raise
            raise self._over(streaming=call.streaming) from None
        finally:
            self._streams.discard(scope)

    def end_streams(self) -> None:
        """End every open stream now, with a status that makes its client call again."""
        for scope in list(self._streams):
            scope.reschedule(asyncio.get_running_loop().time())

    def _over(self, *, streaming: bool) -> ServiceError:
        if streaming:
            retry_after = timedelta(milliseconds=100)
            return Unavailable(
                "STORAGE_UNAVAILABLE", "this server is stopping; call again", retry_after=retry_after
            )
        seconds = self._limit.total_seconds()
        return DeadlineExceeded("DEADLINE", f"not done within {seconds:g} s; ask for less, or call again")


def authenticated(access: keys.Access) -> Layer:
    """Make the layer that turns the key of a call into its Principal."""

    async def layer(inner: Inner, call: Call) -> Any:
        who = await access.authenticate(call.metadata.get("authorization"))
        keys.bind(who)
        structlog.contextvars.bind_contextvars(tenant_id=str(who.tenant_id), key_id=str(who.key_id))
        return await inner(call)

    return layer
