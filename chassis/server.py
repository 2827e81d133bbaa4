"""gRPC server of every service: interceptors, health checks, reflection, background tasks and drain."""

import asyncio
import gc
import inspect
import resource
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, fields, is_dataclass
from datetime import timedelta
from typing import Any, TypeVar

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection

from chassis import config
from chassis.access import Access
from chassis.background import Background, supervised
from chassis.backoff import wait_any
from chassis.database import Database
from chassis.interceptors import Layer, Layers, authenticated, bounded, counted, errors, observed
from chassis.open_streams import OpenStreams
from chassis.requests import Requests
from chassis.telemetry import configure_logging, get_logger, metrics_server
from chassis.tls import server_credentials

log = get_logger(__name__)

LIVENESS = "liveness"
EXIT_CONFIG = 78  # EX_CONFIG of sysexits.h
MAX_CONCURRENT_RPCS = 2000
HEALTH_INTERVAL = timedelta(seconds=1)
HEALTH_TIMEOUT = timedelta(seconds=3)
# Connections are closed after 5 minutes so that clients discover new replicas; watchers then reconnect.
OPTIONS = {
    "grpc.so_reuseport": 0,  # a port in use is an error, not a shared port
    "grpc.keepalive_time_ms": 60_000,
    "grpc.keepalive_timeout_ms": 20_000,
    "grpc.keepalive_permit_without_calls": 1,
    "grpc.http2.min_ping_interval_without_data_ms": 10_000,
    "grpc.max_connection_age_ms": 300_000,
    "grpc.max_connection_age_grace_ms": 30_000,
    "grpc.server_handshake_timeout_ms": 10_000,
    # The bandwidth estimator would grow the flow-control window, and with it the memory that a caller without
    # a key can use. A request that is being read gets the window it needs without the estimator.
    "grpc.http2.bdp_probe": 0,
    "grpc.http2.lookahead_bytes": 64 * 1024,
    "grpc.max_concurrent_streams": MAX_CONCURRENT_RPCS,  # per connection
}
# The health port serves only probes, whose requests are a few bytes long.
PROBE_OPTIONS = OPTIONS | {"grpc.max_receive_message_length": 1024, "grpc.max_concurrent_streams": 10}
MAX_CONCURRENT_PROBES = 50

Check = Callable[[], Awaitable[None]]
C = TypeVar("C")


@dataclass(frozen=True)
class Registration:
    """One gRPC service: the generated `add_…Servicer_to_server` and the servicer.

    Methods named in `large` accept requests of up to `grpc_max_receive_bytes`, all others up to ORDINARY.
    """

    add: Callable[[Any, Any], None]
    servicer: Any
    large: frozenset[str] = frozenset()

    @property
    def full_name(self) -> str:
        """Return the service's name in the proto, which only the generated function knows."""
        names = _Names()
        self.add(self.servicer, names)
        return names.full_name


class _Names:
    """Takes the place of a server in a generated `add_…Servicer_to_server`, to learn the service's name."""

    full_name = ""

    def add_generic_rpc_handlers(self, handlers: Sequence[Any]) -> None:
        self.full_name = handlers[0].service_name()

    def add_registered_method_handlers(self, service: str, handlers: Any) -> None:
        """Ignore the second registration of the same methods."""


class Vitals(health.aio.HealthServicer):  # type: ignore[misc]  # grpc_health has no types
    """Health service without Watch, whose implementation stores every service name that a caller invents."""

    async def Watch(self, request: Any, context: Any) -> None:  # noqa: ARG002, N802 - the name of the RPC
        """Reject the call; probes and `letterhead doctor` call Check."""
        await context.abort(grpc.StatusCode.UNIMPLEMENTED, "Call Check instead of Watch.")


@asynccontextmanager
async def serving(
    settings: config.Server,
    *,
    registrations: Sequence[Registration],
    database: Database | None = None,
    access: Access | None = None,
    background: Sequence[Background] = (),
    health_checks: Mapping[str, Check] | None = None,
) -> AsyncIterator[int]:
    """Serve while the block runs, and yield the bound port; then drain calls and background tasks.

    With `access`, every call is authenticated, including health and reflection; probes use the health port.
    Without it, no call is authenticated. Health is SERVING while Postgres and all other checks succeed; the
    health service `liveness` is SERVING as long as the process runs. Raises ConfigError.
    """
    streams, vitals = OpenStreams(settings, access), Vitals()
    server = _server(settings, registrations, streams, access)
    _register(server, registrations, vitals)
    port = _bound(server, settings)
    checks = dict(health_checks or {}) | ({"database": database.check} if database else {})
    names = ["", *(each.full_name for each in registrations)]
    tasks = [*background, streams.check.run, lambda stop: _watch_health(vitals, names, checks, stop)]
    stop = asyncio.Event()
    await _begin_health(vitals, names)
    with metrics_server(settings.grpc_host, settings.metrics_port):
        probes = await _start_probes(settings, vitals)
        await server.start()
        log.info("serving", action="server_started", port=port)
        async with supervised(tasks, stop, drain=settings.drain):
            try:
                yield port
            finally:
                await _drain(server, vitals, streams, stop, settings.drain)
                await probes.stop(None)


def _server(
    settings: config.Server,
    registrations: Sequence[Registration],
    streams: OpenStreams,
    access: Access | None,
) -> grpc.aio.Server:
    layers: list[Layer] = [observed, errors, bounded(settings.rpc_deadline)]
    if access is not None:
        layers.append(authenticated(access))
    layers.append(counted(streams))
    large = frozenset(f"/{each.full_name}/{method}" for each in registrations for method in each.large)
    options = OPTIONS | {"grpc.max_receive_message_length": settings.grpc_max_receive_bytes}
    return grpc.aio.server(
        interceptors=[Layers(layers, Requests(settings.grpc_max_receive_bytes, large))],
        options=list(options.items()),
        maximum_concurrent_rpcs=MAX_CONCURRENT_RPCS,
    )


def _register(server: grpc.aio.Server, registrations: Sequence[Registration], vitals: Any) -> None:
    for each in registrations:
        each.add(each.servicer, server)
    health_pb2_grpc.add_HealthServicer_to_server(vitals, server)
    names = [each.full_name for each in registrations]
    reflection.enable_server_reflection([*names, health.SERVICE_NAME, reflection.SERVICE_NAME], server)


def _bound(server: grpc.aio.Server, settings: config.Server) -> int:
    if settings.grpc_plaintext:
        return _listening(server.add_insecure_port, settings, "grpc_port")
    credentials = server_credentials(settings)
    return _listening(lambda address: server.add_secure_port(address, credentials), settings, "grpc_port")


def _listening(bind: Callable[[str], int], settings: config.Server, name: str) -> int:
    address = f"{settings.grpc_host}:{getattr(settings, name)}"
    try:
        return bind(address)
    except RuntimeError:
        problem = f"cannot listen on {address}: the port is in use, or this host does not have the address"
        raise config.ConfigError([f"{config.PREFIX}{name.upper()}: {problem}"]) from None


async def _start_probes(settings: config.Server, vitals: Any) -> grpc.aio.Server:
    """Start the plaintext server that serves only grpc.health; without a health port it does not listen."""
    server = grpc.aio.server(
        options=list(PROBE_OPTIONS.items()), maximum_concurrent_rpcs=MAX_CONCURRENT_PROBES
    )
    health_pb2_grpc.add_HealthServicer_to_server(vitals, server)
    if settings.health_port:
        _listening(server.add_insecure_port, settings, "health_port")
    await server.start()
    return server


async def _drain(
    server: grpc.aio.Server, vitals: Any, streams: OpenStreams, stop: asyncio.Event, drain: timedelta
) -> None:
    log.info("draining", action="server_draining")
    await vitals.enter_graceful_shutdown()
    stop.set()
    streams.end_all()
    await server.stop(drain.total_seconds())
    log.info("stopped", action="server_stopped")


async def _begin_health(vitals: Any, names: Sequence[str]) -> None:
    """Set NOT_SERVING until the first check has run, because gRPC's health servicer starts with SERVING."""
    await vitals.set(LIVENESS, health_pb2.HealthCheckResponse.SERVING)
    for name in names:
        await vitals.set(name, health_pb2.HealthCheckResponse.NOT_SERVING)


async def _watch_health(
    vitals: Any, names: Sequence[str], checks: Mapping[str, Check], stop: asyncio.Event
) -> None:
    before: dict[str, str] | None = None
    while not stop.is_set():
        failing = await _failing(checks)
        if failing != before and not stop.is_set():
            await _publish_health(vitals, names, failing)
        before = failing
        await wait_any(stop, timeout=HEALTH_INTERVAL.total_seconds())


async def _publish_health(vitals: Any, names: Sequence[str], failing: dict[str, str]) -> None:
    write = log.warning if failing else log.info
    write("health changed", action="health_changed", serving=not failing, failing=failing)
    response = health_pb2.HealthCheckResponse
    for name in names:
        await vitals.set(name, response.NOT_SERVING if failing else response.SERVING)


async def _failing(checks: Mapping[str, Check]) -> dict[str, str]:
    """Return the failing checks by name, each with the type of its error, which cannot contain a secret."""
    outcomes = await asyncio.gather(*map(_outcome, checks.values()))
    return {name: outcome for name, outcome in zip(checks, outcomes, strict=True) if outcome}


async def _outcome(check: Check) -> str:
    try:
        async with asyncio.timeout(HEALTH_TIMEOUT.total_seconds()):
            await check()
    except Exception as error:  # noqa: BLE001 - any exception means that the check fails
        return type(error).__name__
    return ""


async def run(service: AbstractAsyncContextManager[Any]) -> None:
    """Run a service until SIGTERM or SIGINT, then exit its context, which drains; a second signal kills."""
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()

    def end(signum: int) -> None:
        loop.remove_signal_handler(signum)
        ended.set()

    for signum in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(signum, end, signum)
    async with service:
        gc.freeze()  # exclude the objects of startup, which live until exit, from every later collection
        await ended.wait()


def main(run_service: Callable[[C], AbstractAsyncContextManager[Any]], config_class: type[C]) -> None:
    """Run a service as the main process: load settings, log, run, drain. Exit 78 on invalid settings."""
    try:
        settings = config.load(config_class)
        configure_logging(_service_name(run_service), _log_format(settings))
        _raise_file_limit()
        asyncio.run(run(run_service(settings)))
    except config.ConfigError as error:
        sys.stderr.writelines(f"{problem}\n" for problem in error.problems)
        sys.exit(EXIT_CONFIG)


def _raise_file_limit() -> None:
    """Raise the soft limit of open files to the hard limit; connections have limits of their own."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def _service_name(run_service: Callable[..., Any]) -> str:
    """Return the last part of the package that defines the service: `identity` for `services.identity`."""
    package: str = getattr(inspect.unwrap(run_service), "__globals__", {}).get("__package__") or ""
    return package.rpartition(".")[2] or "letterhead"


def _log_format(settings: Any) -> Any:
    if isinstance(settings, config.Process):
        return settings.log_format
    parts = (getattr(settings, spec.name) for spec in fields(settings))
    return next(
        (_log_format(part) for part in parts if is_dataclass(part) and isinstance(part, config.Process)),
        "json",
    )
