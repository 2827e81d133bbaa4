"""Keeps copies of one service running, each forked from a process that has already imported it.

A killed copy restarts in a fraction of the time that Python takes to start, so a storm of kills keeps hitting
processes that are at work. `nursery.py` runs this as a script and reads the pid of each new copy.
"""

import ctypes
import importlib
import json
import os
import signal
import sys
import time
from pathlib import Path
from typing import Any, NoReturn

from chassis import server
from cli.parent_death_signal import PR_SET_PDEATHSIG

PAUSE = 0.2  # seconds before a copy that exited is restarted; one that was killed is restarted at once


def run(package: str, copies: list[dict[str, str]], log: str) -> NoReturn:
    """Fork a copy of `package` per environment, and again when it ends; print `<copy> <pid>` each time."""
    service = importlib.import_module(f"{package}.__main__")
    alive = {_fork(copy, service, environ, log): copy for copy, environ in enumerate(copies)}
    while True:
        pid, status = os.wait()
        copy = alive.pop(pid)
        if not os.WIFSIGNALED(status):
            time.sleep(PAUSE)
        alive[_fork(copy, service, copies[copy], log)] = copy


def _fork(copy: int, service: Any, environ: dict[str, str], log: str) -> int:
    parent = os.getpid()
    if pid := os.fork():
        print(copy, pid, flush=True)  # noqa: T201 - nursery.py reads it
        return pid
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)
    return _become(service, environ, log)


def _become(service: Any, environ: dict[str, str], log: str) -> NoReturn:
    """Run the service in this process, as `python -m` would."""
    os.environ.clear()  # noqa: TID251 - sets the environment of the service
    os.environ.update(environ)  # noqa: TID251
    file = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(file, 1)
    os.dup2(file, 2)
    code = 1
    try:
        server.main(service.running, service.Config)
        code = 0
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


if __name__ == "__main__":
    arguments = json.loads(Path(sys.argv[1]).read_text())
    run(arguments["package"], arguments["copies"], arguments["log"])
