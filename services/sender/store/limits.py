"""What a tenant may send, as the settings have it; kept where the claim and every reader find it."""

from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from chassis.config import setting
from chassis.database import Database, Queries

QUERIES = Queries.load(Path(__file__).with_name("limits.sql"))


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What one tenant may send where identity.tenants says nothing of it."""

    tenant_send_rate: float | None = setting(
        None, help="recipients a second of one tenant; none: as SES takes them", minimum=0.01
    )
    tenant_daily_limit: int | None = setting(
        None, help="recipients a day (UTC) of one tenant; none: no limit"
    )
    new_tenant_limit: int | None = setting(None, help="the same while a tenant is new; none: no limit")
    new_tenant_age: timedelta = setting(
        timedelta(days=14), help="seconds that a tenant is new", minimum=timedelta(0)
    )
    slowed_send_rate: float = setting(
        1.0, help="recipients a second of a tenant that is slowed down for ill repute", minimum=0.01
    )


class LimitStore:
    """Writes the settings down; of replicas whose settings differ, the last one's are in force."""

    def __init__(self, database: Database, limits: Limits) -> None:
        self._database = database
        self._limits = limits

    async def declare(self) -> bool:
        """Write them; says that there is no more to do."""
        limits = self._limits
        await self._database.execute(
            QUERIES.declare_limits,
            limits.tenant_send_rate,
            limits.tenant_daily_limit,
            limits.new_tenant_limit,
            limits.new_tenant_age,
            limits.slowed_send_rate,
        )
        return False
