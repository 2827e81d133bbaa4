"""ListFeedback: a tenant lists the feedback about its own emails and of no other tenant's."""

from typing import Any
from uuid import uuid4

import grpc
import pytest
from google.rpc import error_details_pb2
from grpc_status import rpc_status

from chassis.access import Scope
from chassis.ids import uuid7
from chassis.pages import next_token
from letterhead.webhooks.v1 import feedback_pb2 as pb
from letterhead.webhooks.v1 import feedback_pb2_grpc
from tests.factories import a_key, a_tenant, bearer
from tests.integration.webhooks.conftest import FeedbackPath
from tests.stores import FreshDatabase
from tests.unit.webhooks.ses_events import SentEmail
from tests.waiting import eventually


class Caller:
    """A client with an API key."""

    def __init__(self, channel: grpc.aio.Channel, token: str) -> None:
        self._stub = feedback_pb2_grpc.FeedbackServiceStub(channel)
        self._metadata = bearer(token)

    async def list(self, **request: Any) -> pb.ListFeedbackResponse:
        answer: pb.ListFeedbackResponse = await self._stub.ListFeedback(
            pb.ListFeedbackRequest(**request), metadata=self._metadata
        )
        return answer

    async def refused(self, **request: Any) -> tuple[grpc.StatusCode, str, str]:
        """Return the code, reason and message of a call that must fail."""
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await self.list(**request)
        info = error_details_pb2.ErrorInfo()
        status = rpc_status.from_call(caught.value)
        assert status is not None
        next(detail for detail in status.details if detail.Unpack(info))
        return caught.value.code(), info.reason, caught.value.details() or ""


@pytest.fixture
async def email(database: FreshDatabase) -> SentEmail:
    return SentEmail(tenant_id=await a_tenant(database))


@pytest.fixture
async def caller(channel: grpc.aio.Channel, database: FreshDatabase, email: SentEmail) -> Caller:
    return Caller(channel, await a_key(database, email.tenant_id))


async def received(caller: Caller, number: int) -> pb.ListFeedbackResponse:
    """Wait until so many feedback events are listed."""

    async def all_there() -> pb.ListFeedbackResponse | None:
        answer = await caller.list()
        return answer if len(answer.feedback) == number else None

    answer = await eventually(all_there)
    assert answer is not None
    return answer


async def test_feedback_is_listed_as_ses_reported_it(
    feedback_path: FeedbackPath, caller: Caller, email: SentEmail
) -> None:
    await feedback_path.publish(email.bounce())

    (feedback_event,) = (await received(caller, 1)).feedback
    assert (feedback_event.email_id, feedback_event.ses_id, feedback_event.kind) == (
        str(email.email_id),
        email.ses_id,
        pb.Feedback.KIND_BOUNCE,
    )
    assert list(feedback_event.recipients) == ["ada@example.com"]
    assert feedback_event.detail["bounceSubType"] == "General"
    assert feedback_event.occur_time.ToJsonString() == "2026-03-01T12:30:45.678Z"
    assert feedback_event.receive_time.seconds > 0


async def test_pages_list_everything_once_newest_first(
    feedback_path: FeedbackPath, caller: Caller, email: SentEmail
) -> None:
    await feedback_path.publish(*email.every_kind())
    everything = await received(caller, 10)

    found: list[pb.Feedback] = []
    token = ""
    while not found or token:
        answer = await caller.list(page_size=3, page_token=token)
        found += answer.feedback
        token = answer.next_page_token

    assert found == list(everything.feedback)
    assert [each.id for each in found] == sorted((each.id for each in found), reverse=True)
    assert everything.next_page_token == ""


async def test_a_page_of_long_details_stays_within_the_message_size_of_clients(
    caller: Caller, database: FreshDatabase, email: SentEmail
) -> None:
    await database.execute(
        """
        INSERT INTO webhooks.feedback (id, meaning, kind, tenant_id, ses_id, detail, occurred_at)
        SELECT gen_random_uuid(), sha256(n::text::bytea), 'UNSPECIFIED', $1, 'x',
               jsonb_build_object('cut', repeat('x', 32000)), now()
        FROM generate_series(1, 200) AS n
        """,
        email.tenant_id,
    )

    first = await caller.list(page_size=1000)
    second = await caller.list(page_size=1000, page_token=first.next_page_token)
    third = await caller.list(page_size=1000, page_token=second.next_page_token)

    seen = {feedback_event.id for page in (first, second, third) for feedback_event in page.feedback}
    assert len(seen) == 200
    assert third.next_page_token == ""


async def test_feedback_can_be_listed_for_one_email(
    feedback_path: FeedbackPath, caller: Caller, email: SentEmail
) -> None:
    other = SentEmail(tenant_id=email.tenant_id)
    await feedback_path.publish(email.send(), other.send())
    await received(caller, 2)

    answer = await caller.list(email_id=str(other.email_id))

    assert [feedback_event.email_id for feedback_event in answer.feedback] == [str(other.email_id)]


async def test_another_tenants_feedback_is_invisible(
    feedback_path: FeedbackPath,
    channel: grpc.aio.Channel,
    database: FreshDatabase,
    caller: Caller,
    email: SentEmail,
) -> None:
    stranger = Caller(channel, await a_key(database, await a_tenant(database)))
    await feedback_path.publish(email.send())
    await received(caller, 1)

    assert list((await stranger.list()).feedback) == []
    assert list((await stranger.list(email_id=str(email.email_id))).feedback) == []
    code, reason, _ = await stranger.refused(tenant_id=str(email.tenant_id))
    assert (code, reason) == (grpc.StatusCode.NOT_FOUND, "TENANT_NOT_FOUND")


async def test_an_operator_sees_any_tenants_feedback(
    feedback_path: FeedbackPath,
    channel: grpc.aio.Channel,
    database: FreshDatabase,
    caller: Caller,
    email: SentEmail,
) -> None:
    operator = Caller(channel, await a_key(database, await a_tenant(database), Scope.ADMIN))
    await feedback_path.publish(email.send())
    await received(caller, 1)

    answer = await operator.list(tenant_id=str(email.tenant_id))

    assert [feedback_event.ses_id for feedback_event in answer.feedback] == [email.ses_id]


async def test_a_key_restricted_to_domains_sees_no_feedback(
    feedback_path: FeedbackPath,
    channel: grpc.aio.Channel,
    database: FreshDatabase,
    caller: Caller,
    email: SentEmail,
) -> None:
    restricted = Caller(channel, await a_key(database, email.tenant_id, claim_ids=(uuid7(),)))
    await feedback_path.publish(email.send())
    await received(caller, 1)

    assert not (await restricted.list()).feedback
    assert not (await restricted.list(email_id=str(email.email_id))).feedback


async def test_a_sending_key_is_rejected(
    channel: grpc.aio.Channel, database: FreshDatabase, email: SentEmail
) -> None:
    sending = Caller(channel, await a_key(database, email.tenant_id, Scope.SENDING_ACCESS))

    code, reason, _ = await sending.refused()

    assert (code, reason) == (grpc.StatusCode.PERMISSION_DENIED, "SCOPE_TOO_SMALL")


async def test_an_unknown_key_is_rejected(channel: grpc.aio.Channel) -> None:
    code, reason, _ = await Caller(channel, "lh_unknown").refused()

    assert (code, reason) == (grpc.StatusCode.UNAUTHENTICATED, "KEY_INVALID")


async def test_invalid_arguments_are_rejected_with_the_name_of_their_field(
    caller: Caller, email: SentEmail
) -> None:
    of = f"feedback/{email.tenant_id}/"
    tokens = [
        "garbage",
        next_token("other", uuid4()),
        next_token(of, 7),
        next_token(of + str(uuid4()), uuid7()),
    ]

    for token in tokens:
        code, reason, message = await caller.refused(page_token=token)
        assert (code, reason) == (grpc.StatusCode.INVALID_ARGUMENT, "INVALID_PAGE_TOKEN")
        assert "page_token" in message
    for request in ({"email_id": "x"}, {"tenant_id": "x"}, {"page_size": -1}):
        code, reason, message = await caller.refused(**request)
        assert (code, reason) == (grpc.StatusCode.INVALID_ARGUMENT, "INVALID_FIELD")
        assert message.startswith(next(iter(request)))
