"""The same storm against a sender that a trigger breaks on purpose: the harness must detect the damage."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import pytest

from tests.chaos.load import a_load
from tests.chaos.outcomes import Outcome, all_submitted, database, outcome_of
from tests.chaos.shimmed import shimmed
from tests.chaos.storms import blow
from tests.chaos.weather import ANSWERS_TAKE, COPIES, asking, ses_goes_wrong
from tests.e2e.conftest import World
from tests.figures import Figure
from tests.waiting import eventually

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(600)]

EMAILS, KILLS = 100, 15
# In addition to the faults of every storm: lost answers without a sent email, often enough to occur.
FAILS_AT_ONCE = {"operation": "SendEmail", "kind": "error_500", "rate": 0.1}
EVERY_EVENT_IS_LOST = {"kind": "drop", "rate": 1}
# Until every lease has expired.
REST_WITHIN = timedelta(minutes=5)  # only against hanging
SABOTAGE = """
    CREATE FUNCTION sender.sabotage() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
    BEGIN
        IF TG_ARGV[1]::boolean THEN
            DELETE FROM sender.attempts WHERE email_id = NEW.id;
        END IF;
        UPDATE sender.emails SET state = TG_ARGV[0], not_before = now() + interval '50 milliseconds'
        WHERE id = NEW.id;
        RETURN NULL;
    END $$;
    CREATE TRIGGER sabotage AFTER UPDATE OF state ON sender.emails
    FOR EACH ROW WHEN (NEW.state = '{found}') EXECUTE FUNCTION sender.sabotage('{made}', '{forgetful}')
"""
REPAIR = "DROP FUNCTION sender.sabotage CASCADE"


@asynccontextmanager
async def sabotaged(world: World, found: str, made: str, *, forgetful: bool) -> AsyncIterator[None]:
    """Put every email that enters state `found` into state `made`; with `forgetful`, delete its attempts."""
    connection = await database(world)
    await connection.execute(SABOTAGE.format(found=found, made=made, forgetful=forgetful))
    try:
        yield
    finally:
        await connection.execute(REPAIR)
        await connection.close()


async def _storm(
    world: World, home: Path, seed: int, *, found: str, made: str, forgetful: bool = False
) -> Outcome:
    await ses_goes_wrong(world)
    await world.sandbox.call("POST", "/ses/faults", FAILS_AT_ONCE)
    connection = await database(world)
    async with (
        sabotaged(world, found, made, forgetful=forgetful),
        shimmed(world, "sender", home, copies=COPIES, LETTERHEAD_SES_THREADS="1") as (senders, shims),
        a_load(world, senders.addresses) as load,
    ):
        shims.aws.delay = ANSWERS_TAKE
        async with asking(load, EMAILS):
            await blow(world, senders, connection, seed=seed, kills=KILLS)
        await connection.close()
        await eventually(lambda: all_submitted(world, load.ids), REST_WITHIN)
        return await outcome_of(world, load.ids)


async def test_the_harness_detects_double_sends_of_a_sender_without_leases(
    faults: World, workspace: Path, seed: int, figure: Figure
) -> None:
    # With SES's events, most emails would be resolved before they are sent again.
    await faults.sandbox.call("POST", "/events/faults", EVERY_EVENT_IS_LOST)

    outcome = await _storm(faults, workspace / "blind", seed, found="SENDING", made="QUEUED")

    figure(f"broken, a lease ends after 50 ms, every event lost, seed {seed}, {KILLS} kills: {outcome}")
    assert outcome.twice


@pytest.mark.long
async def test_the_harness_detects_double_sends_of_a_sender_without_attempt_rows(
    faults: World, workspace: Path, seed: int, figure: Figure
) -> None:
    # This is the usual design: no record of a request without an answer, and no use of events.
    await faults.sandbox.call("POST", "/events/faults", EVERY_EVENT_IS_LOST)

    outcome = await _storm(
        faults, workspace / "rowless", seed, found="UNKNOWN", made="QUEUED", forgetful=True
    )

    figure(f"broken, a lost answer leaves no attempt row, seed {seed}, {KILLS} kills: {outcome}")
    assert outcome.twice


@pytest.mark.long
async def test_the_harness_detects_false_states_of_a_sender_that_shows_unknown_as_sent(
    faults: World, workspace: Path, seed: int, figure: Figure
) -> None:
    outcome = await _storm(faults, workspace / "hopeful", seed, found="UNKNOWN", made="SENT")

    figure(f"broken, UNKNOWN becomes SENT, seed {seed}, {KILLS} kills: {outcome}")
    assert outcome.false


@pytest.mark.long
async def test_the_harness_detects_lost_emails_of_a_sender_without_take_over(
    faults: World, workspace: Path, seed: int, figure: Figure
) -> None:
    outcome = await _storm(faults, workspace / "forgetful", seed, found="UNKNOWN", made="SENDING")

    figure(f"broken, attempts of dead senders are never taken over, seed {seed}, {KILLS} kills: {outcome}")
    assert outcome.lost
