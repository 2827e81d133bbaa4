"""Faults of our own processes: down, and hung."""

import os
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from services import PROCESSES
from tests.drill.drills import Fault
from tests.drill.stage import Stage


def down(process: str) -> Callable[[Stage], AbstractAsyncContextManager[None]]:
    """Return the injection that stops a process, which its supervisor does not restart."""

    @asynccontextmanager
    async def inject(stage: Stage) -> AsyncIterator[None]:
        part = stage.part(process)
        await part.stop()
        try:
            yield
        finally:
            part.start()

    return inject


def hung(process: str) -> Callable[[Stage], AbstractAsyncContextManager[None]]:
    """Return the injection that suspends a process, whose sockets stay open."""

    @asynccontextmanager
    async def inject(stage: Stage) -> AsyncIterator[None]:
        pid = stage.part(process).pid
        assert pid
        os.kill(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(pid, signal.SIGCONT)

    return inject


PROCESS_FAULTS = (
    *(
        Fault(
            name=f"{process.name} is down",
            inject=down(process.name),
            doctor=rf"\b{process.name} at .* does not answer",
            alert="ServiceDown",
        )
        for process in PROCESSES
    ),
    *(
        Fault(
            name=f"{process.name} hangs",
            inject=hung(process.name),
            doctor=rf"\b{process.name} at .*(it hangs|does not answer)",
            alert="ServiceDown",
        )
        for process in PROCESSES
    ),
)
