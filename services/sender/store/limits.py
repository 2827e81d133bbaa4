"""The sending limits of tenants from the settings, stored where SQL statements can use them."""

from pathlib import Path

from chassis.database import Database, Queries
from services.sender.config import Limits

QUERIES = Queries.load(Path(__file__).with_name("limits.sql"))


class LimitStore:
    """Stores the settings; if replicas have different ones, the last to write wins."""

    def __init__(self, database: Database, limits: Limits) -> None:
        self._database = database
        self._limits = limits

    async def declare(self) -> bool:
        """Store the settings; return False: the work is done."""
        limits = self._limits
        await self._database.execute(
            *QUERIES.declare_limits(
                max_send_rate=limits.tenant_send_rate,
                daily_limit=limits.tenant_daily_limit,
                new_tenant_limit=limits.new_tenant_limit,
                new_tenant_age=limits.new_tenant_age,
                slowed_rate=limits.slowed_send_rate,
            )
        )
        return False
