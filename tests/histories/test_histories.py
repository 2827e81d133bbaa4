"""The right to send from a name follows the intent of its DNS owner, and strangers cannot affect it."""

import pytest

from tests.figures import Figure
from tests.histories.crowd import Progress, deletions_at_ses, play_all
from tests.histories.ground import Ground

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(7200)]


async def test_only_the_tenant_that_the_dns_owner_intends_can_send(
    ground: Ground, seeds: range, figure: Figure, progress: Progress
) -> None:
    crowd = await play_all(ground, seeds, progress)
    deleted = await deletions_at_ses(ground)

    figure(f"seeds {seeds.start} to {seeds.stop - 1}")
    for line in crowd.figures():
        figure(line)
    figure(f"  {len(deleted)} times: an SES identity was deleted that had an active claim")
    assert not crowd.violated, "\n\n".join(map(str, crowd.violated))
    assert not deleted, "\n".join(deleted)
