"""`letterhead up` and `letterhead demo`: a whole installation on this machine, against the sandbox."""

import asyncio
import fcntl
import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import typer

from cli.demo import open_demo
from cli.environments import SECOND_REGION
from cli.exit_status import run
from cli.installation import FILE, HOME, Installation
from cli.local_installation import running
from cli.printer import Printer
from cli.server_process import EmbeddedError
from cli.stack import Plan
from sandbox.client import connect_sandbox
from services import PROCESSES


def up(
    *,
    replicas: Annotated[
        int, typer.Option(min=1, max=4, envvar="REPLICAS", help="Number of processes of each service.")
    ] = 1,
    free_ports: Annotated[
        bool, typer.Option("--free-ports", help="Use any free ports instead of the documented ones.")
    ] = False,
    two_regions: Annotated[
        bool,
        typer.Option("--two-regions", help=f"Add the SES region {SECOND_REGION}, of another AWS account."),
    ] = False,
) -> None:
    """Run all services and the sandbox on this machine, in the foreground, until Ctrl-C."""
    run(_up(replicas, free_ports=free_ports, two_regions=two_regions))


def demo() -> None:
    """Run the demo: verify a domain, send email from it, handle a bounce, and verify a webhook."""
    run(_demo())


async def _up(replicas: int, *, free_ports: bool, two_regions: bool) -> None:
    printer = Printer()
    home = HOME.resolve()
    with _exclusively(home.parent):
        planned = Plan.on_free_ports if free_ports else Plan.on_standard_ports
        plan = planned(home, replicas, two_regions=two_regions)
        async with running(plan, printer, lambda name, line: printer.say(f"{name:<12} {line}")) as (
            _,
            installation,
        ):
            _welcome(printer, installation)
            await _interrupted()
            printer.heading("Stopping")
        (home / FILE.name).unlink(missing_ok=True)


async def _demo() -> None:
    """Run the demo on an installation of its own, on free ports, and stop it."""
    printer = Printer()
    with TemporaryDirectory(prefix="letterhead-demo-") as directory:
        plan = Plan.on_free_ports(Path(directory) / "home")
        printer.heading("Starting Letterhead and the sandbox")
        async with (
            running(plan, printer, _discard) as (_, installation),
            connect_sandbox(installation.control) as sandbox,
            open_demo(installation, sandbox, printer) as steps,
        ):
            started = time.monotonic()
            await steps.run()
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
