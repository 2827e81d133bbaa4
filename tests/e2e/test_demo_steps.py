"""The demo succeeds even when any service is killed during it."""

from pathlib import Path
from uuid import uuid4

import pytest

from cli.demo import DemoResult, open_demo
from cli.demo_domains import DemoDomains
from cli.polling import DemoFailed
from cli.printer import Printer
from cli.supervisor import Part
from services import with_grpc
from tests.e2e.conftest import World
from tests.e2e.independent_verifiers import running_verifiers
from tests.e2e.ledgers import nothing_was_done_twice
from tests.waiting import eventually

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(180)]

HELO = "a1.smtp-out.amazonses.com"
STEPS = ("before", "publish", "strict", "endpoint", "bounce", "webhook", "refused")


def new_domains() -> DemoDomains:
    return DemoDomains(domain=f"inbox.d{uuid4().hex[:10]}.ai", recipients=f"mail.r{uuid4().hex[:10]}.com")


async def run_demo(world: World, *, kill: str | None = None) -> DemoResult:
    """Run the demo; with `kill`, kill every process of that service at the start of each step."""
    killed: dict[str, int] = {}

    async def before(step: str) -> None:
        if kill and step in STEPS:
            for part in world.stack.replicas_of(kill):
                await _is_running(part, after=killed.get(part.name, 0))
                killed[part.name] = part.starts
                part.kill()

    async with open_demo(
        world.installation, world.sandbox, Printer(), names=new_domains(), before=before
    ) as demo:
        try:
            return await demo.run()
        except DemoFailed as error:
            if kill:
                error.add_note(f"{kill} was killed. {world.stack.end_of_log(kill)}")
            raise


async def _is_running(part: Part, *, after: int) -> None:
    """Wait until a part runs that was started more than `after` times: a killed one is not yet reaped."""
    await eventually(lambda: part.pid if part.starts > after else None)


def _starts(world: World, service: str) -> int:
    return sum(part.starts for part in world.stack.replicas_of(service))


def check_outcome(result: DemoResult) -> None:
    """Assert the outcome that every run must have."""
    own = [result.emails[name] for name in ("strict", "relaxed")]
    assert [email.state for email in result.sent] == [email.STATE_SENT for email in result.sent]
    assert {email["spf"]["result"] for email in own} == {"pass"}
    assert {email["dmarc"]["result"] for email in own} == {"pass"}
    assert len({event.id for event in result.events}) == 3
    assert [event["type"] for event in result.webhooks] == ["email.bounced"]


async def test_an_installation_has_certificates_of_its_own(world: World) -> None:
    """Another installation that starts deletes its own directory, and must not delete these."""
    for webhooks in world.stack.replicas_of("webhooks"):
        assert Path(webhooks.environ["LETTERHEAD_SNS_CA_FILE"]).is_relative_to(
            world.stack.plan.home.resolve()
        )


async def test_the_demo_succeeds(world: World) -> None:
    result = await run_demo(world)

    check_outcome(result)
    await nothing_was_done_twice(world)


@pytest.mark.timeout(400)  # the first run installs two Debian packages
async def test_independent_verifiers_pass_the_delivered_email_and_fail_an_altered_one(
    world: World, workspace: Path
) -> None:
    email = (await run_demo(world)).emails["strict"]
    raw = await world.sandbox.raw(email["id"])
    altered = raw.replace(b"own letterhead", b"own letterheap", 1)

    async with running_verifiers(workspace / "demo-rspamd", world.installation.recursor) as verifiers:
        rspamd = await verifiers.rspamd(raw, sender=email["envelope_from"], helo=HELO)
        altered_rspamd = await verifiers.rspamd(altered, sender=email["envelope_from"], helo=HELO)
        opendkim, altered_opendkim = await verifiers.opendkim(raw), await verifiers.opendkim(altered)

    assert set(rspamd.dkim.values()) == set(opendkim.dkim.values()) == {"pass"}
    assert (rspamd.spf, rspamd.dmarc) == ("pass", "pass")
    assert set(altered_rspamd.dkim.values()) == set(altered_opendkim.dkim.values()) == {"fail"}


@pytest.mark.parametrize("service", [each.name for each in with_grpc()])
async def test_the_demo_succeeds_when_a_service_is_killed_in_every_step(world: World, service: str) -> None:
    starts = _starts(world, service)

    result = await run_demo(world, kill=service)

    check_outcome(result)
    await nothing_was_done_twice(world)
    kills = len(STEPS) * len(world.stack.replicas_of(service))
    await eventually(lambda: _starts(world, service) >= starts + kills)
