"""What the control API says to what it does not take; one sandbox hears it all."""

from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
import pytest_asyncio

from sandbox.client import Json, SandboxClient, SandboxRefused, connect_sandbox
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
    ("method", "path", "body", "told"),
    [
        ("POST", "/dns/records", {"name": "mnexa.ai", "type": "A"}, "'value' is missing: give a string"),
        ("POST", "/dns/records", {"name": "x.test", "type": "A", "value": "192.0.2.1"}, "no public suffix"),
        ("POST", "/dns/records", {"name": 1, "type": "A", "value": "1"}, "'name' cannot be 1: give a string"),
        ("POST", "/dns/records", {"name": "mnexa.ai", "type": "A", "value": "1", "x": 1}, "There is no 'x'"),
        (
            "POST",
            "/dns/records",
            {"name": "mnexa.ai", "type": "TXT", "value": "x", "servers": ["ns9.dns-host.com"]},
            "does not serve mnexa.ai: choose among ns1.dns-host.com, ns2.dns-host.com",
        ),
        ("POST", "/dns/records", {"name": "mnexa.ai", "type": "A", "value": "1", "ttl": -1}, "TTL is"),
        ("DELETE", "/dns/records", {"name": "nobody.com"}, "No zone holds nobody.com"),
        ("PUT", "/dns/zones/test", {}, "no public suffix"),
        ("PUT", "/dns/zones/mnexa.ai", {"soa_minimum": -1}, "soa_minimum is"),
        ("GET", "/dns/zones/nobody.com", None, "no such zone"),
        ("DELETE", "/dns/zones/nobody.com", None, "There is no zone nobody.com"),
        ("POST", "/dns/zonefile", {"apex": "mnexa.ai", "text": "@ IN A nonsense"}, "cannot be read"),
        ("POST", "/dns/faults", {"kind": "servfail"}, "needs a name, a zone or a server"),
        ("POST", "/dns/faults", {"kind": "nonsense", "name": "mnexa.ai"}, "give one of servfail, timeout"),
        ("POST", "/dns/faults", {"kind": "servfail", "server": "ns9.com"}, "No server is called ns9.com"),
        ("POST", "/dns/faults", {"kind": "servfail", "name": "mnexa.ai", "count": 0}, "1 or more"),
        ("DELETE", "/dns/faults/nonsense", None, "There is no DNS fault nonsense"),
        ("POST", "/clock", {"advance_seconds": -1}, "only goes forward"),
        ("POST", "/clock", {"advance_seconds": "an hour"}, "give a number"),
        ("GET", "/mailbox/emails/nonsense", None, "no such email"),
        ("GET", "/nonsense", None, "GET / lists every call"),
        ("PATCH", "/clock", None, "GET / lists every call"),
    ],
)
async def test_a_wrong_call_is_told_what_to_do(
    control: SandboxClient, method: str, path: str, body: Json | None, told: str
) -> None:
    with pytest.raises(SandboxRefused) as refused:
        await control.call(method, path, body)

    assert told in str(refused.value)


@pytest.mark.parametrize("octets", [b"not json", b"[]", b"\xff"])
async def test_a_body_that_is_no_json_object_is_refused(addresses: Addresses, octets: bytes) -> None:
    url = f"{addresses.control}/dns/records"
    async with aiohttp.ClientSession() as session, session.post(url, data=octets) as answer:
        told = await answer.json()

    assert (answer.status, "JSON" in told["error"]) == (400, True)
