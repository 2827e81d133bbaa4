"""Mutation tests of the oracle: it must detect each ownership rule that a trigger breaks."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import pytest

from tests.figures import Figure
from tests.histories.crowd import play_until
from tests.histories.ground import Ground
from tests.histories.oracle import Rule

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(1200)]

HISTORIES = 12
# The first claim on a name holds it while it is live, even if another tenant proves control.
FIRST_CLAIM_HOLDS = """
    CREATE FUNCTION histories.spoil() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
    BEGIN
        IF TG_OP = 'INSERT' AND NOT EXISTS (
            SELECT FROM identity.claims WHERE name = NEW.name AND phase IN ('PROVISIONING', 'ACTIVE')
        ) OR TG_OP = 'UPDATE' AND OLD.ownership = 'SOLE' AND NEW.ownership = 'PROOF_DUE' THEN
            NEW.ownership = 'SOLE';
            NEW.ownership_token = '';
        END IF;
        RETURN NEW;
    END $$;
    CREATE TRIGGER spoil BEFORE INSERT OR UPDATE ON identity.claims
    FOR EACH ROW EXECUTE FUNCTION histories.spoil();
    CREATE FUNCTION histories.spoil_check() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
    BEGIN
        IF NEW.status = 'FOUND' AND EXISTS (
            SELECT
            FROM identity.claims AS own
            JOIN identity.claims AS first ON first.name = own.name AND first.id < own.id
            WHERE own.id = NEW.claim_id AND first.phase IN ('PROVISIONING', 'ACTIVE')
        ) THEN
            NEW.status = 'MISSING';
        END IF;
        RETURN NEW;
    END $$;
    CREATE TRIGGER spoil BEFORE INSERT OR UPDATE ON verifier.ownership_checks
    FOR EACH ROW EXECUTE FUNCTION histories.spoil_check()
"""
# A deleted claim requires proof of every other tenant, even if it was never READY.
DELETED_CLAIM_LOCKS = """
    CREATE FUNCTION histories.spoil() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
    BEGIN
        IF EXISTS (SELECT FROM identity.claims WHERE name = NEW.name AND tenant_id <> NEW.tenant_id) THEN
            NEW.ownership = 'PROOF_DUE';
            NEW.ownership_token = md5(random()::text);
            NEW.ownership_token_at = now();
        END IF;
        RETURN NEW;
    END $$;
    CREATE TRIGGER spoil BEFORE INSERT ON identity.claims FOR EACH ROW EXECUTE FUNCTION histories.spoil()
"""
# Any ownership token proves every claim on the name.
ANY_TOKEN_PROVES = """
    CREATE FUNCTION histories.spoil() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
    BEGIN
        IF NEW.seen::text LIKE '%letterhead-verification=%' THEN
            NEW.status = 'FOUND';
        END IF;
        RETURN NEW;
    END $$;
    CREATE TRIGGER spoil BEFORE INSERT OR UPDATE ON verifier.ownership_checks
    FOR EACH ROW EXECUTE FUNCTION histories.spoil()
"""
RESTORE = "DROP FUNCTION IF EXISTS histories.spoil, histories.spoil_check CASCADE"


@dataclass(frozen=True)
class Spoilt:
    """The SQL that breaks a rule, and the violation that the oracle must find."""

    how: str
    found: Rule


@asynccontextmanager
async def spoilt(ground: Ground, how: str) -> AsyncIterator[None]:
    """Break a rule while the block runs."""
    await ground.pool.execute(how)
    try:
        yield
    finally:
        await ground.pool.execute(RESTORE)


@pytest.mark.parametrize(
    "rule",
    [
        pytest.param(Spoilt(FIRST_CLAIM_HOLDS, Rule.LATE), id="the first claim holds"),
        pytest.param(Spoilt(DELETED_CLAIM_LOCKS, Rule.WRONG_DEMAND), id="a deleted claim locks"),
        pytest.param(Spoilt(ANY_TOKEN_PROVES, Rule.NOT_INTENDED), id="any token proves"),
    ],
)
async def test_a_broken_rule_is_detected(ground: Ground, seeds: range, figure: Figure, rule: Spoilt) -> None:
    async with spoilt(ground, rule.how):
        crowd = await play_until(ground, range(seeds.start, seeds.start + HISTORIES), rule.found)

    found = ", ".join(f"{count} times {each.name}" for each, count in crowd.count.items())
    figure(f"broken rule, detected in {len(crowd.violated)} of {len(crowd.played)} histories: {found}")
    assert crowd.count[rule.found]
