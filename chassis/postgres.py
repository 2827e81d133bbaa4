"""How every process connects to Postgres: TLS, one session per connection, and why a connection failed.

LISTEN, prepared statements, the timeouts of a session and the lock of migrations belong to a session. So a
pooler may sit in between if a connection keeps its session (session pooling), and is refused if it does not.
"""

import asyncio
import ssl
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias
from urllib.parse import urlsplit

import asyncpg

from chassis import config
from chassis.queries import Queries

if TYPE_CHECKING:
    Connection: TypeAlias = asyncpg.Connection[asyncpg.Record]
else:
    Connection = asyncpg.Connection

QUERIES = Queries.load(Path(__file__).with_name("postgres.sql"))
# Each check finds transaction pooling unless another client takes the session at the same moment.
CHECKS = 5
# OpenSSL's codes of a certificate that is valid, but for another host.
_OTHER_HOST = (62, 64)
# What a session forgets when a pooler replaces it.
_LOST_SESSION = (asyncpg.InvalidSQLStatementNameError, asyncpg.DuplicatePreparedStatementError)

URL, CA = f"{config.PREFIX}DATABASE_URL_FILE", f"{config.PREFIX}DATABASE_TLS_CA_FILE"


class ConnectionFailed(OSError):
    """No connection was opened. `problem` is one sentence, `remedy` what to do; neither has secrets."""

    def __init__(self, problem: str, remedy: str) -> None:
        super().__init__(f"{problem}. {remedy}")
        self.problem = problem
        self.remedy = remedy


class TransactionPooling(ConnectionFailed):
    """A pooler between us and Postgres changes the session between transactions."""

    def __init__(self) -> None:
        super().__init__(
            "a pooler gives this connection another session of Postgres for each transaction (pgbouncer's"
            " pool_mode=transaction)",
            f"Use session pooling, or the address of Postgres itself, in {URL}.",
        )


class Connector:
    """Opens the connections of one process, all with the same `session` parameters."""

    def __init__(
        self,
        settings: config.Postgres,
        name: str,
        *,
        connect_timeout: timedelta,
        command_timeout: timedelta | None = None,
        session: Mapping[str, str] | None = None,
    ) -> None:
        self._session = dict(session or {})
        self._timeout = connect_timeout.total_seconds()
        self._options: dict[str, Any] = {
            "dsn": settings.database_url.reveal(),
            "timeout": self._timeout,
            "command_timeout": command_timeout.total_seconds() if command_timeout else None,
        }
        self._name = name
        self._ca = settings.database_tls_ca
        self._keeps_session = False

    async def connect(self, *_: Any, purpose: str = "", **options: Any) -> Connection:
        """Open a connection; raise ConnectionFailed. `purpose` is a part of its name in pg_stat_activity.

        A pool calls it as it would call asyncpg.connect: the address is ours, the options are the pool's.
        """
        # The name is the only parameter of ours that poolers accept when a connection starts.
        options["server_settings"] = {"application_name": f"{self._name} {purpose}".rstrip()}
        try:
            return await self._connect(options)
        except ConnectionFailed:
            raise
        except _LOST_SESSION as error:
            raise TransactionPooling from error
        except (OSError, ValueError, asyncpg.PostgresError, asyncpg.InternalClientError) as error:
            host = urlsplit(self._options["dsn"]).hostname or "localhost"
            raise ConnectionFailed(*_explain(error, host)) from error

    async def _connect(self, options: Mapping[str, Any]) -> Connection:
        connection = await self._open(options)
        try:
            row = await connection.fetchrow(
                *QUERIES.begin_session(names=list(self._session), values=list(self._session.values()))
            )
            # Postgres tells a client the process that serves it, and a pooler tells it a random number.
            if row and row["pid"] != connection.get_server_pid() and not self._keeps_session:
                await asyncio.wait_for(self._check_pooler(connection), self._timeout)
                self._keeps_session = True
        except BaseException:
            connection.terminate()
            raise
        return connection

    async def _check_pooler(self, connection: Connection) -> None:
        """Raise TransactionPooling if another connection gets the session that this one has."""
        for _ in range(CHECKS):
            before = await connection.fetchval(*QUERIES.server_process())
            other = await self._open({})
            try:
                async with other.transaction():
                    if before == await other.fetchval(*QUERIES.server_process()):
                        raise TransactionPooling
                    if before != await connection.fetchval(*QUERIES.server_process()):
                        raise TransactionPooling
            finally:
                other.terminate()

    async def _open(self, options: Mapping[str, Any]) -> Connection:
        merged = {**self._options, **options}
        if self._ca:
            merged["ssl"] = ssl.create_default_context(cadata=self._ca.reveal())
        connection: Connection = await asyncpg.connect(**merged)
        return connection


def _explain(error: Exception, host: str) -> tuple[str, str]:
    """Return in one sentence why a connection failed, and what to do."""
    found = f"Postgres at {host!r} rejected the connection: {error}", "Check its log."
    match error:
        case ssl.SSLError():
            found = _explain_tls(error, host)
        case ConnectionError() if "rejected SSL upgrade" in str(error):
            found = f"Postgres at {host!r} has no TLS", f"Turn it on there (`ssl = on`), or unset {CA}."
        case OSError():
            reason = str(error) or "no answer in time"  # a timeout has no message of its own
            found = f"cannot reach Postgres at {host!r}: {reason}", "Check that it runs, and the network."
        case ValueError():
            found = f"the URL of Postgres is invalid: {error}", f"Correct {URL}."
        case asyncpg.InsufficientPrivilegeError():  # to CONNECT to the database
            found = f"Postgres rejected the connection: {error}", f"Run the migration, or correct {URL}."
        case asyncpg.InvalidAuthorizationSpecificationError() | asyncpg.InvalidCatalogNameError():
            found = f"Postgres rejected the connection: {error}", f"Correct {URL}, or create what is missing."
    return found


def _explain_tls(error: ssl.SSLError, host: str) -> tuple[str, str]:
    if not isinstance(error, ssl.SSLCertVerificationError):
        return f"TLS to Postgres at {host!r} failed: {error}", f"Check that {CA} has PEM certificates."
    if error.verify_code in _OTHER_HOST:
        return f"Postgres's certificate is not valid for {host!r}", f"Use one of its hosts in {URL}."
    return (
        f"{CA} does not verify Postgres's certificate: {error.verify_message}",
        "Put the CA of Postgres there.",
    )
