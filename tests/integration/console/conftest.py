"""console at its door: its services are away, so that nothing but the door answers."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import httpx
import pytest

from chassis import config
from cli.server_process import HOST, free_port
from services.console.__main__ import Config, running

SECRET = "s" * 32


def settings(**more: Any) -> Config:
    """How the service is set up; its peers are where nobody listens."""
    port = free_port()
    given = {
        "process": config.Process(),
        "tls": config.Tls(grpc_plaintext=True),
        "console_host": HOST,
        "console_port": port,
        "public_url": f"http://{HOST}:{port}",
        "session_secret": config.Secret(SECRET),
        "identity_address": f"{HOST}:1",
        "verifier_address": f"{HOST}:1",
        "sender_address": f"{HOST}:1",
    }
    return Config(**{**given, **more})


@asynccontextmanager
async def a_console(**changes: Any) -> AsyncIterator[httpx.AsyncClient]:
    """Runs the service; gives a client that a browser would be."""
    chosen = replace(settings(), **changes)
    async with (
        running(chosen) as port,
        httpx.AsyncClient(base_url=f"http://{HOST}:{port}", timeout=20) as client,
    ):
        yield client


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    """Somebody at the door."""
    async with a_console() as client:
        yield client
