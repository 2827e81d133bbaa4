"""Starts programs that end with this process, however it ends: by return, by Ctrl-C or by `kill -9`.

The kernel delivers the signal (Linux `PR_SET_PDEATHSIG`), so nobody has to be alive to send it. It goes off
when the *thread* that started the program ends: start programs from one that lasts. Run as a script, this
file is the step in between: it asks for that signal, drops root when told to, and becomes the program. A
`preexec_fn` would do the same in a forked copy of us: unsafe once there are threads, as gRPC's.
"""

import ctypes
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

PR_SET_PDEATHSIG = 1  # linux/prctl.h


def tethered(
    argv: Sequence[str | Path], *, farewell: signal.Signals = signal.SIGKILL, user: int | None = None
) -> list[str]:
    """The command line that runs `argv` (its program an absolute path) tied to this process.

    `farewell` is what the program gets when this process is gone. `user` is the uid, and gid, to run it as.
    """
    step = [sys.executable, "-I", "-S", __file__]
    return [*step, str(int(farewell)), str(os.getpid()), str(user or 0), *map(str, argv)]


def become(argv: list[str]) -> None:
    """Becomes the program of a `tethered` command line; returns never."""
    farewell, parent, user = map(int, argv[:3])
    if user:
        os.setgroups([])
        os.setgid(user)
        os.setuid(user)
    if sys.platform == "linux":  # after setuid, which would clear it
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, farewell)
    if os.getppid() != parent:
        sys.exit("the process that started this one is gone")
    os.execv(argv[3], argv[3:])


if __name__ == "__main__":
    become(sys.argv[1:])
