"""Run Letterhead on this machine; manage domains, email and tenants; check an installation."""

import logging
from collections.abc import Iterator, Mapping, MutableMapping
from importlib import import_module
from importlib.util import find_spec
from typing import Any, cast

import structlog
import typer
from typer.core import TyperGroup

# The module and function of each command, or its group. A module is imported when its command runs or is
# listed, because importing all of them takes seconds.
COMMANDS: Mapping[str, str] = {
    "up": "local:up",
    "demo": "local:demo",
    "send": "emails:send",
    "doctor": "operations:doctor",
    "account": "operations:account",
    "nats-keys": "operations:make_nats_keys",
    "domains": "domains:domains",
    "tenants": "tenants:tenants",
    "keys": "keys:keys",
    "contacts": "contacts:contacts",
    "emails": "emails:emails",
    "suppressions": "suppressions:suppressions",
    "webhooks": "webhooks:webhooks",
    "events": "events:events",
    "aws": "aws:aws",
    "resend": "resend:resend",
    "sandbox": "sandbox:sandbox",
}


# The commands that need the sandbox, which the image does not contain.
WITH_SANDBOX = frozenset({"up", "demo", "sandbox"})


class Imported(Mapping[str, Any]):
    """Click's command for each name in COMMANDS."""

    def __getitem__(self, name: str) -> Any:
        module, _, attribute = COMMANDS[name].partition(":")
        found = getattr(import_module(f"cli.commands.{module}"), attribute)
        if isinstance(found, typer.Typer):
            command: Any = typer.main.get_group(found)
        else:
            single = typer.Typer(add_completion=False)
            single.command(name)(found)
            command = typer.main.get_command(single)
        command.name = name
        return command

    def __iter__(self) -> Iterator[str]:
        sandbox = find_spec("sandbox") is not None
        return (name for name in COMMANDS if sandbox or name not in WITH_SANDBOX)

    def __len__(self) -> int:
        return len(list(self))


class Commands(TyperGroup):
    """The group of all commands."""

    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes)
        self.commands = cast("MutableMapping[str, Any]", Imported())  # only add_command would change it


app = typer.Typer(
    cls=Commands, no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, help=__doc__
)


@app.callback()
def everything() -> None:
    """Run Letterhead on this machine; manage domains, email and tenants; check an installation."""


def main() -> None:
    """Run the command line. Only errors are logged, because commands report problems themselves."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    app(prog_name="letterhead")


if __name__ == "__main__":
    main()
