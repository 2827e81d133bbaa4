"""`letterhead up` and `letterhead demo`: a whole installation on this machine, against a pretend Internet."""

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
from cli.server_process import EmbeddedError
from cli.stack import Echo, Plan, Stack
from cli.story import telling
from cli.teller import Teller
from sandbox.client import connect_sandbox

# The parts that `Stack.start` and `prepare` tell of.
STEPS = 11


@asynccontextmanager
async def running(plan: Plan, teller: Teller, echo: Echo) -> AsyncIterator[tuple[Stack, Installation]]:
    """A stack that is up and prepared, and ends with the block."""
    stack = Stack(plan, echo)
    try:
        with teller.progress("starting", STEPS) as steps:
            await stack.start(steps.done)
            installation = await prepare(stack, steps.done)
        installation.write(plan.home / FILE.name)
        yield stack, installation
    finally:
        await stack.stop()


async def up(replicas: int, *, free_ports: bool) -> None:
    """Starts everything and keeps it running, in the foreground, until Ctrl-C."""
    teller = Teller()
    home = HOME.resolve()
    with _alone_in(home.parent):
        plan = Plan.on_free_ports(home, replicas) if free_ports else Plan.on_standard_ports(home, replicas)
        async with running(plan, teller, lambda name, line: teller.say(f"{name:<12} {line}")) as (
            _,
            installation,
        ):
            _welcome(teller, installation)
            await _interrupted()
            teller.heading("Stopping")
        (home / FILE.name).unlink(missing_ok=True)


async def demo() -> None:
    """Plays the story on an installation of its own, on free ports, and ends it."""
    teller = Teller()
    with TemporaryDirectory(prefix="letterhead-demo-") as directory:
        plan = Plan.on_free_ports(Path(directory) / "home")
        teller.heading("Letterhead, on a pretend Internet: starting everything")
        async with (
            running(plan, teller, _unheard) as (_, installation),
            connect_sandbox(installation.control) as sandbox,
            telling(installation, sandbox, teller) as story,
        ):
            began = time.monotonic()
            await story.play()
            teller.heading(
                f"The whole story in {time.monotonic() - began:.1f} s. Yours next: `make up`, and README.md."
            )


@contextmanager
def _alone_in(folder: Path) -> Iterator[None]:
    """Keeps a second `letterhead up` out of a folder: it would wipe what the first one stands on."""
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
            f"`letterhead up` runs already for {folder}: end it first (Ctrl-C where it runs), "
            "or start another one in another folder with `--free-ports`."
        ) from None
    except OSError:
        pass  # a file system without such locks keeps nobody out


def _welcome(teller: Teller, installation: Installation) -> None:
    teller.heading("Everything is up. Ctrl-C ends it.")
    rows = [
        (name, getattr(installation, name)) for name in ("identity", "verifier", "sender", "webhooks", "nats")
    ]
    rows += [(name, getattr(installation, name)) for name in ("mailbox", "control", "ses", "dns")]
    teller.table(("what", "where"), [("console", installation.console), *rows])
    teller.say(f"Keys are in {FILE}; `letterhead --help` lists what to do with them.")
    teller.say(
        f"The page: {installation.console}/app, signed in to with `api_key`. Resend's SDKs: the same address."
    )


def _unheard(_part: str, _line: str) -> None:
    """The parts' own lines are in their logs; the story is told without them."""


async def _interrupted() -> None:
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    await stop.wait()
