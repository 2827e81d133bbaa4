"""Looks at NATS: whether it answers, and the stream is there with all its copies."""

import asyncio

from nats.aio.client import Client
from nats.errors import Error as NatsError
from nats.js.api import StreamInfo
from nats.js.errors import NotFoundError

from chassis.config import Nats
from chassis.events.authorization import SUBSCRIBER
from chassis.events.stream import credentials
from cli.doctor.findings import Finding, away, reason, well, wrong
from cli.events import hush

ANSWER_SECONDS = 5


async def look_at_nats(wire: Nats) -> list[Finding]:
    """What there is to say of the stream."""
    client = Client()
    try:
        async with asyncio.timeout(ANSWER_SECONDS):
            await client.connect(**credentials(wire, SUBSCRIBER), max_reconnect_attempts=1, error_cb=hush)
            info = await client.jetstream().stream_info(wire.nats_stream)
        return [_finding(wire, info)]
    except NotFoundError:
        note = f"NATS answers, and has no stream {wire.nats_stream}"
        return [
            wrong("nats", note, "The services make it; their logs say why not: `nats_lost`, `trouble_began`.")
        ]
    except (OSError, NatsError, TimeoutError) as error:
        note = f"NATS cannot be reached: {reason(error)}"
        return [away("nats", note, "Nothing is lost meanwhile: docs/runbooks/events-are-not-published.md.")]
    finally:
        await client.close()


def _finding(wire: Nats, info: StreamInfo) -> Finding:
    remedy = "See `nats stream info`, and the servers' logs."
    if info.cluster and not info.cluster.leader:
        return wrong("nats", f"the stream {wire.nats_stream} has no leader", remedy)
    peers = (info.cluster.replicas or []) if info.cluster else []
    behind = [peer.name or "" for peer in peers if peer.offline or not peer.current]
    if behind:
        return wrong("nats", f"copies of {wire.nats_stream} are away or behind: {', '.join(behind)}", remedy)
    copies = info.config.num_replicas or 1
    return well("nats", f"the stream {wire.nats_stream} has {info.state.messages} events, copies: {copies}")
