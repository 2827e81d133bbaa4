"""gRPC server of every service: interceptors, health, reflection and background tasks, run as a process."""

import asyncio
import inspect
import resource
import sys
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, fields, is_dataclass
from typing import Any, TypeVar

import grpc
from grpc_reflection.v1alpha import reflection

from chassis import config
from chassis.access import Access
from chassis.background import Background, supervised
from chassis.certificates import measure_grpc
from chassis.database import Database
from chassis.health import SERVICE_NAME, Check, Health, start_probes
from chassis.interceptors import Layer, Layers, authenticated, authorized, bounded, counted, errors, observed
from chassis.memory import BodyMemory, return_large_blocks
from chassis.open_streams import OpenStreams
from chassis.ports import bind
from chassis.request_limits import MAX_CONCURRENT_RPCS, OPTIONS
from chassis.requests import Requests
from chassis.scopes import required_scopes
from chassis.shutdown import drain, run_until_signal
from chassis.telemetry import PROCESS, configure_logging, get_logger, metrics_server

log = get_logger(__name__)

OF_GRPC = (SERVICE_NAME, reflection.SERVICE_NAME)
EXIT_CONFIG = 78  # EX_CONFIG of sysexits.h

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


@asynccontextmanager
async def serving(
    settings: config.Server,
    *,
    registrations: Sequence[Registration],
    database: Database | None = None,
    access: Access | None = None,
    background: Sequence[Background] = (),
    health_checks: Mapping[str, Check] | None = None,
    optional_checks: Mapping[str, Check] | None = None,
    memory: BodyMemory | None = None,
) -> AsyncIterator[int]:
    """Serve while the block runs, and yield the bound port; then drain calls and background tasks.

    With `access`, every call is authenticated and its scope checked, including health and reflection; probes
    use the health port. Without it, neither is done. Health is SERVING while Postgres and all other checks
    succeed; the health service `liveness` is SERVING as long as the process runs. Optional checks are only
    measured. Large requests share `memory` with other work of the process. Raises ConfigError.
    """
    checks = dict(health_checks or {}) | ({"database": database.check} if database else {})
    names = [each.full_name for each in registrations]
    streams = OpenStreams(settings, access)
    health = Health(["", *names], checks, optional=optional_checks)
    server = _server(settings, registrations, streams, access, memory or BodyMemory(settings.body_memory))
    for each in registrations:
        each.add(each.servicer, server)
    health.register(server)
    reflection.enable_server_reflection([*names, *OF_GRPC], server)
    port = bind(server, settings)
    measure_grpc(settings)
    stop = asyncio.Event()
    await health.begin()
    with metrics_server(settings.grpc_host, settings.metrics_port):
        probes = await start_probes(settings, health)
        await server.start()
        log.info("serving", action="server_started", port=port)
        tasks = [*background, streams.check.run, health.task.run]
        async with supervised(tasks, stop, drain=settings.drain):
            try:
                yield port
            finally:
                await drain(server, health, streams, stop, settings.drain)
                await probes.stop(None)


def _server(
    settings: config.Server,
    registrations: Sequence[Registration],
    streams: OpenStreams,
    access: Access | None,
    memory: BodyMemory,
) -> grpc.aio.Server:
    layers: list[Layer] = [observed, errors, bounded(settings.rpc_deadline)]
    if access is not None:
        scopes = required_scopes((each.full_name for each in registrations), of_grpc=OF_GRPC)
        layers += [authenticated(access), authorized(scopes)]
    layers.append(counted(streams))
    large = frozenset(f"/{each.full_name}/{method}" for each in registrations for method in each.large)
    options = OPTIONS | {"grpc.max_receive_message_length": settings.grpc_max_receive_bytes}
    return grpc.aio.server(
        interceptors=[Layers(layers, Requests(settings.grpc_max_receive_bytes, large, memory))],
        options=list(options.items()),
        maximum_concurrent_rpcs=MAX_CONCURRENT_RPCS,
    )


def main(run_service: Callable[[C], AbstractAsyncContextManager[Any]], config_class: type[C]) -> None:
    """Run a service as the main process: load settings, log, run, drain. Exit 78 on invalid settings."""
    try:
        settings = config.load(config_class)
        service = _service_name(run_service)
        configure_logging(service, _log_format(settings))
        PROCESS.labels(service).set(1)
        return_large_blocks()
        _raise_file_limit()
        asyncio.run(run_until_signal(run_service(settings)))
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
