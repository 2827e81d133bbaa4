"""The command that prints events from NATS."""

import json
from itertools import count
from typing import Annotated

import typer

from cli.events import Tail
from cli.exit_status import run
from cli.installation import Installation
from cli.printer import Printer

events = typer.Typer(no_args_is_help=True, help="Print events from NATS.")


@events.command("tail")
def tail_events(
    *,
    everything: Annotated[bool, typer.Option("--all", help="Start at the oldest retained event.")] = False,
    number: Annotated[int, typer.Option(min=0, help="Exit after this many events; 0: never.")] = 0,
) -> None:
    """Print events as they arrive."""
    run(_tail(number, everything=everything))


async def _tail(number: int, *, everything: bool) -> None:
    printer = Printer()
    async with Tail.open(Installation.read().wire, everything=everything) as tail:
        counter = count(1)
        async for event in tail.follow():
            printer.say(f"{event.time}  {event.subject:<20} {event.resource}  {json.dumps(event.data)}")
            if next(counter) == number:
                return
