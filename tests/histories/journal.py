"""The journal of every committed state of every claim, written by triggers in the test's database."""

from collections.abc import Mapping, Sequence
from uuid import UUID

import asyncpg

from services.sender.model.origin import signs
from tests.histories.oracle import Seen
from tests.histories.stories import Target, Who

# The product neither reads nor writes the journal. `ahead` is how far a name's time has been shifted.
# Deferred constraint triggers fire at the commit, so the journal has the final state of each transaction.
SCHEMA = """
    CREATE SCHEMA histories;
    CREATE TABLE histories.clock (name text PRIMARY KEY, ahead interval NOT NULL DEFAULT '0');
    CREATE TABLE histories.journal (
        id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        real_at    timestamptz NOT NULL DEFAULT clock_timestamp(),
        tx         bigint NOT NULL DEFAULT txid_current(),
        claim_id   uuid NOT NULL,
        tenant_id  uuid NOT NULL,
        name       text NOT NULL,
        at         timestamptz NOT NULL,
        phase      text NOT NULL,
        state      text NOT NULL,
        ownership  text NOT NULL,
        token      text NOT NULL,
        generation bigint NOT NULL,
        dkim_valid  boolean NOT NULL
    );
    CREATE INDEX journal_by_name ON histories.journal (name, id);
    CREATE FUNCTION histories.note(claim uuid) RETURNS void LANGUAGE sql SECURITY DEFINER AS $$
        INSERT INTO histories.journal (
            claim_id, tenant_id, name, at, phase, state, ownership, token, generation, dkim_valid
        )
        SELECT c.id, c.tenant_id, c.name,
            clock_timestamp() + coalesce((SELECT ahead FROM histories.clock AS k WHERE k.name = c.name), '0'),
            c.phase, d.state, c.ownership, c.ownership_token, c.generation, d.dkim_valid
        FROM identity.claims AS c JOIN identity.domains AS d ON d.id = c.id
        WHERE c.id = claim
    $$;
    CREATE FUNCTION histories.note_claim() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
    BEGIN PERFORM histories.note(coalesce(NEW.id, OLD.id)); RETURN NULL; END $$;
    CREATE FUNCTION histories.note_verification() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
    BEGIN PERFORM histories.note(coalesce(NEW.claim_id, OLD.claim_id)); RETURN NULL; END $$;
    CREATE CONSTRAINT TRIGGER journal_new AFTER INSERT ON identity.claims
        DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION histories.note_claim();
    CREATE CONSTRAINT TRIGGER journal AFTER UPDATE ON identity.claims
        DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
        WHEN ((OLD.phase, OLD.ownership, OLD.ownership_token, OLD.generation)
            IS DISTINCT FROM (NEW.phase, NEW.ownership, NEW.ownership_token, NEW.generation))
        EXECUTE FUNCTION histories.note_claim();
    CREATE CONSTRAINT TRIGGER journal_new AFTER INSERT OR DELETE ON verifier.verifications
        DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION histories.note_verification();
    CREATE CONSTRAINT TRIGGER journal AFTER UPDATE ON verifier.verifications
        DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
        WHEN ((OLD.state, OLD.dkim_valid, OLD.generation)
            IS DISTINCT FROM (NEW.state, NEW.dkim_valid, NEW.generation))
        EXECUTE FUNCTION histories.note_verification();
"""
READ = """
    SELECT at, real_at, tx, claim_id, tenant_id, name, phase, state, ownership, token, generation, dkim_valid
    FROM histories.journal WHERE name = ANY ($1) ORDER BY id
"""
# The domains from which sender may send, in one snapshot.
NOW = """
    SELECT d.name, d.tenant_id, d.state, d.dkim_valid FROM identity.domains AS d
    WHERE d.name = ANY ($1) AND d.state IN ('READY', 'DEGRADED')
"""


async def begin(pool: asyncpg.Pool) -> None:
    """Create the journal and its triggers."""
    await pool.execute(SCHEMA)


async def read(pool: asyncpg.Pool, tenants: Mapping[UUID, Who], targets: Mapping[str, Target]) -> list[Seen]:
    """Return all committed states of some names, oldest first."""
    return [_seen(row, tenants, targets) for row in await pool.fetch(READ, list(targets))]


async def may_send(pool: asyncpg.Pool, names: Sequence[str]) -> dict[str, set[UUID]]:
    """Return the tenants that may send from each name now, by sender's own rule."""
    able: dict[str, set[UUID]] = {name: set() for name in names}
    for row in await pool.fetch(NOW, list(names)):
        if signs(row["state"], dkim_valid=row["dkim_valid"]):
            able[row["name"]].add(row["tenant_id"])
    return able


def _seen(row: asyncpg.Record, tenants: Mapping[UUID, Who], targets: Mapping[str, Target]) -> Seen:
    return Seen(
        at=row["at"],
        real_at=row["real_at"],
        tx=row["tx"],
        claim_id=row["claim_id"],
        who=tenants[row["tenant_id"]],
        target=targets[row["name"]],
        phase=row["phase"],
        state=row["state"],
        ownership=row["ownership"],
        token=row["token"],
        generation=row["generation"],
        sends=row["phase"] == "ACTIVE" and signs(row["state"], dkim_valid=row["dkim_valid"]),
    )
