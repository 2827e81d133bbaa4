"""Metrics of the SES account, from SES's last response. Decides nothing."""

from prometheus_client import Gauge

from chassis.access import EVERYTHING
from services.verifier.model.account import AccountState
from services.verifier.store.views import ViewStore

STATE = Gauge("letterhead_ses_account", "1 for the state that the SES account is in", ["region", "state"])
QUOTA = Gauge("letterhead_ses_quota_recipients", "Maximum recipients in 24 hours; -1: no limit", ["region"])
SENT = Gauge("letterhead_ses_sent_recipients", "Recipients sent to in the last 24 hours", ["region"])


class Measures:
    """Updates the metrics; every replica exports the same values."""

    def __init__(self, store: ViewStore) -> None:
        self._store = store

    async def take(self) -> bool:
        """Update all metrics; return False because no further run is due at once."""
        for row in await self._store.list_accounts(EVERYTHING):
            region = row["region"]
            for state in AccountState:
                STATE.labels(region, state).set(row["state"] == state)
            QUOTA.labels(region).set(row["max_24_hour_send"])
            SENT.labels(region).set(row["sent_last_24_hours"])
        return False
