"""A body is read only after its key was validated, and a tenant's slow uploads do not block others."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import timedelta

import pytest

from chassis.access import Scope, generate_key
from chassis.client import CallFailed
from chassis.config import MEBIBYTE
from cli.server_process import HOST, free_port
from services.console.callers import Callers
from services.console.stubs import open_stubs
from tests.factories import a_key, a_tenant
from tests.integration.console.conftest import Known, an_identity, settings
from tests.stores import FreshDatabase
from tests.streams import FreshStream
from tests.waiting import eventually

LARGE = 40_000_000

Stream = tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def begin(known: Known, key: str, size: int, sent: bytes = b"{") -> Stream:
    """Open a request and send the start of its body."""
    url = known.client.base_url
    reader, writer = await asyncio.open_connection(url.host, url.port)
    writer.write(
        b"POST /emails HTTP/1.1\r\nhost: %s\r\nauthorization: Bearer %s\r\ncontent-length: %d\r\n\r\n%s"
        % (url.netloc, key.encode(), size, sent)
    )
    return reader, writer


async def status(stream: Stream) -> int:
    line = await asyncio.wait_for(stream[0].readline(), 20)
    stream[1].close()
    return int(line.split()[1])


@pytest.mark.parametrize("size", [10, 70_000, 40_000_000])
async def test_a_request_with_an_unknown_key_is_rejected_before_its_body_arrives(
    known: Known, size: int
) -> None:
    assert await status(await begin(known, generate_key()[0], size)) == 403


@pytest.mark.parametrize("scope", [Scope.FULL_ACCESS, Scope.SENDING_ACCESS])
async def test_a_body_of_a_valid_key_is_awaited(known: Known, scope: Scope) -> None:
    stream = await begin(known, await known.a_key(scope), 2)

    stream[1].write(b"]")

    assert await status(stream) == 400


async def test_a_tenants_slow_uploads_do_not_block_another_tenant(known: Known) -> None:
    tenant, other = await a_tenant(known.database), await known.a_key()
    keys = [await known.a_key(scope, tenant) for scope in (Scope.FULL_ACCESS, Scope.SENDING_ACCESS)]
    async with AsyncExitStack() as held:
        for key in keys * 3:
            _, writer = await begin(known, key, LARGE)
            held.callback(writer.close)
        body = b" " * (2 * MEBIBYTE)

        assert await status(await begin(known, other, len(body), body)) == 400


async def test_a_body_without_a_length_is_read(known: Known) -> None:
    client = await known.with_key()

    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(40):
            yield b" " * 4000

    assert (await client.post("/emails", content=pieces())).status_code == 400


async def test_a_body_over_the_limit_of_its_endpoint_is_rejected(known: Known) -> None:
    client = await known.with_key()

    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(300):
            yield b" " * 4000

    for content in (b" " * 1_200_000, pieces()):
        answer = await client.post("/domains", content=content)
        assert (answer.status_code, answer.json()["statusCode"]) == (413, 413)


async def test_a_revoked_key_is_rejected(known: Known) -> None:
    client = await known.with_key()
    assert (await client.post("/emails", content=b"")).status_code == 400
    await known.database.execute("UPDATE identity.api_keys SET revoked_at = now()")

    async def is_refused() -> bool:
        return (await client.post("/emails", content=b"")).status_code == 403

    await eventually(is_refused)


async def test_a_recently_valid_key_is_accepted_while_identity_is_down(
    database: FreshDatabase, stream: FreshStream
) -> None:
    key, port = await a_key(database, await a_tenant(database), Scope.FULL_ACCESS), free_port()
    chosen = settings(identity_address=f"{HOST}:{port}")
    async with open_stubs(chosen) as stubs:
        callers = Callers(stubs, fresh=timedelta(0))
        async with an_identity(database, stream, port):
            tenant = await callers.tenant_of(key)

        assert await callers.tenant_of(key) == tenant
        with pytest.raises(CallFailed, match="is not responding"):
            await callers.tenant_of(generate_key()[0])
