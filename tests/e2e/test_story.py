"""The demo succeeds even when any service is killed during it."""

from pathlib import Path
from uuid import uuid4

import pytest

from cli.printer import Printer
from cli.story import Cast, Proof, telling
from cli.supervisor import Part
from cli.until import StoryFailed
from services import with_grpc
from tests.e2e.conftest import World
from tests.e2e.judges import sitting
from tests.e2e.ledgers import nothing_was_done_twice
from tests.waiting import eventually

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(180)]

HELO = "a1.smtp-out.amazonses.com"
CHAPTERS = ("before", "publish", "strict", "bounce", "refused")


def a_cast() -> Cast:
    return Cast(domain=f"inbox.d{uuid4().hex[:10]}.ai", readers=f"mail.r{uuid4().hex[:10]}.com")


async def play(world: World, *, kill: str | None = None) -> Proof:
    """Run the demo; with `kill`, kill every process of that service at the start of each chapter."""

    async def before(chapter: str) -> None:
        if kill and chapter in CHAPTERS:
            for part in world.stack.replicas_of(kill):
                await _is_running(part)
                part.kill()

    async with telling(world.installation, world.sandbox, Printer(), cast=a_cast(), before=before) as story:
        try:
            return await story.play()
        except StoryFailed as error:
            if kill:
                error.add_note(f"{kill} was killed. {world.stack.end_of_log(kill)}")
            raise


async def _is_running(part: Part) -> None:
    await eventually(lambda: part.pid)


def _starts(world: World, service: str) -> int:
    return sum(part.starts for part in world.stack.replicas_of(service))


def check_outcome(proof: Proof) -> None:
    """Assert the outcome that every run must have."""
    own = [proof.emails[name] for name in ("strict", "relaxed")]
    assert [email.state for email in proof.sent] == [email.STATE_SENT for email in proof.sent]
    assert {email["spf"]["result"] for email in own} == {"pass"}
    assert {email["dmarc"]["result"] for email in own} == {"pass"}
    assert len({event.id for event in proof.events}) == 3


async def test_the_demo_succeeds(world: World) -> None:
    proof = await play(world)

    check_outcome(proof)
    await nothing_was_done_twice(world)


@pytest.mark.timeout(400)  # the first run installs two Debian packages
async def test_independent_verifiers_pass_the_delivered_email_and_fail_an_altered_one(
    world: World, workspace: Path
) -> None:
    email = (await play(world)).emails["strict"]
    raw = await world.sandbox.raw(email["id"])
    altered = raw.replace(b"own letterhead", b"own letterheap", 1)

    async with sitting(workspace / "story-judges", world.installation.recursor) as judges:
        rspamd = await judges.rspamd(raw, sender=email["envelope_from"], helo=HELO)
        altered_rspamd = await judges.rspamd(altered, sender=email["envelope_from"], helo=HELO)
        opendkim, altered_opendkim = await judges.opendkim(raw), await judges.opendkim(altered)

    assert set(rspamd.dkim.values()) == set(opendkim.dkim.values()) == {"pass"}
    assert (rspamd.spf, rspamd.dmarc) == ("pass", "pass")
    assert set(altered_rspamd.dkim.values()) == set(altered_opendkim.dkim.values()) == {"fail"}


@pytest.mark.parametrize("service", [each.name for each in with_grpc()])
async def test_the_demo_succeeds_when_a_service_is_killed_in_every_chapter(
    world: World, service: str
) -> None:
    starts = _starts(world, service)

    proof = await play(world, kill=service)

    check_outcome(proof)
    await nothing_was_done_twice(world)
    kills = len(CHAPTERS) * len(world.stack.replicas_of(service))
    await eventually(lambda: _starts(world, service) >= starts + kills)
