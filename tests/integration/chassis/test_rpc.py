"""What the server adds to every RPC: rich errors, deadlines, request ids, metrics and graceful shutdown."""

import asyncio
import socket
import urllib.request
from collections.abc import Awaitable
from contextlib import AsyncExitStack
from datetime import timedelta

import grpc
import pytest
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo, RetryInfo
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

from chassis import errors
from chassis.config import ConfigError
from chassis.server import serving
from cli.server_process import free_port
from tests.integration.chassis.probe import (
    TENANTS,
    Act,
    a_server,
    details,
    get_tenant,
    nothing,
    reason,
    registrations,
    serve,
    watch,
)
from tests.waiting import eventually


def raising(error: Exception) -> Act:
    async def act() -> None:
        raise error

    return act


async def failure(call: Awaitable[object]) -> grpc.aio.AioRpcError:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call
    return caught.value


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        (errors.NotFound, grpc.StatusCode.NOT_FOUND),
        (errors.AlreadyExists, grpc.StatusCode.ALREADY_EXISTS),
        (errors.FailedPrecondition, grpc.StatusCode.FAILED_PRECONDITION),
        (errors.PermissionDenied, grpc.StatusCode.PERMISSION_DENIED),
        (errors.Unauthenticated, grpc.StatusCode.UNAUTHENTICATED),
        (errors.ResourceExhausted, grpc.StatusCode.RESOURCE_EXHAUSTED),
        (errors.Unavailable, grpc.StatusCode.UNAVAILABLE),
        (errors.Aborted, grpc.StatusCode.ABORTED),
        (errors.DeadlineExceeded, grpc.StatusCode.DEADLINE_EXCEEDED),
        (errors.Internal, grpc.StatusCode.INTERNAL),
    ],
)
async def test_an_error_has_code_reason_and_message(
    kind: type[errors.ServiceError], code: grpc.StatusCode
) -> None:
    error = kind(
        "DOMAIN_NOT_FOUND", "no domain ünder this id; list them with ListDomains", metadata={"id": "7"}
    )

    async with serve(raising(error)) as channel:
        seen = await failure(get_tenant(channel, metadata=[("x-request-id", "r-1")]))

    assert (seen.code(), seen.details()) == (code, error.message)
    info = details(seen)[ErrorInfo]
    assert (info.domain, info.reason) == ("letterhead", "DOMAIN_NOT_FOUND")
    assert dict(info.metadata) == {"id": "7", "request_id": "r-1"}


async def test_an_invalid_argument_error_names_the_fields() -> None:
    wrong = errors.InvalidArgument(
        violations=[
            errors.Violation("name", "is an IP address; use a domain"),
            errors.Violation("to[3]", "x"),
        ]
    )

    async with serve(raising(wrong)) as channel:
        seen = await failure(get_tenant(channel))

    assert seen.details() == "name: is an IP address; use a domain; to[3]: x"
    fields = details(seen)[BadRequest].field_violations
    assert [(each.field, each.description) for each in fields] == [
        ("name", "is an IP address; use a domain"),
        ("to[3]", "x"),
    ]


async def test_a_huge_error_is_truncated_and_delivered() -> None:
    wrong = errors.InvalidArgument(violations=[errors.Violation(f"to[{n}]", "é" * 5000) for n in range(1000)])

    async with serve(raising(wrong)) as channel:
        seen = await failure(get_tenant(channel))

    assert seen.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert len(details(seen)[BadRequest].field_violations) > 0


async def test_a_temporary_error_says_when_to_retry() -> None:
    error = errors.ResourceExhausted("RATE_EXCEEDED", "too fast", retry_after=timedelta(seconds=1.5))

    async with serve(raising(error)) as channel:
        seen = await failure(get_tenant(channel))

    assert details(seen)[RetryInfo].retry_delay.ToTimedelta() == timedelta(seconds=1.5)


async def test_an_unhandled_exception_is_internal_and_hides_its_cause() -> None:
    async with serve(raising(ValueError("secret-7"))) as channel:
        seen = await failure(get_tenant(channel, metadata=[("x-request-id", "r-2")]))

    assert seen.code() is grpc.StatusCode.INTERNAL
    assert "secret-7" not in str(seen.details())
    assert "r-2" in str(seen.details())
    assert reason(seen) == "INTERNAL"


async def test_a_stream_also_ends_with_a_rich_error() -> None:
    async with serve(raising(errors.NotFound("DOMAIN_NOT_FOUND", "gone"))) as channel:
        responses = aiter(watch(channel))
        await anext(responses)
        seen = await failure(anext(responses))

    assert (seen.code(), reason(seen)) == (grpc.StatusCode.NOT_FOUND, "DOMAIN_NOT_FOUND")


async def test_a_unary_call_without_a_deadline_gets_one() -> None:
    async def forever() -> None:
        await asyncio.Event().wait()

    async with serve(forever, a_server(rpc_deadline=timedelta(milliseconds=50))) as channel:
        seen = await failure(get_tenant(channel))

    assert (seen.code(), reason(seen)) == (grpc.StatusCode.DEADLINE_EXCEEDED, "DEADLINE")


async def test_the_deadline_of_the_caller_cancels_the_handler() -> None:
    ended = asyncio.Event()

    async def forever() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    async with serve(forever) as channel:
        seen = await failure(get_tenant(channel, timeout=0.05))
        await eventually(ended.is_set)

    assert seen.code() is grpc.StatusCode.DEADLINE_EXCEEDED


async def test_a_caller_that_disconnects_cancels_its_stream() -> None:
    started, ended = asyncio.Event(), asyncio.Event()

    async def forever() -> None:
        started.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    async with serve(forever) as channel:
        call = watch(channel)
        await anext(aiter(call))
        await eventually(started.is_set)  # the first response may arrive before the action has started
        call.cancel()

        await eventually(ended.is_set)


async def test_a_timeout_error_in_the_handler_is_not_mistaken_for_the_deadline() -> None:
    async with serve(raising(TimeoutError())) as channel:
        seen = await failure(get_tenant(channel))

    assert seen.code() is grpc.StatusCode.INTERNAL


async def test_the_request_id_is_returned_or_generated() -> None:
    async with serve(nothing) as channel:
        call = get_tenant(channel, metadata=[("x-request-id", "r-3")])
        await call
        given = dict(await call.trailing_metadata())
        call = get_tenant(channel, metadata=[("x-request-id", "no good!")])
        await call
        generated = dict(await call.trailing_metadata())

    assert given["x-request-id"] == "r-3"
    assert len(generated["x-request-id"]) == 36


async def test_a_request_over_the_size_limit_is_rejected() -> None:
    async with serve(nothing, a_server(grpc_max_receive_bytes=2048)) as channel:
        seen = await failure(get_tenant(channel, "x" * 4096))

    assert seen.code() is grpc.StatusCode.RESOURCE_EXHAUSTED


async def test_calls_in_flight_finish_while_the_server_drains() -> None:
    started, go_on = asyncio.Event(), asyncio.Event()

    async def slowly() -> None:
        started.set()
        await go_on.wait()

    server = AsyncExitStack()
    port = await server.enter_async_context(serving(a_server(), registrations=registrations(slowly)))
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        call = get_tenant(channel, "7")
        await started.wait()
        leaving = asyncio.create_task(server.aclose())
        await failure(get_tenant(channel, timeout=5))
        go_on.set()

        assert (await call).tenant.id == "7"
        await leaving


async def test_streams_end_immediately_when_the_server_drains() -> None:
    async def forever() -> None:
        await asyncio.Event().wait()

    server = AsyncExitStack()
    settings = a_server(drain=timedelta(seconds=30))
    port = await server.enter_async_context(serving(settings, registrations=registrations(forever)))
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        responses = aiter(watch(channel))
        await anext(responses)
        leaving = asyncio.create_task(server.aclose())

        seen = await failure(anext(responses))
        assert seen.code() is grpc.StatusCode.UNAVAILABLE
        await asyncio.wait_for(leaving, timeout=5)


async def test_background_tasks_are_restarted_and_drained() -> None:
    runs, drained = 0, False

    async def crash_twice(stop: asyncio.Event) -> None:
        nonlocal runs, drained
        runs += 1
        if runs < 3:
            raise ZeroDivisionError
        await stop.wait()
        await asyncio.sleep(0)
        drained = True

    async with serve(nothing, background=[crash_twice]):
        await eventually(lambda: runs == 3)

    assert drained


async def test_a_background_task_that_ignores_stop_is_cancelled() -> None:
    async def ignores_stop(_: asyncio.Event) -> None:
        await asyncio.Event().wait()

    async with asyncio.timeout(5):
        async with serve(nothing, a_server(drain=timedelta(milliseconds=50)), background=[ignores_stop]):
            pass


async def test_reflection_lists_the_services() -> None:
    async with serve(nothing) as channel:
        stub = reflection_pb2_grpc.ServerReflectionStub(channel)
        request = reflection_pb2.ServerReflectionRequest(list_services="")
        answer = await stub.ServerReflectionInfo(iter([request])).read()

    names = {each.name for each in answer.list_services_response.service}
    assert {TENANTS, "letterhead.verifier.v1.VerifierService", "grpc.health.v1.Health"} <= names


async def test_a_port_in_use_is_a_config_error() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(ConfigError, match=f"127.0.0.1:{port}: the port is in use"):
            async with serve(nothing, a_server(grpc_port=port)):
                pass


async def test_a_metrics_port_in_use_is_a_config_error() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(ConfigError, match="LETTERHEAD_METRICS_PORT"):
            await serve(nothing, a_server(metrics_port=port)).__aenter__()


async def test_metrics_count_calls() -> None:
    port = free_port()
    async with serve(nothing, a_server(metrics_port=port)) as channel:
        await get_tenant(channel)
        text = await asyncio.to_thread(_read, f"http://127.0.0.1:{port}/metrics")

    method = "/letterhead.identity.v1.TenantService/GetTenant"
    assert f'letterhead_rpc_total{{code="OK",method="{method}"}}' in text


def _read(url: str) -> str:
    with urllib.request.urlopen(url, timeout=5) as answer:  # noqa: S310 - the server of this test
        return str(answer.read().decode())
