"""`letterhead up` and `letterhead demo`: a whole installation on this machine, against the sandbox."""

import asyncio
import fcntl
import os
import signal
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from cli.installation import FILE, HOME, Installation
from cli.prepare import prepare
from cli.printer import Printer
from cli.server_process import EmbeddedError
from cli.stack import Echo, Plan, Stack
from cli.story import telling
from sandbox.client import connect_sandbox
from services import PROCESSES

# The number of steps that `Stack.start` and `prepare` report: one for each process, and six others.
STEPS = len(PROCESSES) + 6


@asynccontextmanager
async def running(plan: Plan, printer: Printer, echo: Echo) -> AsyncIterator[tuple[Stack, Installation]]:
    """Start and prepare a stack; stop it at the end of the block."""
    stack = Stack(plan, echo)
    try:
        with printer.progress("starting", STEPS) as steps:
            await stack.start(steps.done)
            installation = await prepare(stack, steps.done)
        installation.write(plan.home / FILE.name)
        yield stack, installation
    finally:
        await stack.stop()


async def up(replicas: int, *, free_ports: bool) -> None:
    """Start everything and keep it running in the foreground until Ctrl-C."""
    printer = Printer()
    home = HOME.resolve()
    with _exclusively(home.parent):
        plan = Plan.on_free_ports(home, replicas) if free_ports else Plan.on_standard_ports(home, replicas)
        async with running(plan, printer, lambda name, line: printer.say(f"{name:<12} {line}")) as (
            _,
            installation,
        ):
            _welcome(printer, installation)
            await _interrupted()
            printer.heading("Stopping")
        (home / FILE.name).unlink(missing_ok=True)


async def demo() -> None:
    """Run the demo on an installation of its own, on free ports, and stop it."""
    printer = Printer()
    with TemporaryDirectory(prefix="letterhead-demo-") as directory:
        plan = Plan.on_free_ports(Path(directory) / "home")
        printer.heading("Starting Letterhead and the sandbox")
        async with (
            running(plan, printer, _discard) as (_, installation),
            connect_sandbox(installation.control) as sandbox,
            telling(installation, sandbox, printer) as story,
        ):
            started = time.monotonic()
            await story.play()
            printer.heading(
                f"Demo completed in {time.monotonic() - started:.1f} s. Next: `make up`, and README.md."
            )


@contextmanager
def _exclusively(folder: Path) -> Iterator[None]:
    """Prevent a second `letterhead up` in the same folder, which would delete the first one's data."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        _lock(handle, folder)
        yield
    finally:
        os.close(handle)


def _lock(handle: int, folder: Path) -> None:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise EmbeddedError(
            f"`letterhead up` is already running in {folder}. Stop it with Ctrl-C, "
            "or start another one in another folder with `--free-ports`."
        ) from None
    except OSError:
        pass  # the file system does not support locks


def _welcome(printer: Printer, installation: Installation) -> None:
    printer.heading("Everything is up. Press Ctrl-C to stop.")
    processes = (each.name for each in PROCESSES)
    rows = [
        (name, getattr(installation, name))
        for name in (*processes, "nats", "mailbox", "control", "ses", "dns")
    ]
    printer.table(("component", "address"), rows)
    printer.say(f"API keys are in {FILE}. `letterhead --help` lists the commands.")
    printer.say(f"Open {installation.console}/app and sign in with `api_key`.")
    printer.say(f"Resend's SDKs: use {installation.console} as the base URL.")


def _discard(_part: str, _line: str) -> None:
    """Ignore the output of the parts, which is in their log files."""


async def _interrupted() -> None:
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    await stop.wait()
