"""SNS's signatures on the queue: off, counted or enforced."""

import json
from datetime import timedelta

import pytest
from prometheus_client import REGISTRY

from tests.figures import Figure
from tests.integration.webhooks.certificate_host import outgoing
from tests.integration.webhooks.conftest import Way
from tests.integration.webhooks.doors import Doors
from tests.integration.webhooks.forger import Forger, Forgery
from tests.integration.webhooks.forgeries import forgeries
from tests.stores import FreshDatabase
from tests.unit.webhooks.ses_events import SentEmail, envelope
from tests.waiting import eventually

SLOW = timedelta(seconds=40)
GENUINE = 12
FORGED = 40


def on_the_queue(forger: Forger) -> list[str]:
    """Return forgeries of every kind that SQS can carry: text, without headers or a maximum age."""
    timeless = [
        each for each in forgeries(forger) if " old" not in each.name and not each.name.startswith("of ")
    ]
    texts = [each for each in timeless if _is_text(each)]
    step = len(texts) / FORGED
    return [texts[int(number * step)].body.decode() for number in range(FORGED)]


def _is_text(forgery: Forgery) -> bool:
    try:
        text = forgery.body.decode()
    except UnicodeDecodeError:
        return False
    return bool(text) and len(text) < 1_000_000 and not forgery.headers


async def stored(database: FreshDatabase) -> int:
    return len(await database.fetch("SELECT FROM webhooks.notifications"))


def counted(kept: str) -> float:
    """Return how many queue messages failed verification in this process so far."""
    samples = [each for metric in REGISTRY.collect() for each in metric.samples]
    wanted = {"door": "queue", "kept": kept}
    return sum(
        each.value
        for each in samples
        if each.name == "letterhead_sns_rejections_total" and wanted.items() <= each.labels.items()
    )


@pytest.fixture
async def signed_way(way: Way) -> Way:
    """Return a path whose topic signs with SHA-256; a message is dead-lettered after two receives."""
    await way.sign("2")
    await way.dead_letter_after(2)
    return way


async def test_forged_messages_become_dead_letters_and_genuine_ones_are_stored(
    signed_way: Way, doors: Doors, forger: Forger, database: FreshDatabase, figure: Figure
) -> None:
    forged = on_the_queue(forger)
    await signed_way.put(*forged)
    await signed_way.publish(*(SentEmail().bounce() for _ in range(GENUINE)))

    async def settled() -> bool:
        return await signed_way.left() == 0 and await signed_way.dead() == FORGED

    with outgoing() as seen:
        async with doors.open("enforce"):
            await eventually(settled, within=SLOW)

    assert await stored(database) == GENUINE
    assert doors.elsewhere.connections == 0
    assert [address for address in seen.addresses if address not in doors.known] == []
    figure(f"feedback queue: {FORGED} forged messages, stored 0, dead-lettered {await signed_way.dead()}; "
           f"{GENUINE} genuine ones, stored {await stored(database)}; connections elsewhere 0")  # fmt: skip


async def test_enforcing_rejects_raw_delivery_and_signature_version_1(
    way: Way, doors: Doors, database: FreshDatabase
) -> None:
    await way.dead_letter_after(1)
    await way.sign("1")
    await way.publish(SentEmail().bounce())
    await way.put(json.dumps(SentEmail().bounce()))

    async def dead_lettered() -> bool:
        return await way.dead() == 2

    async with doors.open("enforce"):
        await eventually(dead_lettered, within=SLOW)

    assert await stored(database) == 0


async def test_dead_letters_can_be_processed_once_the_cause_is_fixed(
    way: Way, doors: Doors, database: FreshDatabase
) -> None:
    await way.dead_letter_after(1)
    await way.sign("1")
    await way.publish(SentEmail().bounce())

    async def dead(number: int) -> bool:
        return await way.dead() == number

    async with doors.open("enforce"):
        await eventually(lambda: dead(1), within=SLOW)
    async with doors.open("count", queue=f"{way.queue}-dead"):
        await eventually(lambda: dead(0), within=SLOW)

    assert await stored(database) == 1


async def test_counting_stores_messages_that_fail_verification(
    signed_way: Way, doors: Doors, forger: Forger, database: FreshDatabase
) -> None:
    before = counted("yes")
    await signed_way.put(
        envelope(SentEmail().bounce(), signed_way.topic_arn), json.dumps(SentEmail().bounce())
    )
    await signed_way.publish(SentEmail().bounce())

    async def all_stored() -> bool:
        return await stored(database) == 3

    async with doors.open("count"):
        await eventually(all_stored, within=SLOW)

    assert counted("yes") == before + 2


async def test_messages_stay_in_the_queue_while_the_certificate_host_is_down(
    way: Way, doors: Doors, database: FreshDatabase
) -> None:
    doors.host.in_trouble = True
    await way.sign("2")
    await way.publish(SentEmail().bounce())

    async with doors.open("enforce"):
        await eventually(lambda: doors.host.requests)
        during = await stored(database), await way.left()
        doors.host.in_trouble = False

        async def stored_and_deleted() -> bool:
            return await stored(database) == 1 and await way.left() == 0

        await eventually(stored_and_deleted, within=SLOW)

    assert during == (0, 1)
    assert await way.dead() == 0
