"""CPU time of processes from /proc: what a step used in all of them."""

import os
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

# User and system time, and the same of exited children: fields 14 to 17, as indexes after the process name.
OWN, WITH_ENDED = slice(11, 13), slice(11, 15)
TICK_MICROSECONDS = 1_000_000 / os.sysconf("SC_CLK_TCK")


@dataclass
class Used:
    """CPU microseconds by process name; set when the measured block ends."""

    by_name: dict[str, float] = field(default_factory=dict)


class Meter:
    """Meter of processes by name; those in `parents` include their children, also exited ones."""

    def __init__(self, pids: Mapping[str, int], *, parents: Collection[str] = ("postgres",)) -> None:
        self._pids = pids
        self._parents = parents

    @contextmanager
    def measured(self) -> Iterator[Used]:
        """Measure while the block runs."""
        used, before = Used(), self._read()
        yield used
        after = self._read()
        used.by_name = {name: (after[name] - before[name]) * TICK_MICROSECONDS for name in after}

    def _read(self) -> dict[str, int]:
        return {name: self._ticks(name, pid) for name, pid in self._pids.items()}

    def _ticks(self, name: str, pid: int) -> int:
        if name not in self._parents:
            return _ticks(pid, OWN)
        return _ticks(pid, WITH_ENDED) + sum(_ticks(child, WITH_ENDED) for child in _children(pid))


def _children(pid: int) -> list[int]:
    """Return the children of a process; Postgres has one per connection."""
    return list(map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split()))


def _ticks(pid: int, fields: slice) -> int:
    """Return the sum of some fields of proc_pid_stat(5)."""
    try:
        found = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):  # it has just exited; its parent includes its time
        return 0
    return sum(map(int, found[fields]))
