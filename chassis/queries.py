"""Loader for SQL files beside their store: `-- name --`, one line of description, one statement."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Self

_HEAD = re.compile(r"^-- (\w+) --\n", re.MULTILINE)


class Queries:
    """Named SQL statements as attributes. Errors in the file are raised when it is loaded."""

    def __init__(self, statements: dict[str, str]) -> None:
        self._statements = statements

    @classmethod
    def load(cls, path: Path) -> Self:
        """Load a file of named statements; raises ValueError that names the file and the statement."""
        preamble, *parts = _HEAD.split(path.read_text(encoding="utf-8"))
        if _without_comments(preamble):
            raise ValueError(f"{path}: SQL before the first `-- name --`")
        statements: dict[str, str] = {}
        for name, body in zip(parts[::2], parts[1::2], strict=True):
            if name in statements:
                raise ValueError(f"{path}: {name} is defined twice")
            statements[name] = _checked(path, name, body)
        return cls(statements)

    def __getattr__(self, name: str) -> str:
        statements: dict[str, str] = self.__dict__.get("_statements", {})
        if name not in statements:
            raise AttributeError(f"no query {name!r}; available: {', '.join(sorted(statements))}")
        return statements[name]

    def __iter__(self) -> Iterator[tuple[str, str]]:
        """Iterate over (name, SQL) of every statement, for checks over all of them."""
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
