"""Prepares the roles of an installation in Postgres: URLs with new passwords in files, and SQL for a DBA.

The SQL has SCRAM verifiers (RFC 5803) instead of passwords, so that neither the server's log nor a ticket
contains them.
"""

import base64
import hashlib
import hmac
import os
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from chassis.roles import role_of
from services import PROCESSES, Process

OWNER = "owner"
MIGRATION = "migrate"
ITERATIONS = 4096  # Postgres's default
_ROLE = """\
DO $$ BEGIN CREATE ROLE {role} LOGIN; EXCEPTION WHEN duplicate_object THEN NULL; END $$;
ALTER ROLE {role} PASSWORD '{verifier}';
"""
_DATABASE = """\
-- A role that is not a superuser must be a member of the owner meanwhile. If you ran this before, ignore the
-- error that the database exists.
GRANT {owner} TO CURRENT_USER;
CREATE DATABASE {database} OWNER {owner};
-- The migration grants CONNECT to the services: until then they wait.
REVOKE CONNECT, TEMPORARY ON DATABASE {database} FROM PUBLIC;
REVOKE {owner} FROM CURRENT_USER;
"""


@dataclass(frozen=True, kw_only=True)
class Server:
    """Where the database is, and what it and its roles are called."""

    host: str
    port: int
    database: str
    prefix: str

    @property
    def owner(self) -> str:
        """Return the role that owns the database, as which the migration runs."""
        return role_of(OWNER, self.prefix)

    def url(self, role: str, password: str) -> str:
        """Return the URL with which a role connects."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"postgresql://{role}:{password}@{host}:{self.port}/{self.database}"


def write_urls(directory: Path, server: Server, processes: Iterable[Process] = PROCESSES) -> dict[str, Path]:
    """Write the URL of each role with a new password; return the files by role, the owner's first.

    Existing files stay, so that a later run adds only the roles of new processes.
    """
    roles = {process.name: role for process in processes if (role := process.role(server.prefix))}
    files: dict[str, Path] = {}
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    for name, role in ({MIGRATION: server.owner} | roles).items():
        files[role] = directory / f"{name}-database-url"
        if not files[role].exists():
            url = server.url(role, secrets.token_urlsafe(24))
            with os.fdopen(os.open(files[role], os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
                file.write(url)
    return files


def preparation(server: Server, files: Mapping[str, Path]) -> str:
    """Return the SQL that creates the roles with the passwords of their files, and the database."""
    passwords = {
        role: urlsplit(path.read_text(encoding="utf-8")).password or "" for role, path in files.items()
    }
    roles = [_ROLE.format(role=role, verifier=scram_verifier(each)) for role, each in passwords.items()]
    return "".join([*roles, _DATABASE.format(owner=server.owner, database=server.database)])


def scram_verifier(password: str) -> str:
    """Return what Postgres stores for an ASCII password, with a new salt."""
    salt = os.urandom(16)
    salted = hashlib.pbkdf2_hmac("sha256", password.encode("ascii"), salt, ITERATIONS)
    stored = hashlib.sha256(hmac.digest(salted, b"Client Key", "sha256")).digest()
    server = hmac.digest(salted, b"Server Key", "sha256")
    encoded = (base64.b64encode(each).decode() for each in (salt, stored, server))
    return "SCRAM-SHA-256${}:{}${}:{}".format(ITERATIONS, *encoded)
