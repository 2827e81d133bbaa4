"""One embedded server as a child process: its port, its start until it is ready, its end within bounds."""

import random
import signal
import socket
import subprocess
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

HOST = "127.0.0.1"
START_WITHIN = timedelta(seconds=30)
STOP_WITHIN = timedelta(seconds=10)
PORT_WITHIN = timedelta(seconds=2)
POLL = timedelta(milliseconds=10)
FREE_PORTS = range(20000, 32000)  # below the range from which the kernel picks ports for outgoing connections


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


def await_port(name: str, port: int) -> None:
    """Waits a moment: a server whose parent was killed takes a moment to let go of its port."""
    patience = time.monotonic() + PORT_WITHIN.total_seconds()
    while not port_is_free(port):
        if time.monotonic() > patience:
            raise EmbeddedError(
                f"{name} cannot listen on {HOST}:{port}: another program does. "
                f"Stop it (`ss -ltnp 'sport = :{port}'` names it) or choose another port."
            )
        time.sleep(POLL.total_seconds())


class ServerProcess:
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


class EmbeddedServer:
    """A server on a port of its own, that may be ended, in order or not, and begun again as it was."""

    def __init__(self, port: int, server: ServerProcess) -> None:
        self.port = port
        self._server = server

    @property
    def process(self) -> subprocess.Popen[bytes]:
        return self._server.process

    def stop(self) -> None:
        """Ends the server in order, disconnecting its clients; does nothing when it is down."""
        self._server.stop()

    def kill(self) -> None:
        """Ends the server as a crash would."""
        self._server.kill()

    def restart(self) -> None:
        """Stops the server when it is up, and starts it on the same port and what it keeps."""
        self._server.stop()
        self._server.start(self.port)
