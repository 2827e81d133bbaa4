"""Loader for SQL files beside their store: `-- name --`, one line of description, one statement.

Statements name their parameters, as in `WHERE id = :claim_id`. Calling a query with the values returns the
arguments of asyncpg's methods: `await database.fetch(*QUERIES.emails_of(claim_id=claim_id))`.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Self

_HEAD = re.compile(r"^-- (\w+) --\n", re.MULTILINE)
# A parameter, or text in which a colon is none: a string, a quoted name, a comment, a cast.
_TOKEN = re.compile(r"'(?:[^']|'')*'|\"[^\"]*\"|--[^\n]*|::|:([a-z_][a-z0-9_]*)")


class Query:
    """One statement: `sql` as Postgres takes it, with `$1` and up, and `names`, the name of each parameter.

    `text` is the statement as it was written.
    """

    __slots__ = ("names", "sql", "text")

    def __init__(self, text: str) -> None:
        positions: dict[str, int] = {}

        def placed(token: re.Match[str]) -> str:
            name = token[1]
            return token[0] if name is None else f"${positions.setdefault(name, len(positions) + 1)}"

        self.text = text
        self.sql = _TOKEN.sub(placed, text)
        self.names = tuple(positions)

    def __call__(self, **values: Any) -> tuple[Any, ...]:
        """Return the SQL and its values in order; raise TypeError unless each parameter has exactly one."""
        try:
            arguments = [values.pop(name) for name in self.names]
        except KeyError as error:
            raise TypeError(f"no value for {error.args[0]!r} in {self.sql[:80]!r}") from None
        if values:
            raise TypeError(f"no parameter {', '.join(values)} in {self.sql[:80]!r}")
        return (self.sql, *arguments)


class Queries:
    """Named SQL statements as attributes. Errors in the file are raised when it is loaded."""

    def __init__(self, statements: dict[str, Query]) -> None:
        self._statements = statements

    @classmethod
    def load(cls, path: Path) -> Self:
        """Load a file of named statements; raises ValueError that names the file and the statement."""
        preamble, *parts = _HEAD.split(path.read_text(encoding="utf-8"))
        if _without_comments(preamble):
            raise ValueError(f"{path}: SQL before the first `-- name --`")
        statements: dict[str, Query] = {}
        for name, body in zip(parts[::2], parts[1::2], strict=True):
            if name in statements:
                raise ValueError(f"{path}: {name} is defined twice")
            statements[name] = Query(_checked(path, name, body))
        return cls(statements)

    def __getattr__(self, name: str) -> Query:
        statements: dict[str, Query] = self.__dict__.get("_statements", {})
        if name not in statements:
            raise AttributeError(f"no query {name!r}; available: {', '.join(sorted(statements))}")
        return statements[name]

    def __iter__(self) -> Iterator[tuple[str, Query]]:
        """Iterate over the name and query of every statement, for checks over all of them."""
        return iter(self._statements.items())


def _checked(path: Path, name: str, body: str) -> str:
    first, _, _ = body.partition("\n")
    if not first.startswith("-- "):
        raise ValueError(f"{path}: {name} has no description line")
    if not (sql := _without_comments(body)):
        raise ValueError(f"{path}: {name} has no SQL")
    if ";" in sql.rstrip(";"):
        raise ValueError(f"{path}: {name} has more than one statement")
    return body.strip().rstrip(";")


def _without_comments(text: str) -> str:
    return re.sub(r"--.*$", "", text, flags=re.MULTILINE).strip()
