"""SNS's signatures on the queue: off, counted or enforced."""

import json
from datetime import timedelta

import pytest
from prometheus_client import REGISTRY

from tests.figures import Figure
from tests.integration.webhooks.certificate_host import outgoing
from tests.integration.webhooks.conftest import FeedbackPath
from tests.integration.webhooks.forger import Forger, Forgery
from tests.integration.webhooks.forgeries import forgeries
from tests.integration.webhooks.verifying import VerifyingWebhooks
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


def counted(stored: str) -> float:
    """Return how many queue messages failed verification in this process so far."""
    samples = [each for metric in REGISTRY.collect() for each in metric.samples]
    wanted = {"source": "queue", "stored": stored}
    return sum(
        each.value
        for each in samples
        if each.name == "letterhead_sns_rejections_total" and wanted.items() <= each.labels.items()
    )


@pytest.fixture
async def signed_path(feedback_path: FeedbackPath) -> FeedbackPath:
    """Return a path whose topic signs with SHA-256; a message is dead-lettered after two receives."""
    await feedback_path.sign("2")
    await feedback_path.dead_letter_after(2)
    return feedback_path


async def test_forged_messages_become_dead_letters_and_genuine_ones_are_stored(
    signed_path: FeedbackPath,
    verifying: VerifyingWebhooks,
    forger: Forger,
    database: FreshDatabase,
    figure: Figure,
) -> None:
    forged = on_the_queue(forger)
    await signed_path.put(*forged)
    await signed_path.publish(*(SentEmail().bounce() for _ in range(GENUINE)))

    async def settled() -> bool:
        return await signed_path.in_queue() == 0 and await signed_path.dead_letters() == FORGED

    with outgoing() as seen:
        async with verifying.start("enforce"):
            await eventually(settled, within=SLOW)

    assert await stored(database) == GENUINE
    assert verifying.elsewhere.connections == 0
    assert [address for address in seen.addresses if address not in verifying.known] == []
    figure(
        f"feedback queue: {FORGED} forged messages, stored 0, dead-lettered {FORGED}; "
        f"{GENUINE} genuine ones, stored {GENUINE}; connections elsewhere 0"
    )


async def test_enforcing_rejects_raw_delivery_and_signature_version_1(
    feedback_path: FeedbackPath, verifying: VerifyingWebhooks, database: FreshDatabase
) -> None:
    await feedback_path.dead_letter_after(1)
    await feedback_path.sign("1")
    await feedback_path.publish(SentEmail().bounce())
    await feedback_path.put(json.dumps(SentEmail().bounce()))

    async def dead_lettered() -> bool:
        return await feedback_path.dead_letters() == 2

    async with verifying.start("enforce"):
        await eventually(dead_lettered, within=SLOW)

    assert await stored(database) == 0


async def test_dead_letters_can_be_processed_once_the_cause_is_fixed(
    feedback_path: FeedbackPath, verifying: VerifyingWebhooks, database: FreshDatabase
) -> None:
    await feedback_path.dead_letter_after(1)
    await feedback_path.sign("1")
    await feedback_path.publish(SentEmail().bounce())

    async def dead(number: int) -> bool:
        return await feedback_path.dead_letters() == number

    async with verifying.start("enforce"):
        await eventually(lambda: dead(1), within=SLOW)
    async with verifying.start("count", queue=f"{feedback_path.queue}-dead"):
        await eventually(lambda: dead(0), within=SLOW)

    assert await stored(database) == 1


async def test_counting_stores_messages_that_fail_verification(
    signed_path: FeedbackPath, verifying: VerifyingWebhooks, forger: Forger, database: FreshDatabase
) -> None:
    before = counted("yes")
    await signed_path.put(
        envelope(SentEmail().bounce(), signed_path.topic_arn), json.dumps(SentEmail().bounce())
    )
    await signed_path.publish(SentEmail().bounce())

    async def all_stored() -> bool:
        return await stored(database) == 3

    async with verifying.start("count"):
        await eventually(all_stored, within=SLOW)

    assert counted("yes") == before + 2


async def test_messages_stay_in_the_queue_while_the_certificate_host_is_down(
    feedback_path: FeedbackPath, verifying: VerifyingWebhooks, database: FreshDatabase
) -> None:
    verifying.host.in_trouble = True
    await feedback_path.sign("2")
    await feedback_path.publish(SentEmail().bounce())

    async with verifying.start("enforce"):
        await eventually(lambda: verifying.host.requests)
        during = await stored(database), await feedback_path.in_queue()
        verifying.host.in_trouble = False

        async def stored_and_deleted() -> bool:
            return await stored(database) == 1 and await feedback_path.in_queue() == 0

        await eventually(stored_and_deleted, within=SLOW)

    assert during == (0, 1)
    assert await feedback_path.dead_letters() == 0
