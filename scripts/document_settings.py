"""Prints docs/settings.md, made from the code: every variable of a service, its default and its meaning."""

import sys
from collections.abc import Iterable
from datetime import timedelta
from importlib import import_module
from typing import Any

from chassis import config, migrate
from chassis.config import Setting, describe

HEADER = """# Settings

Made from each service's `Config` by `make docs`; change it there.

A service reads its settings once, when it starts, from variables named `LETTERHEAD_…`. It tells all that is
wrong with them at once and exits with 78. An empty variable counts as one that is not set; times are in
seconds; lists are separated by commas. A variable that ends in `_FILE` names a file with a secret in it, so
that no secret stands in the environment. Credentials for AWS come by boto3's own chain: a role, as a rule.

A variable of the first two tables that is named again under a service has another default there.
"""
SHARED = (config.Server, config.Database, config.Nats, config.Aws)
SERVICES = ("identity", "verifier", "sender", "webhooks", "console")
TABLE = "| variable | default | |\n|---|---|---|"
UNITS = {"days": timedelta(days=1), "hours": timedelta(hours=1), "minutes": timedelta(minutes=1)}


def document() -> str:
    """The page: what every service reads, and then what each reads besides or has another default for."""
    every = describe(config.Process)
    inner = [setting for part in SHARED for setting in describe(part) if setting not in every]
    sections = [HEADER, _section("Every service", every), _section("Every service but `console`", inner)]
    for name in SERVICES:
        settings = describe(import_module(f"services.{name}.__main__").Config)
        sections.append(_section(f"`{name}`", (each for each in settings if each not in [*every, *inner])))
    sections.append(_section("The migration (`chassis.migrate`)", describe(migrate.Config)))
    return "\n".join(sections)


def _section(title: str, settings: Iterable[Setting]) -> str:
    rows = [f"| `{each.variable}` | {_default(each)} | {each.help} |" for each in settings]
    return "\n".join([f"## {title}\n", TABLE, *rows]) + "\n"


def _default(setting: Setting) -> str:
    if setting.required:
        return "**required**"
    written = _written(setting.default)
    return f"`{written}`{_in_words(setting.default)}" if written else "none"


def _written(value: Any) -> str:
    """A default as the variable would have it."""
    if isinstance(value, timedelta):
        return f"{value.total_seconds():.15g}"
    if isinstance(value, tuple):
        return ", ".join(value)
    return "" if value is None else str(value)


def _in_words(value: Any) -> str:
    """A long time in words."""
    if isinstance(value, timedelta):
        for unit, length in UNITS.items():
            if value >= 2 * length and not value % length:
                return f" ({value // length} {unit})"
    return ""


if __name__ == "__main__":
    sys.stdout.write(document())
