"""Debian's pgbouncer in front of a Postgres server, in any pool mode."""

import asyncio
import os
import pwd
import signal
import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from urllib.parse import urlsplit

from cli.embedded import Postgres
from cli.parent_death_signal import ending_with_parent
from cli.server_process import HOST, ServerProcess, free_port
from tests.e2e.packages import install

PROGRAM = Path("/usr/sbin/pgbouncer")
SETTINGS = """\
[databases]
* = host={host} port={postgres}
[pgbouncer]
listen_addr = {host}
listen_port = {port}
unix_socket_dir =
auth_type = scram-sha-256
auth_file = {users}
pool_mode = {mode}
"""


@asynccontextmanager
async def pgbouncer(
    server: Postgres, passwords: Mapping[str, str], directory: Path, *, mode: str, port: int = 0
) -> AsyncIterator[int]:
    """Run pgbouncer with each role's password on a port (0: any free one); yield the port."""
    await install({str(PROGRAM): "pgbouncer"})
    port = port or free_port()
    users, settings = directory / "users.txt", directory / "pgbouncer.ini"
    users.write_text("".join(f'"{role}" "{password}"\n' for role, password in passwords.items()))
    settings.write_text(SETTINGS.format(host=HOST, postgres=server.port, port=port, users=users, mode=mode))
    process = ServerProcess(
        "pgbouncer",
        lambda: ending_with_parent([PROGRAM, settings], user=_user()),
        lambda: _listens(port),
        log=directory / "pgbouncer.log",
        stop_with=signal.SIGTERM,
    )
    await asyncio.to_thread(process.start, port)
    try:
        yield port
    finally:
        process.stop()


def through(url: str, port: int) -> str:
    """Return the same URL at another port."""
    parts = urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition(":")[0] + f":{port}").geturl()


def _user() -> int | None:
    """Return the uid to run pgbouncer as, which refuses to run as root."""
    return pwd.getpwnam("nobody").pw_uid if os.geteuid() == 0 else None


def _listens(port: int) -> bool:
    with suppress(OSError), socket.create_connection((HOST, port), timeout=1):
        return True
    return False
