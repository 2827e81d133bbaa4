"""A service as a process: startup, logs and shutdown."""

import asyncio
import json
import resource
import sys
import urllib.request
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import timedelta
from itertools import groupby
from pathlib import Path
from typing import Any

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from cli.embedded import Postgres
from cli.server_process import free_port
from tests.integration.chassis.probe import get_tenant
from tests.stores import FreshDatabase
from tests.waiting import eventually

CODE = {
    "SERVING": health_pb2.HealthCheckResponse.SERVING,
    "NOT_SERVING": health_pb2.HealthCheckResponse.NOT_SERVING,
}


@asynccontextmanager
async def a_process(environ: Mapping[str, str]) -> AsyncIterator[asyncio.subprocess.Process]:
    """Run the probe service as a child process."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.integration.chassis.probe"),
        env={"PATH": "", **{f"LETTERHEAD_{name}": value for name, value in environ.items()}},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    yield process
    if process.returncode is None:
        process.kill()
        await process.wait()


@pytest.fixture
def environ(database: FreshDatabase, tmp_path: Path) -> dict[str, str]:
    """Return the settings of the probe, with free ports."""
    url = tmp_path / "url"
    url.write_text(database.url("identity"))
    return {
        "GRPC_PORT": str(free_port()),
        "GRPC_HOST": "127.0.0.1",
        "GRPC_PLAINTEXT": "true",
        "HEALTH_PORT": str(free_port()),
        "DATABASE_URL_FILE": str(url),
    }


async def health(environ: Mapping[str, str], service: str = "") -> int | None:
    async with grpc.aio.insecure_channel(f"127.0.0.1:{environ['HEALTH_PORT']}") as channel:
        try:
            request = health_pb2.HealthCheckRequest(service=service)
            return int((await health_pb2_grpc.HealthStub(channel).Check(request, timeout=2)).status)
        except grpc.aio.AioRpcError:
            return None


async def test_sigterm_shuts_the_service_down_gracefully(environ: dict[str, str]) -> None:
    """Consecutive equal actions count once: on a busy machine health may change several times at startup."""
    async with a_process(environ) as process:
        await eventually(lambda: _is(environ, "SERVING"))

        process.terminate()
        out, err = await asyncio.wait_for(process.communicate(), timeout=10)

    assert (process.returncode, err) == (0, b"")
    actions = [action for action, _ in groupby(json.loads(line)["action"] for line in out.splitlines())]
    assert actions == ["server_started", "health_changed", "server_draining", "server_stopped"]


async def test_the_service_raises_its_limit_of_open_files(environ: dict[str, str]) -> None:
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (512, limits[1]))
    async with a_process(environ) as process:
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)
        await eventually(lambda: _is(environ, "SERVING"))

        assert resource.prlimit(process.pid, resource.RLIMIT_NOFILE) == (limits[1], limits[1])


async def test_invalid_settings_are_all_reported_and_exit_with_78(environ: dict[str, str]) -> None:
    del environ["DATABASE_URL_FILE"]
    async with a_process(environ | {"GRPC_PORT": "x"}) as process:
        _, err = await asyncio.wait_for(process.communicate(), timeout=10)

    assert process.returncode == 78
    assert [line.split()[0] for line in err.decode().splitlines()] == [
        "LETTERHEAD_GRPC_PORT:",
        "LETTERHEAD_DATABASE_URL_FILE",
    ]


async def test_a_port_in_use_is_reported_and_exits_with_78(environ: dict[str, str]) -> None:
    async with a_process(environ):
        await eventually(lambda: _is(environ, "SERVING"))
        async with a_process(environ) as second:
            _, err = await asyncio.wait_for(second.communicate(), timeout=10)

    assert second.returncode == 78
    assert "the port is in use" in err.decode()


async def test_the_service_starts_without_postgres_and_serves_once_it_is_up(
    environ: dict[str, str], postgres: Postgres
) -> None:
    postgres.stop()
    try:
        async with a_process(environ) as process:
            await eventually(lambda: _is(environ, "NOT_SERVING"))
            assert await health(environ, "liveness") == CODE["SERVING"]
            postgres.restart()
            await eventually(lambda: _is(environ, "SERVING"))
            assert process.returncode is None
    finally:
        postgres.restart()


async def test_each_call_is_logged_as_one_line_without_its_content(environ: dict[str, str]) -> None:
    async with a_process(environ) as process:
        await eventually(lambda: _is(environ, "SERVING"))
        async with grpc.aio.insecure_channel(f"127.0.0.1:{environ['GRPC_PORT']}") as channel:
            await get_tenant(
                channel, "canary-body", key="lh_canary-token", metadata=[("x-request-id", "r-7")]
            )
        process.terminate()
        out, _ = await asyncio.wait_for(process.communicate(), timeout=10)

    [line] = [line for line in map(json.loads, out.splitlines()) if line["action"] == "rpc_served"]
    assert _without(line, "at", "milliseconds") == {
        "action": "rpc_served",
        "code": "OK",
        "level": "info",
        "logger": "chassis.interceptors",
        "message": "RPC finished",
        "method": "/letterhead.identity.v1.TenantService/GetTenant",
        "request_id": "r-7",
        "service": "chassis",
    }
    assert b"canary" not in out


async def _is(environ: Mapping[str, str], status: str) -> bool:
    return bool(await health(environ) == CODE[status])


def _without(line: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: value for name, value in line.items() if name not in names}


async def test_a_process_reports_the_name_of_its_service(environ: dict[str, str]) -> None:
    port = free_port()

    def shown() -> str:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as answer:
                return str(answer.read().decode())
        except OSError:
            return ""

    async with a_process(environ | {"METRICS_PORT": str(port)}):
        text = await eventually(lambda: asyncio.to_thread(shown), within=timedelta(seconds=30))

    assert 'letterhead_process_info{process="chassis"} 1.0' in text
