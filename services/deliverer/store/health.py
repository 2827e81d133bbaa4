"""The health of endpoints: what their answers say about them."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from uuid import UUID

from chassis.database import Connection, Queries
from chassis.events import Outbox
from services.deliverer.events import endpoint_disabled, endpoint_failing
from services.deliverer.model.health import streak_of
from services.deliverer.model.messages import Attempt

QUERIES = Queries.load(Path(__file__).with_name("health.sql"))

# An endpoint is warned about and disabled when nothing but failures came from it for so long.
WARNED_AFTER, DISABLED_AFTER = timedelta(days=1), timedelta(days=5)
LEAST_TO_WARN, LEAST_TO_DISABLE = 3, 10


class HealthStore:
    """Records answers, and publishes what they mean for an endpoint in the same transaction."""

    def __init__(self, outbox: Outbox) -> None:
        self._outbox = outbox

    async def record(self, connection: Connection, attempts: Sequence[Attempt]) -> Mapping[UUID, str]:
        """Record answers, oldest first; return the endpoints that they disable, with the reasons."""
        await _record(connection, attempts)
        failures = _failures(attempts)
        if not failures:
            return {}
        disabled = await _disabled(connection, failures)
        warned = await _warned(connection, [each for each in failures if each not in disabled])
        await self._outbox.write(
            connection,
            *(endpoint_disabled(failures[each], reason) for each, reason in disabled.items()),
            *(endpoint_failing(failures[each], since) for each, since in warned.items()),
        )
        return disabled


async def _record(connection: Connection, attempts: Iterable[Attempt]) -> None:
    by_endpoint = defaultdict(list)
    for each in attempts:
        by_endpoint[each.message.endpoint_id, each.message.tenant_id].append(each.answer)
    streaks = [streak_of(answers) for answers in by_endpoint.values()]
    await connection.execute(
        *QUERIES.record(
            endpoint_ids=[endpoint_id for endpoint_id, _ in by_endpoint],
            tenant_ids=[tenant_id for _, tenant_id in by_endpoint],
            succeeded=[each.succeeded for each in streaks],
            failed=[each.failed for each in streaks],
            failures=[each.failures for each in streaks],
            timeouts=[each.timeouts for each in streaks],
        )
    )


def _failures(attempts: Iterable[Attempt]) -> dict[UUID, Attempt]:
    """Return one failed attempt of each endpoint; if it answered that it is gone, that one."""
    found: dict[UUID, Attempt] = {}
    for each in attempts:
        earlier = found.get(each.message.endpoint_id)
        if not each.answer.ok and not (earlier and earlier.answer.gone):
            found[each.message.endpoint_id] = each
    return found


async def _disabled(connection: Connection, failures: Mapping[UUID, Attempt]) -> dict[UUID, str]:
    reasons = {
        endpoint_id: "GONE" if each.answer.gone else "FAILING" for endpoint_id, each in failures.items()
    }
    query = QUERIES.disable(
        endpoint_ids=list(reasons),
        reasons=list(reasons.values()),
        failing=DISABLED_AFTER,
        least=LEAST_TO_DISABLE,
    )
    return {row["endpoint_id"]: reasons[row["endpoint_id"]] for row in await connection.fetch(*query)}


async def _warned(connection: Connection, endpoint_ids: Sequence[UUID]) -> dict[UUID, datetime]:
    query = QUERIES.warn(endpoint_ids=list(endpoint_ids), failing=WARNED_AFTER, least=LEAST_TO_WARN)
    return {row["endpoint_id"]: row["failing_since"] for row in await connection.fetch(*query)}
