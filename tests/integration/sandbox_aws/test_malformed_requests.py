"""Malformed requests: each gets an AWS error, and none crashes the sandbox."""

import aiohttp
import pytest

from tests.integration.sandbox_aws.world import World

SIGNED = {"Authorization": "AWS4-HMAC-SHA256 Credential=A/20261121/us-east-1/ses/aws4_request"}
SQS = SIGNED | {"X-Amz-Target": "AmazonSQS.SendMessage"}
DEEP = b'{"Content":' + b'{"Simple":' * 200 + b"1" + b"}" * 201

MALFORMED = {
    "unsigned": ("POST", "/v2/email/identities", {}, b"{}", 403, "MissingAuthenticationToken"),
    "no such path": ("GET", "/v2/email/nothing/here", SIGNED, b"", 404, "UnknownOperationException"),
    "no such method": ("PATCH", "/v2/email/account", SIGNED, b"", 404, "UnknownOperationException"),
    "octets in the path": ("GET", "/v2/email/identities/%FF%00", SIGNED, b"", 404, "NotFoundException"),
    "no JSON": ("POST", "/v2/email/identities", SIGNED, b"{", 400, "SerializationException"),
    "no object": ("POST", "/v2/email/identities", SIGNED, b"[1]", 400, "SerializationException"),
    "no UTF-8": ("POST", "/v2/email/identities", SIGNED, b"\xff\xfe", 400, "SerializationException"),
    "wrong types": (
        "POST",
        "/v2/email/outbound-emails",
        SIGNED,
        b'{"EmailTags": 5, "Content": []}',
        400,
        "BadRequest",
    ),
    "deeply nested": ("POST", "/v2/email/outbound-emails", SIGNED, DEEP, 400, "BadRequest"),
    "nested without end": (
        "POST",
        "/v2/email/identities",
        SIGNED,
        b"[" * 100_000,
        400,
        "SerializationException",
    ),
    "no service": ("POST", "/", SIGNED, b"", 404, "UnknownOperationException"),
    "no such action": ("POST", "/", SIGNED, b"Action=Explode&Version=2010-03-31", 400, "InvalidAction"),
    "no action's version": ("POST", "/", SIGNED, b"Action=Explode&Version=2011-06-15", 400, "InvalidAction"),
    "no form": ("POST", "/", SIGNED, b"Action=\xff\xfe", 404, "MalformedQueryString"),
    "no queue": ("POST", "/", SQS, b"{}", 400, "InvalidParameterValueException"),
    "no such target": ("POST", "/", SQS | {"X-Amz-Target": "AmazonSQS.Explode"}, b"{}", 400, "InvalidAction"),
    "an unsigned link": ("GET", "/?Action=ConfirmSubscription&TopicArn=a&Token=b", {}, b"", 404, "NotFound"),
    "an unsigned action": ("GET", "/?Action=ListTopics", {}, b"", 403, "MissingAuthenticationToken"),
}


@pytest.mark.parametrize("case", MALFORMED.values(), ids=MALFORMED)
async def test_a_malformed_request_gets_an_aws_error(
    world: World, case: tuple[str, str, dict[str, str], bytes, int, str]
) -> None:
    method, path, headers, body, status, code = case

    async with (
        aiohttp.ClientSession() as session,
        session.request(method, world.url + path, headers=headers, data=body) as answer,
    ):
        text = answer.headers.get("x-amzn-ErrorType", "") + await answer.text()

    assert (answer.status, code in text) == (status, True), text
    assert answer.headers["x-amzn-RequestId"]
