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
# Each round finds transaction pooling unless another client takes the session at the same moment.
ROUNDS = 5
# OpenSSL's codes of a certificate that is valid, but for another host.
_OTHER_HOST = (62, 64)
# What a session forgets when a pooler replaces it.
_FORGOTTEN = (asyncpg.InvalidSQLStatementNameError, asyncpg.DuplicatePreparedStatementError)

URL, CA = f"{config.PREFIX}DATABASE_URL_FILE", f"{config.PREFIX}DATABASE_TLS_CA_FILE"


class ConnectionFailed(OSError):
    """There is no connection; the message says in one sentence why and what to correct, without secrets."""


class TransactionPooling(ConnectionFailed):
    """A pooler between us and Postgres changes the session between transactions."""

    def __init__(self) -> None:
        super().__init__(
            "A pooler gives this connection another session of Postgres for each transaction (pgbouncer's"
            f" pool_mode=transaction). Use pool_mode=session, or the address of Postgres itself, in {URL}."
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
            # The only parameter of ours that poolers accept when a connection starts.
            "server_settings": {"application_name": name},
        }
        self._ca = settings.database_tls_ca
        self._keeps_session = False

    async def connect(self, *_: Any, **options: Any) -> Connection:
        """Open a connection; raise ConnectionFailed.

        A pool calls it as it would call asyncpg.connect: the address is ours, the options are the pool's.
        """
        try:
            return await self._connect(options)
        except ConnectionFailed:
            raise
        except _FORGOTTEN as error:
            raise TransactionPooling from error
        except (OSError, ValueError, asyncpg.PostgresError, asyncpg.InternalClientError) as error:
            host = urlsplit(self._options["dsn"]).hostname or "localhost"
            raise ConnectionFailed(_explain(error, host)) from error

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
        for _ in range(ROUNDS):
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


def _explain(error: Exception, host: str) -> str:
    """Return in one sentence why a connection failed, and what to correct."""
    sentence = str(error)
    match error:
        case ssl.SSLCertVerificationError(verify_code=code) if code in _OTHER_HOST:
            sentence = f"Postgres's certificate is not valid for {host!r}. Use one of its hosts in {URL}."
        case ssl.SSLCertVerificationError(verify_message=reason):
            sentence = (
                f"The CA in {CA} does not verify Postgres's certificate: {reason}. Use the CA of Postgres."
            )
        case ssl.SSLError():
            sentence = f"TLS to Postgres failed: {error}. Check that {CA} has PEM certificates."
        case ConnectionError() if "rejected SSL upgrade" in str(error):
            sentence = f"Postgres at {host!r} does not use TLS. Turn it on there (`ssl = on`), or unset {CA}."
        case TimeoutError():
            sentence = f"Postgres at {host!r} does not answer in time. Check that it runs, and the network."
        case OSError():
            sentence = f"Cannot reach Postgres at {host!r}: {error}. Check that it runs, and the network."
        case asyncpg.InvalidAuthorizationSpecificationError() | asyncpg.InvalidCatalogNameError():
            sentence = f"Postgres rejected the connection: {error}. Correct {URL}, or create what is missing."
    return sentence
