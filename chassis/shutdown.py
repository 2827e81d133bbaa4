"""Shutdown of a process: which signals end it, and in which order its server drains."""

import asyncio
import gc
import signal
from contextlib import AbstractAsyncContextManager
from datetime import timedelta
from typing import Any

import grpc

from chassis.health import Health
from chassis.open_streams import OpenStreams
from chassis.telemetry import get_logger

log = get_logger(__name__)


async def run_until_signal(service: AbstractAsyncContextManager[Any]) -> None:
    """Run a service until SIGTERM or SIGINT, then exit its context, which drains; a second signal kills."""
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()

    def end(signum: int) -> None:
        loop.remove_signal_handler(signum)
        ended.set()

    for signum in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(signum, end, signum)
    async with service:
        gc.freeze()  # exclude the objects of startup, which live until exit, from every later collection
        await ended.wait()


async def drain(
    server: grpc.aio.Server, health: Health, streams: OpenStreams, stop: asyncio.Event, limit: timedelta
) -> None:
    """Become NOT_SERVING, stop the background tasks, end streams, and give calls up to `limit` to finish."""
    log.info("draining", action="server_draining")
    await health.end()
    stop.set()
    streams.end_all()
    await server.stop(limit.total_seconds())
    log.info("stopped", action="server_stopped")
