"""An installation whose roles and database a DBA prepared with the SQL that the command prints."""

import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit
from uuid import uuid4

import asyncpg

from chassis.config import Database as Settings
from chassis.config import Secret
from chassis.database import Database, open_database
from chassis.migrate import migrate
from cli.embedded import Postgres
from cli.server_process import HOST

BASE = {"PATH": os.defpath}
PSQL = "/usr/bin/psql"  # of postgresql-client-15, which Debian's postgresql-15 needs


@dataclass(frozen=True)
class Installation:
    """One installation on a server: its name is that of its database and the prefix of its roles."""

    server: Postgres
    name: str
    directory: Path

    def url(self, process: str) -> str:
        """Return the URL that the command wrote for a process."""
        return (self.directory / f"{process}-database-url").read_text()

    @asynccontextmanager
    async def open(self, process: str) -> AsyncIterator[Database]:
        """Open the connection pool of a process."""
        settings = Settings(database_url=Secret(self.url(process)), database_pool_size=2)
        async with open_database(settings, application_name=process) as database:
            yield database

    async def migrate(self) -> list[str]:
        """Run the migration as the owner."""
        return await migrate(self.url("migrate"), role_prefix=self.name)


def prepare(server: Postgres, dba: str, directory: Path) -> Installation:
    """Write the URLs, and run the printed SQL as a DBA, in psql as people do."""
    name = f"acme_{uuid4().hex[:8]}"
    psql(dba, printed(directory / name, server, name))
    return Installation(server, name, directory / name)


def printed(directory: Path, server: Postgres, name: str) -> str:
    """Return the SQL that the command prints for an installation; it writes the URLs to `directory`."""
    return command(
        "postgres", "roles", str(directory), "--host", HOST, "--port", str(server.port),
        "--database", name, "--role-prefix", name,
    )  # fmt: skip


def command(*arguments: str) -> str:
    """Run `letterhead` and return its output."""
    program = Path(sys.executable).with_name("letterhead")
    done = subprocess.run([program, *arguments], env=BASE, capture_output=True, text=True, check=True)
    return done.stdout


def psql(url: str, sql: str) -> None:
    """Run SQL in psql as the role of a URL; an error ends it."""
    subprocess.run([PSQL, "-qX", "-v", "ON_ERROR_STOP=1", url], input=sql, text=True, check=True)


def run_migration(url: str, directory: Path, **settings: str) -> subprocess.CompletedProcess[str]:
    """Run the program of the Job `migrate`."""
    file = directory / "url"
    file.write_text(url)
    environ = BASE | {"LETTERHEAD_DATABASE_URL_FILE": str(file)} | settings
    program = [sys.executable, "-m", "chassis.migrate"]
    return subprocess.run(program, env=environ, capture_output=True, text=True, check=False)


async def execute(url: str, *statements: str) -> None:
    """Run statements one after another."""
    connection = await asyncpg.connect(url)
    for statement in statements:
        await connection.execute(statement)
    await connection.close()


async def a_role(server: Postgres, rights: str) -> str:
    """Create a role that is not a superuser; return its URL for the database `postgres`."""
    role = f"role_{uuid4().hex[:8]}"
    await execute(server.url(), f"CREATE ROLE {role} LOGIN PASSWORD 'secret' {rights}")
    return f"postgresql://{role}:secret@{HOST}:{server.port}/postgres"


def role_of(url: str) -> str:
    """Return the role of a URL."""
    return urlsplit(url).username or ""


def on_database(url: str, database: str) -> str:
    """Return the same URL for another database."""
    return urlsplit(url)._replace(path=f"/{database}").geturl()


def logged(done: subprocess.CompletedProcess[str]) -> Mapping[str, str]:
    """Return the last line that a program logged."""
    return dict(json.loads((done.stdout + done.stderr).splitlines()[-1]))
