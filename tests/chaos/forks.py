"""Keeps copies of one service running, each forked from a process that has imported it.

A copy that is killed is back in a fraction of the time that a start of Python takes, so a storm of kills goes
on striking processes at work. Run as a script; `nursery.py` starts it and reads who was born.
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
from cli.tether import PR_SET_PDEATHSIG

PAUSE = 0.2  # seconds before a copy that ended by itself is started again; one that was killed is at once


def run(package: str, copies: list[dict[str, str]], log: str) -> NoReturn:
    """Forks a copy of `package` for each environment, again and again; prints `<copy> <pid>` each time."""
    service = importlib.import_module(f"{package}.__main__")
    alive = {_born(copy, service, environ, log): copy for copy, environ in enumerate(copies)}
    while True:
        pid, status = os.wait()
        copy = alive.pop(pid)
        if not os.WIFSIGNALED(status):
            time.sleep(PAUSE)
        alive[_born(copy, service, copies[copy], log)] = copy


def _born(copy: int, service: Any, environ: dict[str, str], log: str) -> int:
    parent = os.getpid()
    if pid := os.fork():
        print(copy, pid, flush=True)  # noqa: T201 - its parent reads
        return pid
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)
    return _become(service, environ, log)


def _become(service: Any, environ: dict[str, str], log: str) -> NoReturn:
    """Is the service from here on, as `python -m` would be."""
    os.environ.clear()  # noqa: TID251 - hands its environment on to what it becomes
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
    told = json.loads(Path(sys.argv[1]).read_text())
    run(told["package"], told["copies"], told["log"])
