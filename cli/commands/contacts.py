"""Commands for the contact of the key's tenant: the address that notices are sent to."""

import typer

from cli.client import connect
from cli.exit_status import run
from cli.installation import Installation
from cli.printer import Printer
from letterhead.identity.v1.contacts_pb2 import (
    ConfirmContactRequest,
    Contact,
    GetContactRequest,
    RemoveContactRequest,
    SetContactRequest,
)

contacts = typer.Typer(
    no_args_is_help=True, help="Set, confirm, show and remove the address that notices are sent to."
)


@contacts.command("set")
def set_contact(address: str) -> None:
    """Email a code to an address; `confirm` then makes it the contact."""
    run(_set(address))


@contacts.command("confirm")
def confirm_contact(code: str) -> None:
    """Confirm the address that the code was sent to."""
    run(_confirm(code))


@contacts.command("show")
def show_contact() -> None:
    """Show the contact, and the address that waits for its code."""
    run(_show())


@contacts.command("remove")
def remove_contact() -> None:
    """Remove the contact; no notices are sent until another one is confirmed."""
    run(_remove())


async def _set(address: str) -> None:
    async with connect(Installation.read()) as services:
        contact = (await services.contacts.SetContact(SetContactRequest(address=address))).contact
    printer = Printer()
    if contact.pending_address:
        printer.good(f"A code is on its way to {contact.pending_address}")
        printer.say("Enter it with `letterhead contacts confirm CODE`.")
    else:
        printer.good(f"Notices already go to {contact.address}")


async def _confirm(code: str) -> None:
    async with connect(Installation.read()) as services:
        contact = (await services.contacts.ConfirmContact(ConfirmContactRequest(code=code))).contact
    Printer().good(f"Notices go to {contact.address}")


async def _show() -> None:
    async with connect(Installation.read()) as services:
        contact = (await services.contacts.GetContact(GetContactRequest())).contact
    Printer().table(("address", "status", "time"), _rows(contact))


async def _remove() -> None:
    async with connect(Installation.read()) as services:
        await services.contacts.RemoveContact(RemoveContactRequest())
    Printer().good("The contact is removed: no notices are sent")


def _rows(contact: Contact) -> list[tuple[str, str, str]]:
    rows = []
    if contact.address:
        rows.append((contact.address, "confirmed", contact.confirm_time.ToJsonString()))
    if contact.pending_address:
        expires = contact.code_expire_time.ToJsonString()
        rows.append((contact.pending_address, "waits for its code", f"until {expires}"))
    return rows
