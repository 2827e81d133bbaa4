"""A post that fails is repeated under the same id; the endpoint decides how, within limits."""

from datetime import UTC, datetime, timedelta

import pytest

from letterhead.webhooks.v1 import webhook_service_pb2 as pb
from services.deliverer.model.schedule import JITTER, PAUSES
from tests.integration.deliverer.conftest import Hooks, verified
from tests.integration.deliverer.emails import a_bounce
from tests.waiting import eventually


async def until_attempts(hooks: Hooks, endpoint: pb.Endpoint, count: int) -> pb.EndpointEvent:
    """Wait until the only event of an endpoint was posted so often."""

    async def posted() -> pb.EndpointEvent | None:
        event = await hooks.event(endpoint)
        return event if event.attempts == count else None

    return await eventually(posted, within=timedelta(seconds=15))


async def make_due(hooks: Hooks) -> None:
    """Simulate that the pauses of all messages have passed."""
    await hooks.database.execute("UPDATE deliverer.messages SET due_at = now()")


async def test_a_post_that_fails_is_repeated_with_the_same_id_and_body(hooks: Hooks) -> None:
    await hooks.internet.control.behave("/down", status=503, body="busy", times=1)
    endpoint = await hooks.create("/down", "EMAIL_BOUNCED")
    await hooks.publish(a_bounce())
    await until_attempts(hooks, endpoint, 1)

    await make_due(hooks)

    first, second = await hooks.posts("/down", 2)
    event = await hooks.becomes(endpoint, "DELIVERED")
    assert verified(first, endpoint.secret) == verified(second, endpoint.secret)
    assert first["headers"]["webhook-id"] == second["headers"]["webhook-id"] == event.id
    assert [each.status for each in await hooks.attempts(endpoint, event.id)] == [200, 503]
    assert (await hooks.attempts(endpoint, event.id))[1].answer == "busy"


async def test_the_first_pause_is_five_seconds_or_what_the_endpoint_asks_for(hooks: Hooks) -> None:
    await hooks.internet.control.behave("/soon", status=500)
    await hooks.internet.control.behave("/later", status=429, headers=["retry-after: 120"])
    soon = await hooks.create("/soon", "EMAIL_BOUNCED")
    later = await hooks.create("/later", "EMAIL_BOUNCED")

    await hooks.publish(a_bounce())

    now = datetime.now(UTC)
    pauses = [
        (await until_attempts(hooks, each, 1)).next_attempt_time.ToDatetime(UTC) - now
        for each in (soon, later)
    ]
    assert pauses[0] < timedelta(seconds=10)
    assert timedelta(seconds=100) < pauses[1] < timedelta(seconds=130)


@pytest.mark.parametrize(
    ("behavior", "problem"),
    [
        ({"manner": "hang"}, "TIMEOUT"),
        ({"manner": "trickle"}, "TIMEOUT"),
        ({"manner": "bomb"}, "NOT_HTTP"),
        ({"manner": "garbage"}, "NOT_HTTP"),
        ({"manner": "close"}, "CONNECTION"),
        ({"status": 302, "headers": ["location: https://127.0.0.1/"]}, "UNSPECIFIED"),
    ],
    ids=str,
)
async def test_a_receiver_that_misbehaves_is_retried(
    hooks: Hooks, behavior: dict[str, object], problem: str
) -> None:
    await hooks.internet.control.behave("/bad", **behavior)
    endpoint = await hooks.create("/bad", "EMAIL_BOUNCED")

    await hooks.publish(a_bounce())

    event = await until_attempts(hooks, endpoint, 1)
    [attempt] = await hooks.attempts(endpoint, event.id)
    assert pb.EndpointEvent.State.Name(event.state) == "STATE_PENDING"
    assert pb.Attempt.Problem.Name(attempt.problem) == f"PROBLEM_{problem}"


@pytest.mark.parametrize("manner", ["endless", "slow_body"])
async def test_only_the_beginning_of_an_answer_is_read(hooks: Hooks, manner: str) -> None:
    await hooks.internet.control.behave("/long", manner=manner)
    endpoint = await hooks.create("/long", "EMAIL_BOUNCED")

    await hooks.publish(a_bounce())

    event = await hooks.becomes(endpoint, "DELIVERED")
    [attempt] = await hooks.attempts(endpoint, event.id)
    assert len(attempt.answer) <= 4096


async def test_a_slow_endpoint_delays_no_other(hooks: Hooks) -> None:
    await hooks.internet.control.behave("/slow", manner="hang")
    await hooks.create("/slow", "EMAIL_BOUNCED")
    await hooks.create("/fast", "EMAIL_BOUNCED")

    await hooks.publish(*(a_bounce() for _ in range(20)))

    posts = await hooks.posts("/fast", 20)
    assert len({post["headers"]["webhook-id"] for post in posts}) == 20
    assert len(await hooks.internet.control.posts("/slow")) < 20


async def test_after_the_last_retry_the_message_has_failed_and_can_be_replayed(hooks: Hooks) -> None:
    await hooks.internet.control.behave("/down", status=500, times=2)
    endpoint = await hooks.create("/down", "EMAIL_BOUNCED")
    await hooks.publish(a_bounce())
    await until_attempts(hooks, endpoint, 1)
    await hooks.database.execute("UPDATE deliverer.messages SET retries = 14, due_at = now()")
    failed = await hooks.becomes(endpoint, "FAILED")

    await hooks.stub.Replay(pb.ReplayRequest(endpoint_id=endpoint.id, event_id=failed.id), metadata=hooks.key)

    delivered = await hooks.becomes(endpoint, "DELIVERED")
    assert (delivered.id, delivered.attempts) == (failed.id, 3)


async def test_a_post_on_a_connection_that_the_endpoint_closed_is_repeated_at_once(hooks: Hooks) -> None:
    endpoint = await hooks.create("/closing", "EMAIL_BOUNCED")
    await hooks.publish(a_bounce())
    await hooks.posts("/closing")
    await hooks.internet.control.behave("/closing", manner="close", times=1)

    await hooks.publish(a_bounce())

    _, unanswered, answered = await hooks.posts("/closing", 3, within=4)
    event_id = answered["headers"]["webhook-id"]
    assert unanswered["headers"]["webhook-id"] == event_id
    attempts = await eventually(lambda: hooks.attempts(endpoint, event_id))
    assert [each.status for each in attempts] == [200]


async def test_the_steps_of_the_schedule_by_the_clock_of_the_database(hooks: Hooks) -> None:
    """Time passes by moving every time that is stored to the past."""
    await hooks.internet.control.behave("/down", status=500)
    endpoint = await hooks.create("/down", "EMAIL_BOUNCED")
    await hooks.publish(a_bounce())
    elapsed = timedelta()

    for number, step in enumerate(PAUSES, start=1):
        await until_attempts(hooks, endpoint, number)
        pause = await until_due(hooks)
        assert timedelta(seconds=-5) < pause - step <= step * JITTER
        await pass_time(hooks, pause)
        elapsed += pause

    failed = await hooks.becomes(endpoint, "FAILED")
    assert failed.attempts == len(PAUSES) + 1
    assert elapsed >= timedelta(hours=96)
    assert len({each["headers"]["webhook-id"] for each in await hooks.internet.control.posts("/down")}) == 1
    [warning] = await eventually(lambda: hooks.stream.published("endpoint.failing"))
    assert warning["data"]["lastStatus"] == 500
    assert await hooks.stream.published("endpoint.disabled") == []


async def until_due(hooks: Hooks) -> timedelta:
    """Return how long it is until the only message is due."""
    [row] = await hooks.database.fetch("SELECT due_at - now() AS pause FROM deliverer.messages")
    pause: timedelta = row["pause"]
    return pause


async def pass_time(hooks: Hooks, pause: timedelta) -> None:
    """Move the times of the message and of the health of its endpoint to the past, and wake deliverer."""
    await hooks.database.execute(
        "UPDATE deliverer.messages"
        " SET due_at = due_at - $1::interval, created_at = created_at - $1::interval",
        pause,
    )
    await hooks.database.execute(
        "UPDATE deliverer.endpoint_health SET failing_since = failing_since - $1::interval,"
        " last_failure_at = last_failure_at - $1::interval",
        pause,
    )
    await hooks.database.execute("NOTIFY deliverer_messages")
