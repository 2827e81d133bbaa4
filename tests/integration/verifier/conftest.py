"""The verifier's outside: a pretend Internet of name servers, and a resolver that walks it."""

from collections.abc import AsyncIterator

import pytest

from sandbox.dns import Internet
from services.verifier.resolver import Resolver, ResolverSettings


@pytest.fixture
async def internet() -> AsyncIterator[Internet]:
    """A pretend Internet whose name servers listen."""
    internet = Internet()
    async with internet.listening():
        yield internet


@pytest.fixture
def resolver(internet: Internet) -> Resolver:
    """A resolver that knows that Internet's root and nothing else, and loses patience soon."""
    settings = ResolverSettings(
        roots=[internet.root], port=internet.port, allowed_networks=["127.0.0.0/8"], timeout=0.2, tries=2
    )
    return Resolver(settings)
