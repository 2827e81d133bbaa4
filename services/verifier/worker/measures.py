"""What operators watch of the SES account, as SES last told it. Decides nothing."""

from prometheus_client import Gauge

from chassis.access import EVERYTHING
from services.verifier.model.account import AccountState
from services.verifier.store.views import ViewStore

STATE = Gauge("letterhead_ses_account", "1 for the state that the SES account is in", ["region", "state"])
QUOTA = Gauge("letterhead_ses_quota_recipients", "Most recipients in 24 hours; -1: no limit", ["region"])
SENT = Gauge("letterhead_ses_sent_recipients", "Recipients sent to in the last 24 hours", ["region"])


class Measures:
    """Takes the measures; every replica shows the same."""

    def __init__(self, store: ViewStore) -> None:
        self._store = store

    async def take(self) -> bool:
        """Take them all; there is never more to do at once."""
        for row in await self._store.list_accounts(EVERYTHING):
            region = row["region"]
            for state in AccountState:
                STATE.labels(region, state).set(row["state"] == state)
            QUOTA.labels(region).set(row["max_24_hour_send"])
            SENT.labels(region).set(row["sent_last_24_hours"])
        return False
