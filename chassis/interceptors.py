"""Interceptors of every RPC, as layers from the outside in (`chassis.server` lists them).

Each layer awaits the next inner one; only the innermost reads the request. gRPC reads the request of a unary
handler before the handler runs, so every method is registered in its streaming form. On the wire both forms
are identical.
"""

import asyncio
import inspect
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, aclosing
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from typing import Any, TypeAlias

import grpc
import structlog
from grpc_status import rpc_status
from prometheus_client import Counter, Histogram

from chassis import access as keys
from chassis.errors import DeadlineExceeded, Internal, ServiceError, to_status
from chassis.ids import REQUEST_ID, request_id_of
from chassis.open_streams import OpenStreams
from chassis.requests import Parse, Requests
from chassis.telemetry import get_logger

log = get_logger(__name__)
CALLS = Counter("letterhead_rpc_total", "Finished RPCs", ["method", "code"])
SECONDS = Histogram("letterhead_rpc_seconds", "Duration of unary RPCs in seconds", ["method"])

_OUR_FAULT = frozenset({grpc.StatusCode.UNKNOWN, grpc.StatusCode.INTERNAL, grpc.StatusCode.UNAVAILABLE})

_Handler: TypeAlias = Any  # grpc.RpcMethodHandler, whose type stub lacks the asyncio forms
_Context: TypeAlias = grpc.aio.ServicerContext[Any, Any]


@dataclass
class Call:
    """One running RPC."""

    method: str
    context: _Context
    streaming: bool
    metadata: Mapping[str, str]
    request_id: str
    who: keys.Principal | None = None
    started: float = field(default_factory=time.monotonic)
    code: grpc.StatusCode = grpc.StatusCode.OK


Inner: TypeAlias = Callable[[Call], Awaitable[Any]]
Layer: TypeAlias = Callable[[Inner, Call], Awaitable[Any]]


class Layers(grpc.aio.ServerInterceptor):
    """Server interceptor that wraps every method in the layers, the first one outermost."""

    def __init__(self, layers: Sequence[Layer], requests: Requests) -> None:
        self._layers = layers
        self._requests = requests
        self._wrapped: dict[str, _Handler] = {}  # a cache: gRPC calls intercept_service for every RPC

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[_Handler]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> _Handler:
        """Return the wrapped handler of the method; None for an unknown one, which gRPC rejects."""
        method = handler_call_details.method
        if (wrapped := self._wrapped.get(method)) is not None:
            return wrapped
        handler = await continuation(handler_call_details)
        if handler is None:
            return None
        self._wrapped[method] = self._wrap(method, handler)
        return self._wrapped[method]

    def _wrap(self, method: str, handler: _Handler) -> _Handler:
        if handler.response_streaming:
            around = self._around(self._streaming(handler))
            shape = grpc.stream_stream_rpc_method_handler
        else:
            around = self._around(self._unary(handler))
            shape = grpc.stream_unary_rpc_method_handler
        streaming = handler.response_streaming

        async def entry(_: Any, context: _Context) -> Any:
            return await around(_call(method, context, streaming=streaming))

        return shape(entry, None, handler.response_serializer)

    def _unary(self, handler: _Handler) -> Inner:
        async def innermost(call: Call) -> Any:
            async with self._received(call, handler) as request:
                return await handler.unary_unary(request, call.context)

        return innermost

    def _streaming(self, handler: _Handler) -> Inner:
        if handler.request_streaming:
            return self._duplex(handler)

        async def innermost(call: Call) -> None:
            async with self._received(call, handler) as request:
                await _answer(handler.unary_stream, request, call.context)

        return innermost

    def _duplex(self, handler: _Handler) -> Inner:
        async def innermost(call: Call) -> None:
            parse = self._requests.parsed(call.method, handler.request_deserializer)
            await _answer(handler.stream_stream, _messages(call.context, parse), call.context)

        return innermost

    def _received(self, call: Call, handler: _Handler) -> AbstractAsyncContextManager[Any]:
        return self._requests.received(call.method, call.context, handler.request_deserializer, call.who)

    def _around(self, innermost: Inner) -> Inner:
        around = innermost
        for layer in reversed(self._layers):
            around = partial(layer, around)
        return around


async def _answer(behaviour: Callable[..., Any], request: Any, context: _Context) -> None:
    """Run a streaming method and send its responses; it may also write them to `context` itself."""
    if not inspect.isasyncgenfunction(behaviour):
        await behaviour(request, context)
        return
    async with aclosing(behaviour(request, context)) as responses:
        async for response in responses:
            await context.write(response)


async def _messages(context: _Context, parse: Parse) -> AsyncIterator[Any]:
    while isinstance(body := await context.read(), bytes):
        yield parse(body)


def _call(method: str, context: _Context, *, streaming: bool) -> Call:
    pairs = context.invocation_metadata() or ()
    metadata = {key: value for key, value in pairs if isinstance(value, str)}
    return Call(method, context, streaming, metadata, request_id_of(metadata.get(REQUEST_ID, "")))


async def observed(inner: Inner, call: Call) -> Any:
    """Send the request id in the trailing metadata; count and log the RPC when it ends."""
    structlog.contextvars.clear_contextvars()
    structlog.contextvars.bind_contextvars(request_id=call.request_id)
    call.context.set_trailing_metadata(((REQUEST_ID, call.request_id),))
    try:
        return await inner(call)
    finally:
        _record(call)


def _record(call: Call) -> None:
    seconds = time.monotonic() - call.started
    CALLS.labels(call.method, call.code.name).inc()
    if not call.streaming:
        SECONDS.labels(call.method).observe(seconds)
    write = log.warning if call.code in _OUR_FAULT else log.info
    write(
        "RPC finished",
        action="rpc_served",
        method=call.method,
        code=call.code.name,
        milliseconds=round(seconds * 1000, 1),
    )


async def errors(inner: Inner, call: Call) -> Any:
    """Convert exceptions to a status; anything but a ServiceError becomes INTERNAL without details."""
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
        if call.context.done():  # the client disconnected while the server sent a response
            call.code = grpc.StatusCode.CANCELLED
            raise
        log.exception("unhandled exception in RPC", action="rpc_crashed", method=call.method)
        message = f"Internal error. Report it with request id {call.request_id}."
        await _abort(call, Internal("INTERNAL", message))


async def _abort(call: Call, error: ServiceError) -> None:
    call.code = error.code
    structlog.contextvars.bind_contextvars(reason=error.reason)
    if error.__cause__ is not None:
        structlog.contextvars.bind_contextvars(cause=type(error.__cause__).__name__)
    status = to_status(error, request_id=call.request_id)
    await call.context.abort_with_status(rpc_status.to_status(status))


def bounded(limit: timedelta) -> Layer:
    """Return a layer that limits unary calls to `limit`, including the time to read the request."""

    async def layer(inner: Inner, call: Call) -> Any:
        if call.streaming:
            return await inner(call)
        scope = asyncio.timeout(limit.total_seconds())
        try:
            async with scope:
                return await inner(call)
        except TimeoutError:
            if not scope.expired():
                raise
            problem = f"The call exceeded {limit.total_seconds():g} s. Request less data, or retry."
            raise DeadlineExceeded("DEADLINE", problem) from None

    return layer


def authenticated(access: keys.Access) -> Layer:
    """Return a layer that authenticates the caller and binds its Principal."""

    async def layer(inner: Inner, call: Call) -> Any:
        who = await access.authenticate(call.metadata.get("authorization"))
        call.who = who
        keys.bind(who)
        structlog.contextvars.bind_contextvars(tenant_id=str(who.tenant_id), key_id=str(who.key_id))
        return await inner(call)

    return layer


def authorized(scopes: Mapping[str, Collection[keys.Scope]]) -> Layer:
    """Return a layer that rejects callers without a scope that the method requires."""

    async def layer(inner: Inner, call: Call) -> Any:
        keys.require(*scopes[call.method])
        return await inner(call)

    return layer


def counted(streams: OpenStreams) -> Layer:
    """Return a layer that limits open streams, and ends them when their key is revoked."""

    async def layer(inner: Inner, call: Call) -> Any:
        return await (streams.run(inner, call, call.who) if call.streaming else inner(call))

    return layer
