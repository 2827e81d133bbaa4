"""SES closes idle connections, and no answer is lost by that, because the client closes them earlier."""

import asyncio
import random
from collections import Counter
from datetime import timedelta

import pytest

from chassis.regions import AwsRegion
from chassis.threads import Executor
from cli.environments import ACCOUNT, REGION, SHARED_DOMAIN
from cli.server_process import HOST
from services.sender.model.posting import Answer, Post
from services.sender.ses import Ses
from tests.chaos.shim import Shim
from tests.chaos.taps import HttpTap
from tests.e2e.conftest import World
from tests.figures import Figure

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(900), pytest.mark.long]

SENDS, AT_ONCE = 10_000, 64
# A fifth of the production values, so that ten thousand sends take only minutes.
OURS, THEIRS = timedelta(seconds=1), timedelta(seconds=1.5)
# Pauses around the times at which the client closes connections, and SES does.
PAUSES = ((0.90, 1.10), (1.45, 1.55))
POST = Post(
    sender=f"agent@{SHARED_DOMAIN}",
    to=["success@simulator.amazonses.com"],
    cc=[],
    bcc=[],
    tags={"lh-attempt": "idle"},
    content=f"From: agent@{SHARED_DOMAIN}\r\n\r\nGood day.\r\n".encode(),
)


async def _answers(ses: Ses, executor: Executor, seed: int) -> Counter[type[Answer]]:
    """Post in bursts, each over the connections of the one before, and count the kinds of answers."""
    chance = random.Random(seed)  # noqa: S311 - not a secret
    counts: Counter[type[Answer]] = Counter()
    while counts.total() < SENDS:
        burst = await asyncio.gather(*(executor.run(ses.post, POST) for _ in range(AT_ONCE)))
        counts.update(map(type, burst))
        await asyncio.sleep(chance.uniform(*chance.choice(PAUSES)))
    return counts


async def test_no_answer_is_lost_to_connections_that_ses_closes(
    faults: World, seed: int, figure: Figure, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "sandbox")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "sandbox")
    await faults.sandbox.call("POST", "/events/faults", {"kind": "drop", "rate": 1})
    shim = Shim(faults.stack.addresses["ses"].removeprefix("http://"), HttpTap)
    shim.idle = THEIRS.total_seconds()
    async with shim.serving(), Executor("idle", AT_ONCE) as executor:
        url = f"http://{HOST}:{shim.port}"
        aws = AwsRegion(account=ACCOUNT, region=REGION, endpoint_url=url)
        ses = Ses(aws, configuration_set="letterhead", threads=AT_ONCE, max_idle=OURS)
        counts = await _answers(ses, executor, seed)
        ses.close()

    answers = ", ".join(f"{count:,} {kind.__name__.upper()}" for kind, count in counts.items())
    figure(f"{counts.total():,} sends over connections that SES closes when idle, seed {seed}: {answers}")
    assert len(counts) == 1, counts
