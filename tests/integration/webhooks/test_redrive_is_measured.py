"""webhooks measures whether SQS moves rejected messages to a dead-letter queue."""

from prometheus_client import REGISTRY

from tests.integration.webhooks.conftest import FeedbackPath, Webhooks
from tests.waiting import eventually


async def test_a_queue_with_a_redrive_policy_and_one_without_are_distinguished(
    webhooks: Webhooks, feedback_path: FeedbackPath
) -> None:
    await feedback_path.dead_letter_after(1)
    async with webhooks.start():
        await eventually(lambda: measured() == 1)

    await feedback_path.never_dead_letter()
    async with webhooks.start():
        await eventually(lambda: measured() == 0)


def measured() -> float | None:
    return REGISTRY.get_sample_value("letterhead_feedback_queue_redrive", {"region": "us-east-1"})
