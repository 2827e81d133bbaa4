"""Gauges of SES accounts, from SES's last responses, and of domains that wait for SES. Decides nothing."""

from chassis.access import EVERYTHING
from services.verifier.metrics import ACCOUNT_QUOTA, ACCOUNT_SENT, ACCOUNT_STATE, OLDEST_WAIT
from services.verifier.model.account import AccountState
from services.verifier.store.views import ViewStore


class AccountGauges:
    """Updates the gauges; every replica exports the same values."""

    def __init__(self, store: ViewStore) -> None:
        self._store = store

    async def update(self) -> bool:
        """Update all gauges; return False because no further run is due at once."""
        waits = await self._store.longest_waits()
        for row in await self._store.list_accounts(EVERYTHING):
            region = row["region"]
            for state in AccountState:
                ACCOUNT_STATE.labels(region, state).set(row["state"] == state)
            ACCOUNT_QUOTA.labels(region).set(row["max_24_hour_send"])
            ACCOUNT_SENT.labels(region).set(row["sent_last_24_hours"])
            OLDEST_WAIT.labels(region).set(waits[region].total_seconds() if region in waits else 0)
        return False
