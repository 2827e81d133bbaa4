"""Runs the parts of an installation as child processes that cannot outlive it, and restarts what ends."""

import asyncio
import os
import signal
import sys
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from pathlib import Path

from cli.tether import tethered

# A part that ended is started again after this long; doubled while it keeps ending, up to the second figure.
RESTART_SECONDS = (0.2, 5.0)
STEADY_SECONDS = 10.0
STOP_SECONDS = 15.0


class Part:
    """One child process, kept running until it is stopped; what it prints goes to its log and to `echo`."""

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
        self._keeper: asyncio.Task[None] | None = None

    @property
    def pid(self) -> int | None:
        """The process id; None between two starts."""
        return self._process.pid if self._process and self._process.returncode is None else None

    def start(self) -> None:
        """Starts it, and goes on starting it whenever it ends."""
        self._keeper = asyncio.create_task(self._keep(), name=f"keep-{self.name}")

    def kill(self) -> None:
        """Kills it as a power failure would (SIGKILL); it is started again."""
        if self.pid:
            os.kill(self.pid, signal.SIGKILL)

    async def stop(self) -> None:
        """Ends it for good: SIGTERM, and SIGKILL when it takes too long."""
        process = self._process
        if process and process.returncode is None:
            process.terminate()
        if self._keeper:
            self._keeper.cancel()
            await asyncio.gather(self._keeper, return_exceptions=True)
        if process and process.returncode is None:
            await _end(process)

    async def _keep(self) -> None:
        shortest, longest = RESTART_SECONDS
        pause = shortest
        while True:
            began = time.monotonic()
            code = await self._run_once()
            pause = shortest if time.monotonic() - began > STEADY_SECONDS else min(pause * 2, longest)
            self._echo(self.name, f"ended with {code}; started again in {pause:g} s")
            await asyncio.sleep(pause)

    async def _run_once(self) -> int:
        process = self._process = await asyncio.create_subprocess_exec(
            *tethered(self._argv),
            env=self.environ,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            start_new_session=True,  # Ctrl-C is for us; we end our children in order
        )
        self.starts += 1
        assert process.stdout is not None
        with self._log.open("ab", buffering=0) as log:
            async for line in _lines(process.stdout):
                log.write(line)
                self._echo(self.name, line.decode(errors="replace").rstrip("\n"))
        return await process.wait()


async def _lines(stream: asyncio.StreamReader) -> AsyncIterator[bytes]:
    """Lines of a stream; one longer than the stream's limit comes in pieces."""
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


async def _end(process: asyncio.subprocess.Process) -> None:
    try:
        await asyncio.wait_for(process.wait(), STOP_SECONDS)
    except TimeoutError:
        process.kill()
        await process.wait()


def module(name: str) -> list[str]:
    """The command line of a module of this project, under the interpreter that runs now."""
    return [sys.executable, "-m", name]
