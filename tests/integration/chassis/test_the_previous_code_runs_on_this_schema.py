"""The code from before the last change of the schema runs on the new one: a deployment migrates first.

The previous code is the newest commit with another schema, or that of the baseline if the schema has not
changed since. Its statements are planned on the schema of this working tree.
"""

import json
import re
import subprocess
import sys
from pathlib import Path

import asyncpg

from services import schemas
from tests.figures import Figure
from tests.previous import check_out, git
from tests.stores import FreshDatabase

BASELINE = (
    "5432b64e557481396cabdb9a338cb4dccca36248"  # the commit of the six files that later migrations build on
)
SCHEMA = "schema/*.sql"
MIGRATIONS = "schema/[0-9]*.sql"
SERVICES = schemas()
PARTITIONED = ("sender",)  # the services that rotate daily partitions
# Runs in the previous tree with its own loader, because the format of the files may have changed as well.
# Before parameters had names, a statement was a string.
LOADER = """
import json, pathlib, sys
from chassis.queries import Queries

paths = sorted(path for top in ("services", "chassis") for path in pathlib.Path(top).rglob("*.sql"))
found = [(path, name, query) for path in paths for name, query in Queries.load(path)]
json.dump([(str(path), name, getattr(query, "sql", query)) for path, name, query in found], sys.stdout)
"""

Statement = tuple[str, str, str]  # file, name and SQL


def previous_commit() -> str:
    """Return the newest commit with another schema than this working tree; otherwise the baseline."""
    if git("status", "--porcelain", "--", SCHEMA):
        return git("rev-parse", "HEAD")  # the change is not committed yet
    if not git("diff", "--name-only", BASELINE, "HEAD", "--", SCHEMA):
        return BASELINE
    last_change = git("log", "-1", "--first-parent", "--format=%H", "--", SCHEMA)
    return git("rev-parse", f"{last_change}^")


def statements_of(commit: str, directory: Path) -> list[Statement]:
    """Check the commit out into the directory; return the statements that its code loads."""
    tree = check_out(commit, directory)
    loaded = subprocess.run(
        [sys.executable, "-c", LOADER], cwd=tree, env={"PYTHONPATH": str(tree)}, check=False,
        capture_output=True, text=True,
    )  # fmt: skip
    assert loaded.returncode == 0, loaded.stderr
    return [(file, name, sql) for file, name, sql in json.loads(loaded.stdout)]


def roles_of(file: str) -> tuple[str, ...]:
    """Return the roles that run a file's statements: a service's own, every service's, or the migrator's."""
    top, part, *_ = file.split("/")
    if top == "services":
        return (part,)
    return {"migrate.sql": ("postgres",), "partitions.sql": PARTITIONED}.get(part, SERVICES)


def as_role(sql: str, role: str) -> str:
    """Return a statement of chassis for the schema of a service, as chassis/events/tables.py does."""
    return re.sub(r"\bservice\.", f"{role}.", sql)


async def test_every_statement_of_the_previous_code_can_be_planned(
    database: FreshDatabase, tmp_path: Path, figure: Figure
) -> None:
    """Plan each statement, which checks names, types and privileges without parameter values."""
    commit = previous_commit()
    statements = statements_of(commit, tmp_path)
    problems = []

    for role in (*SERVICES, "postgres"):
        connection = await asyncpg.connect(database.url(role))
        for file, name, sql in statements:
            if role in roles_of(file):
                try:
                    await connection.execute(f"EXPLAIN (GENERIC_PLAN) {as_role(sql, role)}")
                except asyncpg.PostgresError as error:
                    problems.append(f"{file}: {name}, as {role}: {error}")
        await connection.close()

    assert problems == [], f"the code of {commit} does not run on this schema"
    assert {role for file, *_ in statements for role in roles_of(file)} - {"postgres"} == set(SERVICES)
    figure(f"previous code: {len(statements)} statements of {commit[:15]} run on this schema")


def test_the_migrations_of_the_baseline_are_unchanged() -> None:
    """Later migrations are files of their own: a migration that was applied is never edited."""
    assert git("diff", "--name-only", "--diff-filter=a", BASELINE, "--", MIGRATIONS) == ""
