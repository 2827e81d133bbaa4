"""The health of endpoints: whether posts succeed, and whether they are disabled because none does."""

from datetime import timedelta
from pathlib import Path

from chassis.database import Connection, Queries
from chassis.events import Outbox
from services.deliverer.events import endpoint_disabled, endpoint_failing
from services.deliverer.model.messages import Answer, Leased

QUERIES = Queries.load(Path(__file__).with_name("health.sql"))

# An endpoint is warned about and disabled when nothing but failures came from it for so long.
WARNED_AFTER, DISABLED_AFTER = timedelta(days=1), timedelta(days=5)
LEAST_TO_WARN, LEAST_TO_DISABLE = 3, 10


class HealthStore:
    """Records answers, and publishes what they mean for an endpoint in the same transaction."""

    def __init__(self, outbox: Outbox) -> None:
        self._outbox = outbox

    async def record(self, connection: Connection, message: Leased, answer: Answer) -> str:
        """Record an answer; return the reason for which it disables the endpoint, empty if it does not."""
        of = {"endpoint_id": message.endpoint_id, "tenant_id": message.tenant_id}
        if answer.ok:
            await connection.execute(*QUERIES.record_success(**of))
            return ""
        await connection.execute(*QUERIES.record_failure(**of, timed_out=answer.timed_out))
        reason = "GONE" if answer.gone else "FAILING"
        disable = QUERIES.disable(
            endpoint_id=message.endpoint_id, reason=reason, failing=DISABLED_AFTER, least=LEAST_TO_DISABLE
        )
        if await connection.fetchval(*disable):
            await self._outbox.write(connection, endpoint_disabled(message, answer, reason))
            return reason
        warn = QUERIES.warn(endpoint_id=message.endpoint_id, failing=WARNED_AFTER, least=LEAST_TO_WARN)
        if since := await connection.fetchval(*warn):
            await self._outbox.write(connection, endpoint_failing(message, answer, since))
        return ""
