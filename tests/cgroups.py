"""Real memory limits for processes, as Kubernetes sets them: a control group that the kernel enforces.

And the memory that a process uses.
"""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

from chassis.config import MEBIBYTE

V1, V2 = Path("/sys/fs/cgroup/memory"), Path("/sys/fs/cgroup")
V2_LIMIT, V1_LIMIT = "memory.max", "memory.limit_in_bytes"


@dataclass(frozen=True)
class ControlGroup:
    """A group of processes that may use so many bytes of memory together."""

    path: Path
    limit: int

    def add(self, pid: int) -> None:
        """Move a process into the group."""
        (self.path / "cgroup.procs").write_text(str(pid))


@contextmanager
def limited_memory(mebibytes: int) -> Iterator[ControlGroup | None]:
    """Yield a group with this limit; None where this user may not create one."""
    group = _created(mebibytes * MEBIBYTE)
    try:
        yield group
    finally:
        if group:
            with suppress(OSError):  # a process of the group has not ended yet
                group.path.rmdir()


def memory(pid: int, what: str) -> int:
    """Return the current (VmRSS) or peak (VmHWM) memory of a process, in MiB."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) // 1024 for line in lines if line.startswith(what))


def _created(limit: int) -> ControlGroup | None:
    for parent, setting in ((V1, V1_LIMIT), (V2, V2_LIMIT)):
        path = parent / f"letterhead-{uuid4().hex[:8]}"
        with suppress(OSError):
            path.mkdir()
            (path / setting).write_text(str(limit))
            return ControlGroup(path, limit)
    return None
