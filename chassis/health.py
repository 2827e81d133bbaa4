"""Health of a process: checks that run every second, the health service, metrics, and the server for probes.

Only checks that ran change the metrics. A process that hangs is seen by the time of its last check.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import timedelta
from typing import Any

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from prometheus_client import Counter, Gauge

from chassis import config
from chassis.periodic import PeriodicTask
from chassis.ports import bind_probes
from chassis.request_limits import MAX_CONCURRENT_PROBES, PROBE_OPTIONS
from chassis.telemetry import get_logger

log = get_logger(__name__)
UP = Gauge(
    "letterhead_dependency_up", "1 while a dependency answers this process, 0 while not", ["dependency"]
)
OUTAGE = Counter(
    "letterhead_dependency_outage_seconds_total",
    "Seconds in which a dependency did not answer this process",
    ["dependency"],
)
CHECKED_AT = Gauge("letterhead_health_checked_timestamp_seconds", "When this process last checked its health")
# Not 0, which would be a process that has hung since 1970: console imports this module and has no checks.
CHECKED_AT.set(float("nan"))

LIVENESS = "liveness"
INTERVAL = timedelta(seconds=1)
TIMEOUT = timedelta(seconds=3)
SERVICE_NAME: str = health.SERVICE_NAME
SERVING = health_pb2.HealthCheckResponse.SERVING
NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING

Check = Callable[[], Awaitable[None]]


class Health:
    """The services named in `names` are SERVING while all checks succeed; LIVENESS always is.

    They are NOT_SERVING until the first checks have run, and from the beginning of a shutdown. The `optional`
    checks are only measured: the process serves while they fail.
    """

    def __init__(
        self,
        names: Sequence[str],
        checks: Mapping[str, Check],
        *,
        optional: Mapping[str, Check] | None = None,
    ) -> None:
        self._names = names
        self._checks = checks
        self._optional = dict(optional or {})
        self._checked_at = time.monotonic()
        self._servicer = _Servicer()
        self._failing: dict[str, str] | None = None
        self._ended = False
        self.task = PeriodicTask("health checks", self._run_checks, interval=INTERVAL)

    def register(self, server: grpc.aio.Server) -> None:
        """Serve grpc.health on a server."""
        health_pb2_grpc.add_HealthServicer_to_server(self._servicer, server)

    async def begin(self) -> None:
        """Set the first states, because gRPC's health servicer starts with SERVING."""
        await self._servicer.set(LIVENESS, SERVING)
        await self._set_all(NOT_SERVING)

    async def end(self) -> None:
        """Set NOT_SERVING for good."""
        self._ended = True
        await self._servicer.enter_graceful_shutdown()

    async def _run_checks(self) -> None:
        checks = {**self._checks, **self._optional}
        outcomes = dict(zip(checks, await asyncio.gather(*map(_outcome, checks.values())), strict=True))
        self._measure(outcomes)
        failing = {name: error for name in self._checks if (error := outcomes[name])}
        if failing != self._failing and not self._ended:
            write = log.warning if failing else log.info
            write("health changed", action="health_changed", serving=not failing, failing=failing)
            await self._set_all(NOT_SERVING if failing else SERVING)
        self._failing = failing

    def _measure(self, outcomes: Mapping[str, str]) -> None:
        before, self._checked_at = self._checked_at, time.monotonic()
        for name, error in outcomes.items():
            UP.labels(name).set(not error)
            OUTAGE.labels(name).inc(self._checked_at - before if error else 0)
        CHECKED_AT.set_to_current_time()

    async def _set_all(self, status: Any) -> None:
        for name in self._names:
            await self._servicer.set(name, status)


class _Servicer(health.aio.HealthServicer):  # type: ignore[misc]  # grpc_health has no types
    """Health service without Watch, whose implementation stores every service name that a caller invents."""

    async def Watch(self, request: Any, context: Any) -> None:  # noqa: ARG002, N802 - the name of the RPC
        """Reject the call; probes and `letterhead doctor` call Check."""
        await context.abort(grpc.StatusCode.UNIMPLEMENTED, "Call Check instead of Watch.")


async def _outcome(check: Check) -> str:
    """Return the type of the error of a check, which cannot contain a secret; "" if it succeeds."""
    try:
        async with asyncio.timeout(TIMEOUT.total_seconds()):
            await check()
    except Exception as error:  # noqa: BLE001 - any exception means that the check fails
        return type(error).__name__
    return ""


async def start_probes(settings: config.Server, state: Health) -> grpc.aio.Server:
    """Start the plaintext server that serves only grpc.health; without a health port it does not listen."""
    server = grpc.aio.server(
        options=list(PROBE_OPTIONS.items()), maximum_concurrent_rpcs=MAX_CONCURRENT_PROBES
    )
    state.register(server)
    bind_probes(server, settings)
    await server.start()
    return server
