"""Commands for moving from Resend."""

import json
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from cli.exit_status import FAILED, UNAVAILABLE, USAGE, end, run
from cli.printer import Printer
from cli.resend.account import AccountError, KeyRejected, an_account
from cli.resend.comparison import Comparison, Outcome, Report, compare
from cli.resend.files import entries_of

KEY = "RESEND_API_KEY"
LARGEST = 256 * 1024 * 1024  # bytes of a file
SIGNS = {Outcome.ALIKE: Printer.good, Outcome.DIFFERENT: Printer.waiting, Outcome.REFUSED: Printer.bad}

resend = typer.Typer(no_args_is_help=True, help="Move from Resend.")


@resend.callback()
def group() -> None:
    """Move from Resend."""  # without a callback, typer drops the name of a group's only command


@resend.command("check")
def check(
    *,
    file: Annotated[
        Path | None,
        typer.Option(
            exists=True,
            dir_okay=False,
            help="File with domains and bodies of POST /emails: JSON or JSON lines.",
        ),
    ] = None,
    url: Annotated[str, typer.Option(help="Where to read the account from.")] = "https://api.resend.com",
    emails: Annotated[int, typer.Option(min=0, max=10_000, help="How many recent emails to read.")] = 20,
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as JSON.")] = False,
) -> None:
    """Show what would differ for the domains and recent emails of an account at Resend, or of a file.

    Without --file, reads the account of the key in RESEND_API_KEY, with GET requests only. Uses the rules of
    the HTTP API and sends nothing. Exits with 0 if everything is accepted, 1 if anything is refused, 2 if the
    key or the file is wrong, 3 if Resend is unreachable.
    """
    run(_check(file, url, emails, as_json=as_json))


async def _check(file: Path | None, url: str, emails: int, *, as_json: bool) -> None:
    report = _of_file(file) if file else await _of_account(url, emails)
    if as_json:
        print(json.dumps(_document(report), indent=2))
    else:
        _show(report)
    if report.count(Outcome.REFUSED):
        raise typer.Exit(FAILED)


def _of_file(file: Path) -> Report:
    if file.stat().st_size > LARGEST:
        end(USAGE, f"{file} has more than {LARGEST} bytes. Split it.")
    return compare(*entries_of(file.read_bytes()), datetime.now(UTC))


async def _of_account(url: str, emails: int) -> Report:
    if not (key := os.environ.get(KEY, "").strip()):
        end(USAGE, f"Set {KEY} to a key of Resend's with full access, or use --file.")
    try:
        async with an_account(url, key) as account:
            return compare(await account.domains(), await account.emails(emails), datetime.now(UTC))
    except KeyRejected as error:
        end(USAGE, str(error))
    except AccountError as error:
        end(UNAVAILABLE, str(error))


def _show(report: Report) -> None:
    printer = Printer()
    for heading, compared in (("Domains", report.domains), ("Emails", report.emails)):
        printer.heading(heading)
        for each in compared:
            SIGNS[each.outcome](printer, f"{_printable(each.label)}: {each.outcome}")
            for note in each.notes:
                printer.say(f"    {_printable(note)}")
    printer.heading(", ".join(f"{report.count(outcome)} {outcome}" for outcome in Outcome))
    printer.say("Every domain gets DNS records of its own here. docs/resend.md lists all differences.")


def _printable(text: str) -> str:
    """Return text of others without characters that would control a terminal."""
    return "".join(char if char.isprintable() else "\ufffd" for char in text)


def _document(report: Report) -> dict[str, object]:
    return {
        "domains": list(map(_written, report.domains)),
        "emails": list(map(_written, report.emails)),
        "summary": {str(outcome): report.count(outcome) for outcome in Outcome},
    }


def _written(compared: Comparison) -> dict[str, object]:
    return {"label": compared.label, "outcome": str(compared.outcome), "notes": list(compared.notes)}
