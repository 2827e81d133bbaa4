"""`make bench`: the CPU cost of each hot step per email, its floor in the same run, and their ratio."""

import argparse
import asyncio
import os
import platform
import tempfile
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench import dequeue, floors, hooks, steps
from bench.meter import Meter, Used
from bench.world import World, running

Load = Callable[[World, int], Awaitable[None]]

OURS = ("sender", "webhooks", "deliverer", "postgres", "nats")
WARM_UP = 200


@dataclass(frozen=True)
class Row:
    """A step and its floor, with the processes in which each runs."""

    name: str
    step: Load
    floor: Load | None
    floor_parts: Sequence[str] = ("bench", "postgres")
    parts: Sequence[str] = OURS


SERVED = ("floor", "postgres")
ROWS = (
    Row("accept single", steps.accept, floors.accept, SERVED),
    Row("submission", steps.submit, floors.submit),
    Row("feedback applied", steps.feedback, floors.feedback),
    Row("whole path", steps.whole_path, None),
    Row("accept batch of 50", steps.accept_batches, floors.accept_batches, SERVED),  # not submitted
    Row("webhook posted", hooks.post, hooks.floor, parts=("deliverer", "postgres")),
)


@dataclass
class Table:
    """The printed table; the floor of the whole path is the sum of the other floors."""

    count: int
    floor: float = 0.0

    def head(self) -> None:
        """Print the machine, the units and the header of the table."""
        print(f"{platform.platform()}, {os.cpu_count()} cores, Python {platform.python_version()}")
        print(
            f"{self.count} emails per row; CPU in microseconds per email, from /proc; not random: no seed\n"
        )
        names = "".join(f"{name:>10}" for name in OURS)
        print(f"{'step':<20}{names}{'all':>10}{'floor':>10}{'ratio':>8}{'emails/s':>10}")

    def line(self, row: Row, used: Used, floor: Used | None, seconds: float) -> None:
        """Print one row."""
        each = [used.by_name[name] / self.count if name in row.parts else 0 for name in OURS]
        if floor is not None:
            least = sum(floor.by_name[name] for name in row.floor_parts) / self.count
            self.floor += least
        else:
            least = self.floor
        columns = "".join(f"{value:>10.0f}" for value in (*each, sum(each), least))
        print(f"{row.name:<20}{columns}{sum(each) / least:>8.1f}{self.count / seconds:>10.0f}", flush=True)


async def bench(count: int, rows: Sequence[Row], *, finished: int, ready: int) -> None:
    """Run the steps and print their rows."""
    with tempfile.TemporaryDirectory(prefix="letterhead-bench-") as name:
        async with running(Path(name)) as world:
            await steps.whole_path(world, WARM_UP)
            await hooks.post(world, WARM_UP)
            await _rows(world, count, rows)
            if ready:
                await dequeue.measure(world, finished=finished, ready=ready)


async def _rows(world: World, count: int, rows: Sequence[Row]) -> None:
    meter, table = Meter(world.pids), Table(count)
    table.head()
    for row in rows:
        floor = await _measured(meter, row.floor, world, count) if row.floor else None
        started = time.monotonic()
        used = await _measured(meter, row.step, world, count)
        table.line(row, used, floor, time.monotonic() - started)


async def _measured(meter: Meter, load: Load, world: World, count: int) -> Used:
    with meter.measured() as used:
        await load(world, count)
    return used


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="bench", description=__doc__)
    parser.add_argument("--emails", type=int, default=2000, help="emails per row")
    parser.add_argument(
        "--finished", type=int, default=1_000_000, help="finished emails in the table when measuring dequeues"
    )
    parser.add_argument(
        "--ready", type=int, default=100_000, help="ready emails to dequeue; 0 skips the measurement"
    )
    parser.add_argument(
        "--row", choices=[row.name for row in ROWS], action="append", help="measure only this row; repeatable"
    )
    chosen = parser.parse_args()
    rows = [row for row in ROWS if not chosen.row or row.name in chosen.row]
    asyncio.run(bench(chosen.emails, rows, finished=chosen.finished, ready=chosen.ready))
