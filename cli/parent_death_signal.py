"""Starts programs that end when this process ends, even if it is killed with `kill -9`.

The kernel sends the parent-death signal (Linux `PR_SET_PDEATHSIG`) when the *thread* that started the program
ends, so start programs from a long-lived thread. Run as a script, this file is the intermediate step: it
requests the signal, drops root if asked to, and executes the program. A `preexec_fn` would do the same in a
fork of this process, which is unsafe with threads such as gRPC's.
"""

import ctypes
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

PR_SET_PDEATHSIG = 1  # linux/prctl.h


def ending_with_parent(
    argv: Sequence[str | Path], *, death_signal: signal.Signals = signal.SIGKILL, user: int | None = None
) -> list[str]:
    """Return the command line that runs `argv` (with an absolute path) until this process exits.

    `death_signal` is the signal that the program gets then. `user` is the uid and gid to run it as.
    """
    step = [sys.executable, "-I", "-S", __file__]
    return [*step, str(int(death_signal)), str(os.getpid()), str(user or 0), *map(str, argv)]


def execute(argv: list[str]) -> None:
    """Execute the program of such a command line; never return."""
    death_signal, parent, user = map(int, argv[:3])
    if user:
        os.setgroups([])
        os.setgid(user)
        os.setuid(user)
    if sys.platform == "linux":  # after setuid, which would clear it
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, death_signal)
    if os.getppid() != parent:
        sys.exit("the parent process has exited")
    os.execv(argv[3], argv[3:])


if __name__ == "__main__":
    execute(sys.argv[1:])
