"""CPU time of processes, from /proc: what a step used, whoever used it."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

TICK_MICROSECONDS = 1_000_000 / os.sysconf("SC_CLK_TCK")


@dataclass
class Used:
    """Microseconds of CPU by the name of the process; filled in when the measured block ends."""

    by_name: dict[str, float] = field(default_factory=dict)


class Meter:
    """Measures processes by name. Each counts with its children, those that ended included."""

    def __init__(self, pids: Mapping[str, int]) -> None:
        self._pids = pids

    @contextmanager
    def measured(self) -> Iterator[Used]:
        """Measure while the block runs."""
        used, before = Used(), self._read()
        yield used
        after = self._read()
        used.by_name = {name: (after[name] - before[name]) * TICK_MICROSECONDS for name in after}

    def _read(self) -> dict[str, int]:
        return {name: sum(map(_ticks, _family(pid))) for name, pid in self._pids.items()}


def _family(pid: int) -> list[int]:
    """Give a process and its children: Postgres has one for each connection."""
    text = Path(f"/proc/{pid}/task/{pid}/children").read_text()
    return [pid, *map(int, text.split())]


def _ticks(pid: int) -> int:
    """Give user and system time, with that of children who ended: fields 14 to 17 of proc_pid_stat(5)."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):  # it ended just now; its parent has its time
        return 0
    return sum(map(int, fields[11:15]))
