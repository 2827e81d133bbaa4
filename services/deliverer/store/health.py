"""The health of endpoints: whether posts succeed, and whether they are disabled because none does."""

from datetime import timedelta
from pathlib import Path

from chassis.database import Connection, Queries
from services.deliverer.model.messages import Answer, Leased

QUERIES = Queries.load(Path(__file__).with_name("health.sql"))

# An endpoint is disabled when nothing but failures came from it for so long, and not fewer than so many.
FAILING = timedelta(days=5)
LEAST_FAILURES = 10


async def record(connection: Connection, message: Leased, answer: Answer) -> str:
    """Record an answer; return the reason for which it disables the endpoint, empty if it does not."""
    of = {"endpoint_id": message.endpoint_id, "tenant_id": message.tenant_id}
    if answer.ok:
        await connection.execute(*QUERIES.record_success(**of))
        return ""
    await connection.execute(*QUERIES.record_failure(**of, timed_out=answer.timed_out))
    reason = "GONE" if answer.gone else "FAILING"
    query = QUERIES.disable(
        endpoint_id=message.endpoint_id, reason=reason, failing=FAILING, least=LEAST_FAILURES
    )
    return reason if await connection.fetchval(*query) else ""
