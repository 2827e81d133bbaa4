"""Runs the example subscriber in docs/events.md."""

import asyncio
import re
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from chassis.background import supervised
from chassis.database import Database
from chassis.events import Event, Outbox, Relay, open_stream
from chassis.events.authorization import SUBSCRIBER
from chassis.ids import uuid7
from letterhead.events.v1 import domain_events_pb2
from tests.stores import FreshDatabase
from tests.streams import FreshStream
from tests.waiting import eventually

PAGE = Path(__file__).parents[3] / "docs/events.md"


@pytest.fixture
def subscriber(stream: FreshStream, tmp_path: Path) -> Iterator[Path]:
    """Run the page's program against this test's stream; yield the file that it prints to."""
    (program,) = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    seed = tmp_path / "seed"
    seed.write_text(stream.server.seeds[SUBSCRIBER])
    own = {
        "nats://127.0.0.1:42229": stream.server.url,
        ".letterhead/secrets/nats-seed-subscriber": str(seed),
        '"LETTERHEAD"': f'"{stream.name}"',
        '"domain.>"': f'"{stream.prefix}domain.>"',
    }
    for theirs, ours in own.items():
        assert theirs in program
        program = program.replace(theirs, ours)
    printed = tmp_path / "printed"
    with printed.open("w") as output:
        process = subprocess.Popen([sys.executable, "-c", program], cwd=tmp_path, stdout=output)
        yield printed
        process.kill()
        process.wait()


async def publish_ready(database: Database, *names: str) -> None:
    """Publish verifier's event that each domain is ready."""
    for name in names:
        reference = domain_events_pb2.DomainReference(name=name)
        event = Event(domain_events_pb2.DomainReady(domain=reference), uuid7(), resource=name)
        async with database.transaction() as connection:
            await Outbox("verifier").write(connection, event)


async def test_the_example_subscriber_applies_each_event_once_when_the_stream_is_lost(
    subscriber: Path, database: FreshDatabase, stream: FreshStream
) -> None:
    async with (
        database.open("verifier") as verifier,
        open_stream(stream.settings("verifier"), "verifier") as wire,
        supervised([Relay(verifier, wire, "verifier").run], asyncio.Event(), drain=timedelta(seconds=3)),
    ):
        await publish_ready(verifier, "one.com", "two.com")
        await eventually(lambda: len(printed(subscriber)) == 2)
        await stream.lose()
        await stream.create()
        await publish_ready(verifier, "three.com")
        await eventually(
            lambda: "domain.ready three.com" in printed(subscriber), within=timedelta(seconds=20)
        )

    assert sorted(printed(subscriber)) == [
        "domain.ready one.com",
        "domain.ready three.com",
        "domain.ready two.com",
    ]


def printed(path: Path) -> list[str]:
    return path.read_text().splitlines()
