"""The versions of Postgres to test with: the oldest supported one is Debian's, the newest our package's."""

import asyncio
from pathlib import Path

from tests.e2e.packages import install

DEBIAN, PACKAGE = VERSIONS = ("15", "18")
DEBIAN_HOME = Path("/usr/lib/postgresql") / DEBIAN


def installation_of(version: str) -> Path | None:
    """Return the directory of bin/postgres, installed if missing; None for that of our package."""
    if version == PACKAGE:
        return None
    asyncio.run(install({str(DEBIAN_HOME / "bin/postgres"): f"postgresql-{DEBIAN}"}))
    return DEBIAN_HOME
