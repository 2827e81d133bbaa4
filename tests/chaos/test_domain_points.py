"""Identity and verifier are killed at every named point, while many domains go from creation to deletion."""

from pathlib import Path

import pytest

from tests.chaos.conftest import Scale
from tests.chaos.lives import Lived, living
from tests.chaos.points import KillPoint, kill_at, points
from tests.chaos.shimmed import shimmed
from tests.e2e.conftest import World
from tests.figures import Figure

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(7200)]

IDENTITY_POINTS = points(
    "insert_claim", "lease_due", "CreateEmailIdentity", "record_presence", "plan_calls",
    "PutEmailIdentityMailFromAttributes", "mark_present", "move_claim", "commit of write_events",
    "DeleteEmailIdentity", "mark_identity_absent", "publish",
)  # fmt: skip
VERIFIER_POINTS = points(
    "begin_verifications", "lease_checks", "save_checks", "lease_ses_check", "GetEmailIdentity",
    "save_ses_check", "save_decision", "commit of write_events", "publish",
)  # fmt: skip


async def _killed(world: World, service: str, home: Path, kill_points: list[KillPoint]) -> tuple[int, Lived]:
    async with shimmed(world, service, home) as (victims, shims), living(world) as lives:
        kills = await kill_at(kill_points, victims, shims, lives.go_on)
    return kills, await lives.outcome()


@pytest.mark.long
async def test_no_domain_is_lost_or_repeated_when_identity_is_killed_at_any_point(
    chaotic: World, workspace: Path, scale: Scale, figure: Figure
) -> None:
    kill_points = IDENTITY_POINTS * scale.of(1, 20)

    kills, lived = await _killed(chaotic, "identity", workspace / "identity-points", kill_points)

    figure(f"identity killed {kills} times, at {len(IDENTITY_POINTS)} named points: {lived}")
    assert lived.clean, lived


@pytest.mark.long
async def test_no_domain_is_lost_or_repeated_when_verifier_is_killed_at_any_point(
    chaotic: World, workspace: Path, scale: Scale, figure: Figure
) -> None:
    kill_points = VERIFIER_POINTS * scale.of(1, 20)

    kills, lived = await _killed(chaotic, "verifier", workspace / "verifier-points", kill_points)

    figure(f"verifier killed {kills} times, at {len(VERIFIER_POINTS)} named points: {lived}")
    assert lived.clean, lived
