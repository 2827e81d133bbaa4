"""Large posts to the SNS endpoint share the memory for large bodies; others do not wait for it."""

import asyncio
from contextlib import AsyncExitStack

from prometheus_client import REGISTRY

from services.webhooks.model.sns import MAX_BODY
from tests.integration.webhooks.certificate_host import HOST
from tests.integration.webhooks.forger import Forger
from tests.integration.webhooks.verifying import VerifyingWebhooks
from tests.waiting import eventually

POSTS = 40
BEGINNING = b"x" * 100_000


def held() -> float:
    """Return the bytes of the memory for large bodies that are held."""
    return REGISTRY.get_sample_value("letterhead_body_memory_bytes") or 0


def limit() -> float:
    return REGISTRY.get_sample_value("letterhead_body_memory_limit_bytes") or 0


async def test_large_posts_share_the_memory_and_others_do_not_wait(
    verifying: VerifyingWebhooks, forger: Forger
) -> None:
    async with verifying.start() as sns:
        async with AsyncExitStack() as slow:
            for _ in range(POSTS):
                _, writer = await asyncio.open_connection(HOST, verifying.port)
                slow.callback(writer.close)
                writer.write(
                    b"POST /sns HTTP/1.1\r\nhost: %s\r\ncontent-length: %d\r\n\r\n%s"
                    % (HOST.encode(), MAX_BODY, BEGINNING)
                )
            await eventually(lambda: held() > limit() - MAX_BODY * 6)

            assert await sns.post(forger.genuine()) == 200

        await eventually(lambda: held() == 0)
