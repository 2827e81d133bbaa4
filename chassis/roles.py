"""The roles of an installation in Postgres: one for each service, with the grants of schema/roles.sql.

Roles belong to a server, not to a database. So installations that share a server have different prefixes.
Every service imports this module through `services`, so it imports only the standard library.
"""

import re

DEFAULT_PREFIX = "letterhead"
# What Postgres folds and quotes in no case, with room for the name of a service within its 63 bytes.
PREFIX = re.compile(r"(?!pg_)[a-z][a-z0-9_]{0,39}")

_NAME = re.compile(rf"\b{DEFAULT_PREFIX}_(?=[a-z'])")


def role_of(schema: str, prefix: str) -> str:
    """Return the name of the role that owns nothing, and may use `schema`."""
    return f"{prefix}_{schema}"


def with_prefix(sql: str, prefix: str) -> str:
    """Return SQL that names roles with the default prefix, with another prefix."""
    return _NAME.sub(role_of("", prefix), sql)


def roles_in(sql: str) -> list[str]:
    """Return the roles with the default prefix that SQL grants something to."""
    return sorted(set(re.findall(rf"\bTO ({DEFAULT_PREFIX}_\w+);", sql)))
