"""docs/retention.md lists for every table who deletes its rows and when, or why they are kept."""

import re
from collections import Counter
from datetime import timedelta

from services import schemas
from services.deliverer.store import retention as deliverer
from services.identity.store.retention import RULES
from services.sender.store import retention as sender
from services.webhooks.store import retention as webhooks
from tests.contract.sources import ROOT
from tests.stores import FreshDatabase

PAGE = (ROOT / "docs/retention.md").read_text()
ROWS = [line.strip("| ").split(" | ") for line in PAGE.splitlines() if line.startswith("| `")]
TABLES = """
SELECT n.nspname || '.' || c.relname AS name
FROM pg_class AS c
JOIN pg_namespace AS n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition
    AND n.nspname = ANY ($1)
"""


def words(cell: str) -> list[str]:
    return re.findall(r"`([^`]+)`", cell)


async def test_every_table_is_on_the_page(database: FreshDatabase) -> None:
    listed = [name for table, *_ in ROWS for name in words(table) if "." in name]

    existing = {row["name"] for row in await database.fetch(TABLES, ["chassis", *schemas()])}

    assert set(listed) == existing
    # sender.emails has two rows: its bodies are deleted before the rest.
    assert [name for name, count in Counter(listed).items() if count > 1] == ["sender.emails"]


def test_every_rule_is_on_the_page() -> None:
    age = timedelta(days=1)
    rules = [
        *RULES,
        *sender.rules(emails=age, requests=age),
        *webhooks.rules(notifications=age, feedback=age, endpoints=age),
        *deliverer.rules(messages=age),
    ]

    listed = [(words(table)[0], words(by)[0]) for table, _, _, by in filter(_by_rule, ROWS)]

    changed = [re.findall(r"(?:DELETE FROM|UPDATE) (\w+\.\w+)", rule.statement.sql)[-1] for rule in rules]
    assert sorted(listed) == sorted(zip(changed, (rule.name for rule in rules), strict=True))


def test_every_setting_on_the_page_exists() -> None:
    """Check that each variable on the page is also on the page of settings."""
    settings = (ROOT / "docs/settings.md").read_text()

    assert all(name in settings for name in re.findall(r"LETTERHEAD_\w+", PAGE))


def _by_rule(row: list[str]) -> bool:
    return row[-1].startswith("rule ")
