"""How commands that list something limit and print it."""

from collections.abc import Iterable
from typing import Annotated

import typer

from cli.printer import Printer

Limit = Annotated[int, typer.Option(min=1, max=1000, help="Maximum number of results, newest first.")]


def print_table(columns: tuple[str, ...], rows: Iterable[tuple[object, ...]], *, more: bool) -> None:
    """Print a list, and whether there are more results than the limit allows."""
    printer = Printer()
    printer.table(columns, rows)
    if more:
        printer.say("There are more results. Use a larger --limit to see them.")


def name_of(enum: object, value: int) -> str:
    """Return the name of an enum value without its prefix: READY for STATE_READY."""
    prefix = enum.Name(0).removesuffix("UNSPECIFIED")  # type: ignore[attr-defined]
    return enum.Name(value).removeprefix(prefix)  # type: ignore[attr-defined,no-any-return]
