"""Clients of AWS: each response, and each lack of one, becomes one outcome, and each request is made once."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import pytest
from botocore.exceptions import ParamValidationError
from prometheus_client import REGISTRY

from chassis.aws import (
    MAX_MESSAGE,
    AwsClient,
    AwsCredentialsMissing,
    AwsError,
    AwsRefused,
    AwsUnanswered,
    Timeouts,
    open_client,
    session,
)
from chassis.regions import AwsRegion

PROMPT = Timeouts(connect=timedelta(seconds=5), read=timedelta(seconds=5))
HURRIED = Timeouts(connect=timedelta(seconds=5), read=timedelta(milliseconds=100))
QUOTA = {"SendQuota": {"Max24HourSend": 50000.0}}


def response(status: str, body: bytes, *headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers, "", ""]
    return "\r\n".join(lines).encode() + body


def ok(answer: dict[str, Any]) -> bytes:
    return response("200 OK", json.dumps(answer).encode())


def error(status: str, code: str, message: str = "Not today.") -> bytes:
    body = json.dumps({"message": message}).encode()
    return response(status, body, f"x-amzn-ErrorType: {code}")


class Endpoint:
    """A server that reads each request, writes the same bytes, and closes the connection."""

    def __init__(self, answer: bytes | None) -> None:
        self._answer = answer  # None: it never responds
        self.requests: list[str] = []

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        self.requests.append(head.split(b"\r\n")[0].decode())
        if self._answer is None:
            await reader.read()
        else:
            writer.write(self._answer)
        writer.close()


@pytest.fixture(autouse=True)
def credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")


def no_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    """Remove every source of botocore's default credential chain."""
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nonexistent")
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nonexistent")


@asynccontextmanager
async def ses(endpoint: Endpoint, timeouts: Timeouts = PROMPT) -> AsyncIterator[AwsClient]:
    """Yield a client of SES at this endpoint."""
    server = await asyncio.start_server(endpoint.serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server, open_client(settings(port), "sesv2", timeouts, threads=1) as client:
        yield client


def settings(port: int) -> AwsRegion:
    return AwsRegion(region="us-east-1", account="123456789012", endpoint_url=f"http://127.0.0.1:{port}")


def counted(outcome: str, operation: str = "get_account") -> float:
    labels = {"service": "sesv2", "operation": operation, "outcome": outcome}
    return REGISTRY.get_sample_value("letterhead_aws_calls_total", labels) or 0


async def test_a_complete_response_is_returned() -> None:
    endpoint, before = Endpoint(ok(QUOTA)), counted("ok")

    async with ses(endpoint) as client:
        answer = await client.call("get_account", expects="SendQuota")

    assert answer["SendQuota"]["Max24HourSend"] == 50000
    assert client.region == "us-east-1"
    assert endpoint.requests == ["GET /v2/email/account HTTP/1.1"]
    assert counted("ok") == before + 1


def test_sessions_share_the_models_of_the_services() -> None:
    assert session().get_service_data("sesv2") is session().get_service_data("sesv2")


async def test_parameters_are_those_of_boto3() -> None:
    endpoint = Endpoint(ok({}))

    async with ses(endpoint) as client:
        await client.call("get_email_identity", EmailIdentity="example.com")

    assert endpoint.requests == ["GET /v2/email/identities/example.com HTTP/1.1"]


@pytest.mark.parametrize(
    ("status", "code", "is_throttle"),
    [
        ("404 Not Found", "NotFoundException", False),
        ("429 Too Many Requests", "TooManyRequestsException", True),
        ("400 Bad Request", "ThrottlingException", True),
        ("503 Service Unavailable", "ServiceUnavailableException", False),
    ],
)
async def test_an_error_of_aws_is_raised_with_its_code_and_not_retried(
    *, status: str, code: str, is_throttle: bool
) -> None:
    endpoint, before = Endpoint(error(status, code)), counted(code)

    async with ses(endpoint) as client:
        with pytest.raises(AwsRefused) as caught:
            await client.call("get_account", expects="SendQuota")

    assert (caught.value.code, caught.value.message) == (code, "Not today.")
    assert caught.value.is_throttle is is_throttle
    assert str(caught.value) == f"AWS refused get_account ({code}): Not today."
    assert len(endpoint.requests) == 1
    assert counted(code) == before + 1


async def test_a_long_message_is_shortened() -> None:
    async with ses(Endpoint(error("400 Bad Request", "BadRequestException", "x" * 5000))) as client:
        with pytest.raises(AwsRefused) as caught:
            await client.call("get_account")

    assert caught.value.message == "x" * MAX_MESSAGE


async def test_a_response_without_the_expected_member_is_incomplete() -> None:
    before = counted("incomplete")

    async with ses(Endpoint(response("200 OK", b""))) as client:
        with pytest.raises(AwsUnanswered, match="AWS's answer to get_account was incomplete"):
            await client.call("get_account", expects="SendQuota")

    assert counted("incomplete") == before + 1


@pytest.mark.parametrize(
    ("answer", "timeouts"),
    [
        pytest.param(b"", PROMPT, id="closed before the response"),
        pytest.param(ok(QUOTA)[:-10], PROMPT, id="closed within the body"),
        pytest.param(ok(QUOTA)[:30], PROMPT, id="closed within the headers"),
        pytest.param(None, HURRIED, id="no response in time"),
    ],
)
async def test_a_missing_response_leaves_unknown_what_aws_did(
    answer: bytes | None, timeouts: Timeouts
) -> None:
    endpoint, before = Endpoint(answer), counted("no_answer") + counted("incomplete")

    async with ses(endpoint, timeouts) as client:
        with pytest.raises(AwsUnanswered):
            await client.call("get_account", expects="SendQuota")

    assert len(endpoint.requests) == 1
    assert counted("no_answer") + counted("incomplete") == before + 1


async def test_a_refused_connection_is_no_answer(free_tcp_port: int) -> None:
    before = counted("no_answer")

    async with open_client(settings(free_tcp_port), "sesv2", PROMPT, threads=1) as client:
        with pytest.raises(AwsUnanswered, match="EndpointConnectionError"):
            await client.call("get_account")

    assert counted("no_answer") == before + 1


async def test_without_credentials_no_request_is_made(monkeypatch: pytest.MonkeyPatch) -> None:
    no_credentials(monkeypatch)
    endpoint, before = Endpoint(ok(QUOTA)), counted("no_credentials")

    async with ses(endpoint) as client:
        with pytest.raises(AwsCredentialsMissing, match="Give this service its role"):
            await client.call("get_account")

    assert endpoint.requests == []
    assert counted("no_credentials") == before + 1


async def test_invalid_parameters_are_a_bug_and_not_an_error_of_aws() -> None:
    endpoint, before = Endpoint(ok({})), counted("invalid", "get_email_identity")

    async with ses(endpoint) as client:
        with pytest.raises(ParamValidationError) as caught:
            await client.call("get_email_identity", Name="example.com")

    assert not isinstance(caught.value, AwsError)
    assert endpoint.requests == []
    assert counted("invalid", "get_email_identity") == before + 1
