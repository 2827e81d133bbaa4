"""The SES account: its status, its rates and its suppression list."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sandbox.aws.config import AwsConfig
from sandbox.aws.errors import not_found
from sandbox.aws.pages import page
from sandbox.aws.service import Call, Params
from sandbox.aws.throttle import Bucket, Quota
from sandbox.clock import Clock


@dataclass(slots=True)
class Suppression:
    """An address on the suppression list, with the reason and the time it was added."""

    address: str
    reason: str
    at: datetime
    message_id: str | None = None
    feedback_id: str | None = None


class Account:
    """The account's status and rates, and the handlers of GetAccount and the PutAccount operations."""

    def __init__(self, config: AwsConfig, clock: Clock) -> None:
        self.production_access = config.production_access
        self.sending_enabled = True
        self.enforcement_status = "HEALTHY"
        self.max_24_hour_send = config.max_24_hour_send
        self.suppressed_reasons = ["BOUNCE", "COMPLAINT"]
        self.quota = Quota(clock)
        self.send_bucket = Bucket(clock, rate=config.max_send_rate, capacity=max(1.0, config.max_send_rate))

    def set_send_rate(self, rate: float) -> None:
        """Set MaxSendRate, in recipients per second, from now on."""
        self.send_bucket.set_rate(rate, max(1.0, rate))

    def to_json(self) -> dict[str, Any]:
        """Return the account as the control API shows it."""
        return {
            "production_access": self.production_access,
            "sending_enabled": self.sending_enabled,
            "enforcement_status": self.enforcement_status,
            "max_send_rate": self.send_bucket.rate,
            "max_24_hour_send": self.max_24_hour_send,
            "sent_last_24_hours": self.quota.used(),
        }

    async def get_account(self, call: Call) -> Params:  # noqa: ARG002 - all handlers have the same signature
        return {
            "DedicatedIpAutoWarmupEnabled": False,
            "EnforcementStatus": self.enforcement_status,
            "ProductionAccessEnabled": self.production_access,
            "SendQuota": {
                "Max24HourSend": self.max_24_hour_send,
                "MaxSendRate": self.send_bucket.rate,
                "SentLast24Hours": float(self.quota.used()),
            },
            "SendingEnabled": self.sending_enabled,
            "SuppressionAttributes": {"SuppressedReasons": self.suppressed_reasons},
            "VdmAttributes": {"VdmEnabled": "DISABLED"},
        }

    async def put_account_sending_attributes(self, call: Call) -> Params:
        self.sending_enabled = call.get("SendingEnabled", False)
        return {}

    async def put_account_suppression_attributes(self, call: Call) -> Params:
        self.suppressed_reasons = call.get("SuppressedReasons", [])
        return {}


class SuppressionList:
    """The account's suppression list, and the handlers of its four operations."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._entries: dict[str, Suppression] = {}

    def find(self, address: str) -> Suppression | None:
        """Return the entry of an address, or None if it is not suppressed."""
        return self._entries.get(address.lower())

    def add(
        self, address: str, reason: str, message_id: str | None = None, feedback_id: str | None = None
    ) -> None:
        """Suppress an address for BOUNCE or COMPLAINT."""
        entry = Suppression(address, reason, self._clock.now(), message_id, feedback_id)
        self._entries[address.lower()] = entry

    async def put_suppressed_destination(self, call: Call) -> Params:
        self.add(call["EmailAddress"], call["Reason"])
        return {}

    async def get_suppressed_destination(self, call: Call) -> Params:
        entry = self._get(call)
        attributes = {"MessageId": entry.message_id, "FeedbackId": entry.feedback_id}
        known = {name: value for name, value in attributes.items() if value}
        return {"SuppressedDestination": _summary(entry) | ({"Attributes": known} if known else {})}

    async def delete_suppressed_destination(self, call: Call) -> Params:
        del self._entries[self._get(call).address.lower()]
        return {}

    async def list_suppressed_destinations(self, call: Call) -> Params:
        reasons = call.get("Reasons") or ["BOUNCE", "COMPLAINT"]
        start, end = call.get("StartDate"), call.get("EndDate")
        rows = [
            entry
            for entry in self._entries.values()
            if entry.reason in reasons and (not start or entry.at >= start) and (not end or entry.at <= end)
        ]
        chosen, next_token = page(rows, call.get("PageSize"), call.get("NextToken"))
        return {"SuppressedDestinationSummaries": [_summary(entry) for entry in chosen]} | next_token

    def _get(self, call: Call) -> Suppression:
        entry = self.find(call["EmailAddress"])
        if entry is None:
            raise not_found("Email address", call["EmailAddress"])
        return entry


def _summary(entry: Suppression) -> Params:
    return {"EmailAddress": entry.address, "Reason": entry.reason, "LastUpdateTime": entry.at}
