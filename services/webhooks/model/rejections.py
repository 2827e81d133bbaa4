"""Why a message is rejected before it is stored. Pure."""

from typing import Literal, TypeAlias

Reason: TypeAlias = Literal[
    "too_large",
    "malformed",
    "foreign_topic",
    "no_notification",
    "raw_delivery",
    "certificate_url",
    "signature_version",
    "signature",
    "stale",
    "certificate_missing",
    "certificate_untrusted",
    "certificate_unavailable",
    "no_rule",
    "foreign_source",
    "foreign_account",
    "foreign_region",
    "queue_policy",
    "queue_policy_unavailable",
]


class Rejected(ValueError):
    """The message is rejected, for `reason`."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason)
        self.reason: Reason = reason


class Forged(Rejected):
    """The message cannot be from our topic or rule, even if our configuration is wrong."""


class Unproven(Rejected):
    """The message may be genuine, but a setting, a clock or its certificate prevents verification."""


class Unverifiable(Rejected):
    """The message cannot be verified now because what proves it is unavailable."""
