"""Commands for the Postgres server of an installation."""

from pathlib import Path
from typing import Annotated

import typer

from chassis.roles import DEFAULT_PREFIX, PREFIX
from cli.exit_status import USAGE, end
from cli.postgres_roles import Server, preparation, write_urls

postgres = typer.Typer(no_args_is_help=True, help="Prepare the Postgres server of an installation.")


@postgres.callback()
def commands() -> None:
    """Prepare the Postgres server of an installation."""


@postgres.command("roles")
def print_roles(
    directory: Annotated[
        Path, typer.Argument(help="Directory for the files `NAME-database-url`; existing files stay.")
    ],
    *,
    host: Annotated[str, typer.Option(help="Host of Postgres, as the services connect to it.")],
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port of Postgres.")] = 5432,
    database: Annotated[str, typer.Option(help="Name of the database.")] = "letterhead",
    role_prefix: Annotated[
        str, typer.Option(help="Start of the names of the roles; LETTERHEAD_DATABASE_ROLE_PREFIX.")
    ] = DEFAULT_PREFIX,
) -> None:
    """Write the URL of each role with a new password, and print the SQL that creates roles and database.

    Run the SQL as a superuser, or as a role with CREATEROLE and CREATEDB, such as the master user of RDS.
    The owner of the database then needs no right of its own.
    """
    for name, value in (("--database", database), ("--role-prefix", role_prefix)):
        if not PREFIX.fullmatch(value):
            end(USAGE, f"{name}: {value!r} is not up to 40 lower-case letters, digits and underscores.")
    server = Server(host=host, port=port, database=database, prefix=role_prefix)
    print(preparation(server, write_urls(directory, server)), end="")
