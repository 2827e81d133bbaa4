"""Checks NATS: that it answers, and that the stream exists with all its replicas."""

import asyncio

from nats.aio.client import Client
from nats.errors import Error as NatsError
from nats.js.api import StreamInfo
from nats.js.errors import NotFoundError

from chassis.config import Nats
from chassis.events.authorization import SUBSCRIBER
from chassis.events.stream import credentials
from cli.doctor.findings import Finding, reason, unavailable, well, wrong
from cli.events import hush

ANSWER_SECONDS = 5


async def check_nats(wire: Nats) -> list[Finding]:
    """Check the connection and the stream; return one finding."""
    client = Client()
    try:
        async with asyncio.timeout(ANSWER_SECONDS):
            await client.connect(**credentials(wire, SUBSCRIBER), max_reconnect_attempts=1, error_cb=hush)
            info = await client.jetstream().stream_info(wire.nats_stream)
        return [_finding(wire, info)]
    except NotFoundError:
        note = f"NATS has no stream {wire.nats_stream}"
        remedy = "The services create it. See `nats_disconnected` or `retry_started` in their logs."
        return [wrong("nats", note, remedy)]
    except (OSError, NatsError, TimeoutError) as error:
        note = f"cannot reach NATS: {reason(error)}"
        remedy = "No event is lost meanwhile. See docs/runbooks/events-are-not-published.md."
        return [unavailable("nats", note, remedy)]
    finally:
        await client.close()


def _finding(wire: Nats, info: StreamInfo) -> Finding:
    remedy = "Check `nats stream info` and the servers' logs."
    if info.cluster and not info.cluster.leader:
        return wrong("nats", f"the stream {wire.nats_stream} has no leader", remedy)
    peers = (info.cluster.replicas or []) if info.cluster else []
    behind = [peer.name or "" for peer in peers if peer.offline or not peer.current]
    if behind:
        return wrong(
            "nats", f"replicas of {wire.nats_stream} are offline or behind: {', '.join(behind)}", remedy
        )
    replicas = info.config.num_replicas or 1
    return well(
        "nats", f"the stream {wire.nats_stream} has {info.state.messages} events, replicas: {replicas}"
    )
