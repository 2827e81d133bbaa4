"""The assemblies that a service is made of, and the process that runs them.

A `__main__` builds its assemblies and passes them to `serving`. Each assembly wires one part of a service.
"""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Protocol

from chassis import config
from chassis.access import Access
from chassis.background import Background
from chassis.database import Database, open_database
from chassis.events import Outbox, Relay, Stream, open_stream
from chassis.health import Check
from chassis.memory import BodyMemory
from chassis.process_reports import ProcessReports
from chassis.regions import AwsRegion
from chassis.schema_check import SchemaCheck
from chassis.server import Registration
from chassis.server import serving as serving_rpcs


class Settings(Protocol):
    """The settings that every service has."""

    @property
    def server(self) -> config.Server: ...
    @property
    def database(self) -> config.Database: ...
    @property
    def nats(self) -> config.Nats: ...


@dataclass(frozen=True, slots=True)
class Platform:
    """What every service stands on; `schema` is its name, and that of its role and schema in Postgres."""

    schema: str
    database: Database
    stream: Stream
    outbox: Outbox
    memory: BodyMemory


@dataclass(frozen=True, kw_only=True)
class Assembly:
    """One part of a service: what it serves, what it runs, and what it wakes up for.

    `wakes` maps NOTIFY channels of Postgres to what they wake; `health_checks` must succeed for SERVING.
    """

    registrations: Sequence[Registration] = ()
    background: Sequence[Background] = ()
    wakes: Sequence[tuple[str, Callable[[], None]]] = ()
    health_checks: Mapping[str, Check] = field(default_factory=dict)


@asynccontextmanager
async def open_platform(settings: Settings, schema: str) -> AsyncIterator[Platform]:
    """Open the connections to Postgres and NATS. Either may be down: they connect when it is back."""
    async with (
        open_database(settings.database, application_name=schema) as database,
        open_stream(settings.nats, schema) as stream,
    ):
        memory = BodyMemory(settings.server.body_memory)
        yield Platform(schema, database, stream, Outbox(schema), memory)


@asynccontextmanager
async def serving(
    settings: Settings,
    platform: Platform,
    assemblies: Sequence[Assembly],
    *,
    service_key: config.Secret | None = None,
    regions: Sequence[AwsRegion] = (),
) -> AsyncIterator[int]:
    """Run the assemblies and the relay of their events; yield the port. Every call is authenticated.

    The process reports whether its service key is accepted, and in which regions it uses AWS.
    """
    relay = Relay(platform.database, platform.stream, platform.schema)
    access = Access(platform.database)
    reports = ProcessReports(
        platform.database, access, settings.server, platform.schema, service_key=service_key, regions=regions
    )
    async with AsyncExitStack() as stack:
        report = await stack.enter_async_context(reports.running())
        for channel, wakes in _by_channel(assemblies).items():
            await stack.enter_async_context(platform.database.listen(channel, partial(_wake_all, wakes)))
        port = await stack.enter_async_context(
            serving_rpcs(
                settings.server,
                database=platform.database,
                access=access,
                memory=platform.memory,
                registrations=[each for assembly in assemblies for each in assembly.registrations],
                background=[
                    relay.run,
                    report,
                    SchemaCheck(platform.database).task.run,
                    *(each for assembly in assemblies for each in assembly.background),
                ],
                health_checks={
                    name: check for assembly in assemblies for name, check in assembly.health_checks.items()
                },
                optional_checks={
                    "nats": platform.stream.check,
                    "database_writes": platform.database.check_writes,
                },
            )
        )
        yield port


def _by_channel(assemblies: Sequence[Assembly]) -> Mapping[str, Sequence[Callable[[], None]]]:
    """Return what each channel wakes; it is listened to once, because LISTEN keeps a connection open."""
    wakes: dict[str, list[Callable[[], None]]] = {}
    for channel, wake in (each for assembly in assemblies for each in assembly.wakes):
        wakes.setdefault(channel, []).append(wake)
    return wakes


def _wake_all(wakes: Sequence[Callable[[], None]]) -> None:
    for wake in wakes:
        wake()
