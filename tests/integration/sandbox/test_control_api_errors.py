"""Error messages of the control API; all tests share one sandbox."""

from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
import pytest_asyncio

from sandbox.client import Json, SandboxClient, SandboxError, connect_sandbox
from sandbox.config import Addresses
from tests.integration.sandbox.conftest import a_sandbox

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def addresses(workspace: Path) -> AsyncIterator[Addresses]:
    async with a_sandbox(workspace) as addresses:
        yield addresses


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def control(addresses: Addresses) -> AsyncIterator[SandboxClient]:
    async with connect_sandbox(addresses.control) as client:
        yield client


@pytest.mark.parametrize(
    ("method", "path", "body", "message"),
    [
        ("POST", "/dns/records", {"name": "mnexa.ai", "type": "A"}, "'value' is missing. Set it to a string"),
        ("POST", "/dns/records", {"name": "x.test", "type": "A", "value": "192.0.2.1"}, "no public suffix"),
        ("POST", "/dns/records", {"name": 1, "type": "A", "value": "1"}, "cannot be 1. Set it to a string"),
        ("POST", "/dns/records", {"name": "mnexa.ai", "type": "A", "value": "1", "x": 1}, "Unknown member"),
        (
            "POST",
            "/dns/records",
            {"name": "mnexa.ai", "type": "TXT", "value": "x", "servers": ["ns9.dns-host.com"]},
            "does not serve mnexa.ai. Use ns1.dns-host.com, ns2.dns-host.com",
        ),
        ("POST", "/dns/records", {"name": "mnexa.ai", "type": "A", "value": "1", "ttl": -1}, "The TTL -1 is"),
        ("DELETE", "/dns/records", {"name": "nobody.com"}, "No zone holds nobody.com"),
        ("PUT", "/dns/zones/test", {}, "no public suffix"),
        ("PUT", "/dns/zones/mnexa.ai", {"soa_minimum": -1}, "soa_minimum is -1"),
        ("GET", "/dns/zones/nobody.com", None, "There is no zone nobody.com"),
        ("DELETE", "/dns/zones/nobody.com", None, "There is no zone nobody.com"),
        ("POST", "/dns/zonefile", {"apex": "mnexa.ai", "text": "@ IN A nonsense"}, "zone file is not valid"),
        ("POST", "/dns/faults", {"kind": "servfail"}, "Set name, zone or server"),
        ("POST", "/dns/faults", {"kind": "nonsense", "name": "mnexa.ai"}, "one of servfail, timeout"),
        ("POST", "/dns/faults", {"kind": "servfail", "server": "ns9.com"}, "There is no server ns9.com"),
        ("POST", "/dns/faults", {"kind": "servfail", "name": "mnexa.ai", "count": 0}, "count is 0. Use 1"),
        ("DELETE", "/dns/faults/nonsense", None, "There is no DNS fault nonsense"),
        ("POST", "/clock", {"advance_seconds": -1}, "only goes forward"),
        ("POST", "/clock", {"advance_seconds": "an hour"}, "Set it to a number"),
        ("GET", "/mailbox/emails/nonsense", None, "There is no email nonsense"),
        ("GET", "/nonsense", None, "GET / lists every call"),
        ("PATCH", "/clock", None, "GET / lists every call"),
    ],
)
async def test_a_wrong_call_gets_a_message_that_says_what_to_do(
    control: SandboxClient, method: str, path: str, body: Json | None, message: str
) -> None:
    with pytest.raises(SandboxError) as refused:
        await control.call(method, path, body)

    assert message in str(refused.value)


@pytest.mark.parametrize("raw", [b"not json", b"[]", b"\xff"])
async def test_a_body_that_is_not_a_json_object_is_rejected(addresses: Addresses, raw: bytes) -> None:
    url = f"{addresses.control}/dns/records"
    async with aiohttp.ClientSession() as session, session.post(url, data=raw) as answer:
        content = await answer.json()

    assert (answer.status, "JSON" in content["error"]) == (400, True)
