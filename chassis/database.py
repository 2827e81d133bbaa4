"""Postgres connection pool, transactions and LISTEN. SQL belongs in the stores.

A lost or overloaded Postgres raises `errors.Unavailable`. Constraint violations stay asyncpg exceptions; the
stores map them by constraint name.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any, TypeAlias

import asyncpg

from chassis import config
from chassis.backoff import Backoff, wait_any
from chassis.certificates import measure_postgres
from chassis.errors import Aborted, DeadlineExceeded, ServiceError, Unavailable
from chassis.postgres import ConnectionFailed, Connector, TransactionPooling
from chassis.queries import Queries
from chassis.telemetry import get_logger

__all__ = ["Connection", "Database", "Queries", "Record", "open_database"]

if TYPE_CHECKING:
    from asyncpg.pool import PoolConnectionProxy

    Record: TypeAlias = asyncpg.Record
    Connection: TypeAlias = asyncpg.Connection[Record] | PoolConnectionProxy[Record]
    _Pool: TypeAlias = asyncpg.Pool[Record]
else:
    Record, Connection, _Pool = asyncpg.Record, asyncpg.Connection, asyncpg.Pool

log = get_logger(__name__)

# Limits of every session. A transaction never spans a network call, so an idle transaction is a bug.
STATEMENT_TIMEOUT = timedelta(seconds=15)
LOCK_TIMEOUT = timedelta(seconds=5)
IDLE_IN_TRANSACTION_TIMEOUT = timedelta(seconds=10)
_SESSION = {
    name: f"{limit.total_seconds() * 1000:.0f}"
    for name, limit in {
        "statement_timeout": STATEMENT_TIMEOUT,
        "lock_timeout": LOCK_TIMEOUT,
        "idle_in_transaction_session_timeout": IDLE_IN_TRANSACTION_TIMEOUT,
    }.items()
} | {"jit": "off", "timezone": "UTC"}
# Longer than the server's timeout, whose error is clearer. It covers a server that stops responding.
COMMAND_TIMEOUT = STATEMENT_TIMEOUT + timedelta(seconds=3)
CONNECT_TIMEOUT = timedelta(seconds=3)
ACQUIRE_TIMEOUT = timedelta(seconds=5)
CHECK_TIMEOUT = timedelta(seconds=2)
CLOSE_TIMEOUT = timedelta(seconds=5)
# What the connections outside the pool are called in pg_stat_activity, after the name of the process.
CHECK, LISTEN = "check", "listen"
LISTEN_CHECK = timedelta(seconds=15)
RETRY_AFTER = timedelta(seconds=1)

_DOWN = (
    OSError,  # ConnectionFailed, connection reset, and every timeout
    asyncpg.PostgresConnectionError,
    asyncpg.InsufficientResourcesError,
    asyncpg.CannotConnectNowError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.IdleInTransactionSessionTimeoutError,
    asyncpg.ReadOnlySQLTransactionError,
    asyncpg.InternalClientError,  # the server died in the middle of a response
)
_LOST_RACE = (asyncpg.DeadlockDetectedError, asyncpg.SerializationError, asyncpg.LockNotAvailableError)


class Database:
    """A connection pool of one role; every method raises `Unavailable` while Postgres is down."""

    def __init__(self, pool: _Pool, connector: Connector) -> None:
        self._pool = pool
        self._connector = connector
        self._checking = asyncio.Lock()
        self._check_connection: Connection | None = None

    async def fetch(self, sql: str, *args: Any) -> list[Record]:
        """Run one statement in its own transaction and return all rows."""
        async with self._connection() as connection:
            return await connection.fetch(sql, *args)

    async def fetchrow(self, sql: str, *args: Any) -> Record | None:
        """Run one statement in its own transaction and return the first row, or None."""
        async with self._connection() as connection:
            return await connection.fetchrow(sql, *args)

    async def fetchval(self, sql: str, *args: Any) -> Any:
        """Run one statement in its own transaction and return the first column of the first row."""
        async with self._connection() as connection:
            return await connection.fetchval(sql, *args)

    async def execute(self, sql: str, *args: Any) -> str:
        """Run one statement in its own transaction and return its command tag, e.g. `UPDATE 1`."""
        async with self._connection() as connection:
            return await connection.execute(sql, *args)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Connection]:
        """Run the block in one READ COMMITTED transaction; never make a network call inside it."""
        async with self._connection() as connection, connection.transaction():
            yield connection

    async def begin(self) -> None:
        """Open the first connection. Postgres may be down; raises ConfigError if a pooler is unsuitable."""
        try:
            self._check_connection = await self._connector.connect(purpose=CHECK)
        except TransactionPooling as error:
            raise config.ConfigError([str(error)]) from error
        except ConnectionFailed as error:
            log.warning("cannot connect to Postgres yet", action="database_connect_failed", error=str(error))

    async def check(self) -> None:
        """Raise `Unavailable` unless Postgres answers within two seconds on a connection outside the pool."""
        await self._answer()

    async def check_writes(self) -> None:
        """Raise `Unavailable` unless Postgres answers and accepts writes; replicas do not."""
        if await self._answer() == "on":
            raise Unavailable("STORAGE_UNAVAILABLE", "The database is read-only.", retry_after=RETRY_AFTER)

    async def _answer(self) -> Any:
        """Return whether Postgres says that it is read-only, "on" or "off"."""
        with _translated():
            async with asyncio.timeout(CHECK_TIMEOUT.total_seconds()), self._checking:
                if self._check_connection is None or self._check_connection.is_closed():
                    self._check_connection = await self._connector.connect(purpose=CHECK)
                return await self._check_connection.fetchval("SHOW transaction_read_only")

    def close(self) -> None:
        """Close the connection that `check` keeps open."""
        if self._check_connection is not None:
            self._check_connection.terminate()

    @asynccontextmanager
    async def listen(self, channel: str, wake: Callable[[], None]) -> AsyncIterator[None]:
        """Call `wake` on every NOTIFY of the channel, and after each (re)connect in case some were missed."""
        task = asyncio.create_task(self._listening(channel, wake))
        try:
            yield
        finally:
            task.cancel()
            await asyncio.wait([task])

    async def _listening(self, channel: str, wake: Callable[[], None]) -> None:
        backoff = Backoff(f"listen to {channel}", first=timedelta(seconds=0.1), cap=timedelta(seconds=2))
        cancelled = asyncio.Event()  # never set: `listen` cancels this task
        while True:
            await backoff.retry(partial(self._listen_once, channel, wake, backoff), cancelled)

    async def _listen_once(self, channel: str, wake: Callable[[], None], backoff: Backoff) -> None:
        connection = await self._connector.connect(purpose=f"{LISTEN} {channel}")
        try:
            lost = asyncio.Event()
            connection.add_termination_listener(lambda _: lost.set())
            await connection.add_listener(channel, lambda *_: wake())
            backoff.succeeded()
            wake()
            while not lost.is_set():
                await wait_any(lost, timeout=LISTEN_CHECK.total_seconds())
                await connection.execute("SELECT 1")
        finally:
            connection.terminate()

    @asynccontextmanager
    async def _connection(self) -> AsyncIterator[Connection]:
        with _translated():
            async with self._pool.acquire(timeout=ACQUIRE_TIMEOUT.total_seconds()) as connection:
                yield connection


@asynccontextmanager
async def open_database(settings: config.Database, *, application_name: str) -> AsyncIterator[Database]:
    """Open a pool. Postgres may be down: connections are opened when they are first needed.

    Raises ConfigError if a pooler in between does not keep sessions.
    """
    measure_postgres(settings)
    connector = Connector(
        settings,
        application_name,
        connect_timeout=CONNECT_TIMEOUT,
        command_timeout=COMMAND_TIMEOUT,
        session=_SESSION,
    )
    pool = asyncpg.create_pool(
        connect=connector.connect,
        min_size=0,
        max_size=settings.database_pool_size,
        init=_prepare,
        reset=_keep_session,
    )
    database = Database(await pool, connector)
    await database.begin()
    try:
        yield database
    finally:
        database.close()
        await _closed(pool)


async def _closed(pool: _Pool) -> None:
    """Close the pool; after a timeout, terminate connections that are still in use."""
    try:
        await asyncio.wait_for(pool.close(), CLOSE_TIMEOUT.total_seconds())
    except TimeoutError:
        pool.terminate()


async def _prepare(connection: Connection) -> None:
    await connection.set_type_codec("jsonb", schema="pg_catalog", encoder=json.dumps, decoder=json.loads)


async def _keep_session(connection: Connection) -> None:
    """Skip the reset query: our code never changes session state, and asyncpg ends open transactions."""


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except (*_DOWN, *_LOST_RACE, asyncpg.QueryCanceledError, asyncpg.InterfaceError) as error:
        if (shown := _service_error(error)) is None:
            raise
        raise shown from error


def _service_error(error: Exception) -> ServiceError | None:
    if isinstance(error, _LOST_RACE):
        message = "Concurrent update conflict. Retry the call."
        return Aborted("CONFLICT", message, retry_after=RETRY_AFTER)
    if isinstance(error, asyncpg.QueryCanceledError):
        return DeadlineExceeded("DEADLINE", "The database query timed out. Request less data, or retry.")
    if isinstance(error, asyncpg.InterfaceError) and "clos" not in str(error):
        return None  # a bug in our code, e.g. a wrong number of arguments
    message = "The database is unavailable. Retry the call."
    return Unavailable("STORAGE_UNAVAILABLE", message, retry_after=RETRY_AFTER)
