"""gRPC channels to other services: balanced over replicas, with retries and quick reconnects."""

import asyncio
import json
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Self

import grpc

from chassis.config import MEBIBYTE, ConfigError, Tls
from chassis.telemetry import get_logger
from chassis.tls import Files, channel_credentials

log = get_logger(__name__)
ATTEMPTS = 4
CHECKED_EVERY = 1.0  # seconds between checks of the TLS files
GRACE = 300.0  # seconds for calls on a replaced channel; servers close connections at this age too
LARGEST_ANSWER = 48 * MEBIBYTE  # an email with its bodies

# UNAVAILABLE is retried, and CANCELLED, which a server that stops returns for calls that it has not taken yet
# (https://github.com/grpc/grpc/issues/41785). gRPC does not retry a call that its caller canceled. Retries of
# create calls are safe because they carry a request_id.
_SERVICE_CONFIG = {
    "loadBalancingConfig": [{"round_robin": {}}],
    "methodConfig": [
        {
            "name": [{}],
            "retryPolicy": {
                "maxAttempts": ATTEMPTS,
                "initialBackoff": "0.2s",
                "maxBackoff": "2s",
                "backoffMultiplier": 2,
                "retryableStatusCodes": ["UNAVAILABLE", "CANCELLED"],
            },
        }
    ],
}
# By default gRPC backs off for up to two minutes before it reconnects to a server that was down.
_OPTIONS: list[tuple[str, Any]] = [
    ("grpc.service_config", json.dumps(_SERVICE_CONFIG)),
    ("grpc.initial_reconnect_backoff_ms", 200),
    ("grpc.max_reconnect_backoff_ms", 2_000),
    ("grpc.keepalive_time_ms", 20_000),
    ("grpc.keepalive_timeout_ms", 10_000),
    ("grpc.max_receive_message_length", LARGEST_ANSWER),
]


def opened(
    addresses: str, tls: Tls, interceptors: Sequence[grpc.aio.ClientInterceptor] = ()
) -> grpc.aio.Channel:
    """Open a channel to one service, for `async with`; `addresses` is name:port, or several ip:port.

    Raises ConfigError if a TLS file cannot be read.
    """
    target = _target(addresses)
    if tls.grpc_plaintext:
        return grpc.aio.insecure_channel(target, options=_OPTIONS, interceptors=interceptors)
    files = Files(tls)

    def connect() -> grpc.aio.Channel:
        credentials = channel_credentials(files)
        return grpc.aio.secure_channel(target, credentials, options=_OPTIONS, interceptors=interceptors)

    return _Renewing(connect, files.changed)


class _Renewing(grpc.aio.Channel):
    """A TLS channel that reconnects when its certificate files change: gRPC clients read them only once."""

    def __init__(self, connect: Callable[[], grpc.aio.Channel], changed: Callable[[], bool]) -> None:
        self._connect = connect
        self._changed = changed
        self._channel = connect()
        self._closing: set[asyncio.Task[None]] = set()
        self._check_at = time.monotonic() + CHECKED_EVERY

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self, grace: float | None = None) -> None:
        """Close the channel, and replaced channels that still have calls in flight."""
        for task in self._closing:
            task.cancel()
        await self._channel.close(grace)

    def get_state(self, try_to_connect: bool = False) -> grpc.ChannelConnectivity:  # noqa: FBT001, FBT002 - gRPC's
        """Return the state of the newest channel."""
        return self._channel.get_state(try_to_connect)

    async def wait_for_state_change(self, last_observed_state: grpc.ChannelConnectivity) -> None:
        """Wait on the newest channel."""
        await self._channel.wait_for_state_change(last_observed_state)

    async def channel_ready(self) -> None:
        """Wait until the newest channel is connected."""
        await self._channel.channel_ready()

    def unary_unary(self, *method: Any, **options: Any) -> Any:
        """Return a callable that calls the method on the newest channel."""
        return partial(self._call, "unary_unary", method, options)

    def unary_stream(self, *method: Any, **options: Any) -> Any:
        """Return a callable that calls the method on the newest channel."""
        return partial(self._call, "unary_stream", method, options)

    def stream_unary(self, *method: Any, **options: Any) -> Any:
        """Return a callable that calls the method on the newest channel."""
        return partial(self._call, "stream_unary", method, options)

    def stream_stream(self, *method: Any, **options: Any) -> Any:
        """Return a callable that calls the method on the newest channel."""
        return partial(self._call, "stream_stream", method, options)

    def _call(
        self, shape: str, method: tuple[Any, ...], options: dict[str, Any], *call: Any, **more: Any
    ) -> Any:
        return getattr(self._newest(), shape)(*method, **options)(*call, **more)

    def _newest(self) -> grpc.aio.Channel:
        now = time.monotonic()
        if now >= self._check_at:
            self._check_at = now + CHECKED_EVERY
            if self._changed():
                self._renew()
        return self._channel

    def _renew(self) -> None:
        try:
            renewed = self._connect()
        except ConfigError as error:
            log.warning("TLS reload failed", action="tls_reload_failed", problem=error.problems[0])
            return
        task = asyncio.create_task(self._channel.close(GRACE))
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)
        self._channel = renewed


def _target(addresses: str) -> str:
    """Return the gRPC target for the addresses: several ip:port pairs become one `ipv4:` target."""
    numeric = addresses.replace(",", "").replace(".", "").replace(":", "").isdigit()
    return f"ipv4:{addresses}" if numeric else addresses
