"""The same storm over a sender that was spoilt from outside: the harness must find what went wrong."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import pytest

from tests.chaos.load import a_load
from tests.chaos.shimmed import shimmed
from tests.chaos.storms import blow
from tests.chaos.truth import Truth, database, handed_over, truth
from tests.chaos.weather import ANSWERS_TAKE, COPIES, asking, ses_goes_wrong
from tests.e2e.conftest import World
from tests.figures import Figure
from tests.waiting import eventually

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(600)]

EMAILS, KILLS = 100, 15
# Beside the weather of every storm: a lost answer of which nothing was sent, often enough to be met.
FAILS_AT_ONCE = {"operation": "SendEmail", "kind": "error_500", "rate": 0.1}
EVERY_EVENT_IS_LOST = {"kind": "drop", "rate": 1}
# Every lease has run out.
REST_WITHIN = timedelta(seconds=90)
SPOIL = """
    CREATE FUNCTION sender.spoil() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
    BEGIN
        IF TG_ARGV[1]::boolean THEN
            DELETE FROM sender.attempts WHERE email_id = NEW.id;
        END IF;
        UPDATE sender.emails SET state = TG_ARGV[0], not_before = now() + interval '50 milliseconds'
        WHERE id = NEW.id;
        RETURN NULL;
    END $$;
    CREATE TRIGGER spoil AFTER UPDATE OF state ON sender.emails
    FOR EACH ROW WHEN (NEW.state = '{found}') EXECUTE FUNCTION sender.spoil('{made}', '{forgetful}')
"""
MEND = "DROP FUNCTION sender.spoil CASCADE"


@asynccontextmanager
async def spoilt(world: World, found: str, made: str, *, forgetful: bool) -> AsyncIterator[None]:
    """Every email that enters the one state is put into the other; `forgetful`: its attempts are deleted."""
    connection = await database(world)
    await connection.execute(SPOIL.format(found=found, made=made, forgetful=forgetful))
    try:
        yield
    finally:
        await connection.execute(MEND)
        await connection.close()


async def _storm(
    world: World, home: Path, seed: int, *, found: str, made: str, forgetful: bool = False
) -> Truth:
    await ses_goes_wrong(world)
    await world.sandbox.call("POST", "/ses/faults", FAILS_AT_ONCE)
    connection = await database(world)
    async with (
        spoilt(world, found, made, forgetful=forgetful),
        shimmed(world, "sender", home, copies=COPIES, LETTERHEAD_SES_THREADS="1") as (senders, shims),
        a_load(world, senders.addresses) as load,
    ):
        shims.aws.delay = ANSWERS_TAKE
        async with asking(load, EMAILS):
            await blow(world, senders, connection, seed=seed, kills=KILLS)
        await connection.close()
        await eventually(lambda: handed_over(world, load.ids), REST_WITHIN)
        return await truth(world, load.ids)


async def test_a_sender_without_the_fence_of_its_claim_is_seen_to_send_twice(
    faults: World, workspace: Path, seed: int, figure: Figure
) -> None:
    # The fence alone: without it, SES's own events would still settle most emails before they go again.
    await faults.sandbox.call("POST", "/events/faults", EVERY_EVENT_IS_LOST)

    verdict = await _storm(faults, workspace / "blind", seed, found="CLAIMED", made="QUEUED")

    figure(f"spoilt, a claim ends after 50 ms, every event lost, seed {seed}, {KILLS} kills: {verdict}")
    assert verdict.twice


@pytest.mark.long
async def test_a_sender_without_attempt_rows_is_seen_to_send_twice(
    faults: World, workspace: Path, seed: int, figure: Figure
) -> None:
    # As the usual design has it: of a request without an answer nothing stands, and no event is heard.
    await faults.sandbox.call("POST", "/events/faults", EVERY_EVENT_IS_LOST)

    verdict = await _storm(
        faults, workspace / "rowless", seed, found="UNKNOWN", made="QUEUED", forgetful=True
    )

    figure(f"spoilt, a lost answer leaves no attempt row, seed {seed}, {KILLS} kills: {verdict}")
    assert verdict.twice


@pytest.mark.long
async def test_a_sender_that_takes_unknown_for_sent_is_seen_to_lie(
    faults: World, workspace: Path, seed: int, figure: Figure
) -> None:
    verdict = await _storm(faults, workspace / "hopeful", seed, found="UNKNOWN", made="SENT")

    figure(f"spoilt, UNKNOWN is taken for SENT, seed {seed}, {KILLS} kills: {verdict}")
    assert verdict.false


@pytest.mark.long
async def test_a_sender_that_never_takes_over_is_seen_to_lose(
    faults: World, workspace: Path, seed: int, figure: Figure
) -> None:
    verdict = await _storm(faults, workspace / "forgetful", seed, found="UNKNOWN", made="CLAIMED")

    figure(f"spoilt, what a dead sender held is never taken over, seed {seed}, {KILLS} kills: {verdict}")
    assert verdict.lost
