"""Runs an embedded server as a child process: waits until it is ready, and stops it within a time limit."""

import fcntl
import os
import random
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import TextIO

HOST = "127.0.0.1"
START_WITHIN = timedelta(seconds=30)
STOP_WITHIN = timedelta(seconds=10)
PORT_WITHIN = timedelta(seconds=2)
POLL = timedelta(milliseconds=10)
FREE_PORTS = range(20000, 32000)  # below the kernel's range of ephemeral ports
_reservations: list[TextIO] = []  # locked files, one for each port given; the kernel unlocks them at exit


class EmbeddedError(Exception):
    """An embedded server could not be started; the message says why and what to do."""


def free_port() -> int:
    """Return a free port of 127.0.0.1 that no other process of Letterhead gets while this one lives.

    A free port alone is not enough: two installations that start together would pick the same one, and a port
    is free for a moment whenever its server restarts.
    """
    directory = Path(tempfile.gettempdir()) / f"letterhead-ports-{os.getuid()}"
    directory.mkdir(mode=0o700, exist_ok=True)
    while True:
        port = random.choice(FREE_PORTS)  # noqa: S311 - not a secret
        reservation = (directory / str(port)).open("w")
        try:
            fcntl.flock(reservation, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            reservation.close()
            continue
        if port_is_free(port):
            _reservations.append(reservation)
            return port
        reservation.close()


def port_is_free(port: int) -> bool:
    """Return whether a server could listen on this port of 127.0.0.1 now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # ignores connections in TIME_WAIT
        try:
            probe.bind((HOST, port))
            probe.listen()
        except OSError:
            return False
        return True


def await_port(name: str, port: int) -> None:
    """Wait until a port is free, because a server whose parent was killed takes a moment to release it."""
    deadline = time.monotonic() + PORT_WITHIN.total_seconds()
    while not port_is_free(port):
        if time.monotonic() > deadline:
            raise EmbeddedError(
                f"{name} cannot listen on {HOST}:{port}: the port is in use. "
                f"Stop the program using it (`ss -ltnp 'sport = :{port}'`) or choose another port."
            )
        time.sleep(POLL.total_seconds())


class ServerProcess:
    """One child process with a log file; waits until it is ready, and kills it if it stops too slowly."""

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
        await_port(self._name, port)
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
                start_new_session=True,  # Ctrl-C must reach only us, so that we stop our children last
            )

    def _held_by_predecessor(self) -> bool:
        """Return whether Postgres refused to start because processes of a killed one are still exiting."""
        return "is still in use" in self._last_lines() or "already exists" in self._last_lines()

    def _failure(self) -> EmbeddedError:
        self.kill()
        return EmbeddedError(f"{self._name} did not start. {self._log} ends with:\n{self._last_lines()}")

    def _last_lines(self) -> str:
        return "\n".join(self._log.read_text(errors="replace").splitlines()[-5:])


class EmbeddedServer:
    """A server on a fixed port that can be stopped or killed, and restarted with its data."""

    def __init__(self, port: int, server: ServerProcess) -> None:
        self.port = port
        self._server = server

    @property
    def process(self) -> subprocess.Popen[bytes]:
        return self._server.process

    def stop(self) -> None:
        """Stop the server gracefully, disconnecting its clients; do nothing if it is down."""
        self._server.stop()

    def kill(self) -> None:
        """Kill the server, as a crash would."""
        self._server.kill()

    def restart(self) -> None:
        """Stop the server if it is up, and start it on the same port with the same data."""
        self._server.stop()
        self._server.start(self.port)
