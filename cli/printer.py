"""Prints command output: with colors and a progress bar in a terminal, as plain lines elsewhere."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

# Wide enough for a DKIM record on one line.
WIDTH_WITHOUT_TERMINAL = 180


class Printer:
    """Prints lines and tables; treats all text as data, never as markup."""

    def __init__(self) -> None:
        self.console = Console(highlight=False, soft_wrap=False)
        if not self.console.is_terminal:
            self.console = Console(highlight=False, width=WIDTH_WITHOUT_TERMINAL, no_color=True)

    def heading(self, text: str) -> None:
        """Print a heading."""
        self.console.print(f"\n[bold]{escape(text)}[/bold]")

    def say(self, text: str) -> None:
        """Print a line."""
        self._line("", text)

    def good(self, text: str) -> None:
        """Print a success."""
        self._line("[green]✓[/green] ", text)

    def waiting(self, text: str) -> None:
        """Print something that is pending."""
        self._line("[yellow]•[/yellow] ", text)

    def bad(self, text: str) -> None:
        """Print a problem."""
        self._line("[red]✗[/red] ", text)

    def _line(self, sign: str, text: str) -> None:
        self.console.print(f"  {sign}{escape(text)}", soft_wrap=not self.console.is_terminal)

    def table(self, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
        """Print a table; long values wrap and are never truncated."""
        table = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 2, 0, 0))
        for column in columns:
            table.add_column(column, overflow="fold")
        for row in rows:
            table.add_row(*(escape(str(cell)) for cell in row))
        self.console.print(table)

    @contextmanager
    def progress(self, what: str, steps: int) -> Iterator["Steps"]:
        """Show a progress bar of `steps` steps; without a terminal, print a line for each step."""
        if not self.console.is_terminal:
            yield Steps(self, None, None)
            return
        bar = Progress(
            TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(),
            console=self.console, transient=True,
        )  # fmt: skip
        with bar:
            yield Steps(self, bar, what if steps else None, steps)


class Steps:
    """Counts the steps of a progress bar."""

    def __init__(self, printer: Printer, bar: Progress | None, what: str | None, total: int = 0) -> None:
        self._printer = printer
        self._bar = bar
        self._task = bar.add_task(what or "", total=total) if bar else None

    def done(self, text: str) -> None:
        """Mark a step as done."""
        if self._bar is None or self._task is None:
            self._printer.good(text)
        else:
            self._bar.update(self._task, advance=1, description=escape(text))
