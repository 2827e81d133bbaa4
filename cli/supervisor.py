"""Runs the parts of an installation as child processes that cannot outlive it, and restarts them on exit."""

import asyncio
import os
import signal
import sys
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from pathlib import Path

from cli.parent_death_signal import ending_with_parent

# The delay before a part that exited is restarted: doubled while it keeps exiting, up to the second value.
RESTART_SECONDS = (0.2, 5.0)
STEADY_SECONDS = 10.0
STOP_SECONDS = 15.0


class Part:
    """One child process, restarted until it is stopped; its output goes to its log file and to `echo`."""

    def __init__(
        self,
        name: str,
        argv: Sequence[str],
        *,
        environ: Mapping[str, str],
        log: Path,
        echo: Callable[[str, str], None],
    ) -> None:
        self.name = name
        self.starts = 0
        self._argv = argv
        self.environ = environ
        self._log = log
        self._echo = echo
        self._process: asyncio.subprocess.Process | None = None
        self._supervisor: asyncio.Task[None] | None = None
        self._stopping = False

    @property
    def pid(self) -> int | None:
        """Return the process id; None between two starts."""
        return self._process.pid if self._process and self._process.returncode is None else None

    def start(self) -> None:
        """Start the process, and restart it whenever it exits."""
        self._stopping = False
        self._supervisor = asyncio.create_task(self._supervise(), name=f"supervise-{self.name}")

    def kill(self) -> None:
        """Kill the process with SIGKILL, as a power failure would; it is restarted."""
        if self.pid:
            os.kill(self.pid, signal.SIGKILL)

    async def stop(self, within: float = STOP_SECONDS) -> int | None:
        """Stop the process with SIGTERM, or SIGKILL after a time; do not restart it. Return its exit code.

        Its output is read to the end, because a process whose output nobody reads may hang.
        """
        self._stopping = True
        process = self._process
        if process and process.returncode is None:
            process.terminate()
            await asyncio.wait([asyncio.ensure_future(process.wait())], timeout=within)
            if process.returncode is None:
                process.kill()
        elif self._supervisor:
            self._supervisor.cancel()
        if self._supervisor:
            await asyncio.gather(self._supervisor, return_exceptions=True)
        return process.returncode if process else None

    async def _supervise(self) -> None:
        shortest, longest = RESTART_SECONDS
        pause = shortest
        while True:
            started = time.monotonic()
            code = await self._run_once()
            if self._stopping:
                return
            pause = shortest if time.monotonic() - started > STEADY_SECONDS else min(pause * 2, longest)
            self._echo(self.name, f"exited with {code}; restarting in {pause:g} s")
            await asyncio.sleep(pause)

    async def _run_once(self) -> int:
        process = self._process = await asyncio.create_subprocess_exec(
            *ending_with_parent(self._argv),
            env=self.environ,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            start_new_session=True,  # Ctrl-C must reach only us, so that we stop our children in order
        )
        self.starts += 1
        assert process.stdout is not None
        with self._log.open("ab", buffering=0) as log:
            async for line in _lines(process.stdout):
                log.write(line)
                self._echo(self.name, line.decode(errors="replace").rstrip("\n"))
        return await process.wait()


async def _lines(stream: asyncio.StreamReader) -> AsyncIterator[bytes]:
    """Yield the lines of a stream; one longer than the stream's limit is split."""
    while True:
        try:
            line = await stream.readuntil(b"\n")
        except asyncio.LimitOverrunError as overrun:
            line = await stream.readexactly(overrun.consumed)
        except asyncio.IncompleteReadError as end:
            if end.partial:
                yield end.partial
            return
        yield line


def module(name: str) -> list[str]:
    """Return the command line that runs a module of this project with the current interpreter."""
    return [sys.executable, "-m", name]
