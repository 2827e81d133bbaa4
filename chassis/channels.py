"""Channels to other services: over every replica, tried again where one is away, back soon after it is."""

import json
from collections.abc import Sequence
from typing import Any

import grpc

from chassis.config import MEBIBYTE

ATTEMPTS = 4
LARGEST_ANSWER = 48 * MEBIBYTE  # an email with its bodies

# A call is made again only where its server is away; creates carry a request_id, so none is done twice.
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
                "retryableStatusCodes": ["UNAVAILABLE"],
            },
        }
    ],
}
# Without a limit of ours gRPC waits up to two minutes before it looks again for a server that was away.
_OPTIONS: list[tuple[str, Any]] = [
    ("grpc.service_config", json.dumps(_SERVICE_CONFIG)),
    ("grpc.initial_reconnect_backoff_ms", 200),
    ("grpc.max_reconnect_backoff_ms", 2_000),
    ("grpc.keepalive_time_ms", 20_000),
    ("grpc.keepalive_timeout_ms", 10_000),
    ("grpc.max_receive_message_length", LARGEST_ANSWER),
]


def opened(addresses: str, interceptors: Sequence[grpc.aio.ClientInterceptor] = ()) -> grpc.aio.Channel:
    """Opens a channel to one service, for `async with`; `addresses` is name:port, or host:port of several."""
    return grpc.aio.insecure_channel(_target(addresses), options=_OPTIONS, interceptors=interceptors)


def _target(addresses: str) -> str:
    """Turns host:port pairs into a gRPC target; several become one target with all of them."""
    numeric = addresses.replace(",", "").replace(".", "").replace(":", "").isdigit()
    return f"ipv4:{addresses}" if numeric else addresses
