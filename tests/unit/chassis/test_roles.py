"""Names of roles: which prefixes are valid, and how they get into schema/roles.sql."""

import pytest

from chassis.migrate import SCHEMA
from chassis.roles import DEFAULT_PREFIX, PREFIX, roles_in, with_prefix
from services import PROCESSES

SQL = (SCHEMA / "roles.sql").read_text(encoding="utf-8")


def test_every_role_in_the_grants_gets_the_prefix() -> None:
    renamed = with_prefix(SQL, "acme")

    assert f"{DEFAULT_PREFIX}_" not in renamed.replace(f"`{DEFAULT_PREFIX}_`", "")
    assert with_prefix(renamed.replace("acme_", f"{DEFAULT_PREFIX}_"), DEFAULT_PREFIX) == SQL


def test_the_grants_name_the_role_of_each_process() -> None:
    assert roles_in(SQL) == sorted(role for process in PROCESSES if (role := process.role()))


@pytest.mark.parametrize("prefix", ["acme", "a", "acme_eu_1", "a" * 40])
def test_names_that_need_no_quotes_are_prefixes(prefix: str) -> None:
    assert PREFIX.fullmatch(prefix)


@pytest.mark.parametrize("prefix", ["", "Acme", "1acme", "acme-eu", 'a"; DROP', "pg_acme", "a" * 41, "é"])
def test_other_names_are_not(prefix: str) -> None:
    assert not PREFIX.fullmatch(prefix)
