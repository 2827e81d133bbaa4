"""The sending limits of tenants from the settings, stored where SQL statements can use them."""

from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from chassis.config import setting
from chassis.database import Database, Queries

QUERIES = Queries.load(Path(__file__).with_name("limits.sql"))


@dataclass(frozen=True, kw_only=True)
class Limits:
    """The limits of a tenant that has none of its own in identity.tenants."""

    tenant_send_rate: float | None = setting(
        None, help="recipients per second of one tenant; unset: SES's rate", minimum=0.01
    )
    tenant_daily_limit: int | None = setting(
        None, help="recipients per day (UTC) of one tenant; unset: no limit"
    )
    new_tenant_limit: int | None = setting(None, help="daily limit while a tenant is new; unset: no limit")
    new_tenant_age: timedelta = setting(
        timedelta(days=14), help="seconds for which a tenant counts as new", minimum=timedelta(0)
    )
    slowed_send_rate: float = setting(
        1.0, help="recipients per second of a tenant slowed down for a poor reputation", minimum=0.01
    )


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
