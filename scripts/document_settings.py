"""Print docs/settings.md, generated from the code: every variable of a service, its default and meaning."""

import sys
from collections.abc import Iterable
from datetime import timedelta
from importlib import import_module
from typing import Any

from chassis import config, migrate
from chassis.config import Setting, describe
from services import PROCESSES, Process

HEADER = """# Settings

Generated from each service's `Config` by `make docs`. Edit it there.

A service reads its settings once, at startup, from environment variables named `LETTERHEAD_…`. If any are
invalid, it reports all errors at once and exits with status 78. An empty variable counts as unset. Times are
in seconds; lists are separated by commas. A variable that ends in `_FILE` is the path of a file that contains
a secret, so that no secret is in the environment. AWS credentials come from boto3's default credential chain,
usually a role.

A variable of the first two tables that is listed again for a service has a different default there.
"""
SHARED = (config.Server, config.Database, config.Nats, config.Aws)
TABLE = "| variable | default | |\n|---|---|---|"
UNITS = {"days": timedelta(days=1), "hours": timedelta(hours=1), "minutes": timedelta(minutes=1)}


def settings_of(process: Process) -> type[Any]:
    """Return the dataclass with all settings of a process."""
    found: type[Any] = import_module(f"{process.module}.config").Config
    return found


def document() -> str:
    """Return the page: settings that all services share, then those of each service (or other defaults)."""
    every = describe(config.Process)
    inner = [setting for part in SHARED for setting in describe(part) if setting not in every]
    others = ", ".join(f"`{each.name}`" for each in PROCESSES if not each.schema)
    sections = [HEADER, _section("All services", every), _section(f"All services except {others}", inner)]
    for process in PROCESSES:
        own = [each for each in describe(settings_of(process)) if each not in [*every, *inner]]
        sections.append(_section(f"`{process.name}`", own))
    sections.append(_section("Migrations (`chassis.migrate`)", describe(migrate.Config)))
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
    """Return a default in the form in which a variable would be set."""
    if isinstance(value, timedelta):
        return f"{value.total_seconds():.15g}"
    if isinstance(value, tuple):
        return ", ".join(value)
    return "" if value is None else str(value)


def _in_words(value: Any) -> str:
    """Return a long duration in words, in parentheses; "" if it is short or not a duration."""
    if isinstance(value, timedelta):
        for unit, length in UNITS.items():
            if value >= 2 * length and not value % length:
                return f" ({value // length} {unit})"
    return ""


if __name__ == "__main__":
    sys.stdout.write(document())
