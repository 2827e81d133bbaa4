"""Which service owns each event and which service consumes it.

NATS permissions, outboxes and consumers all follow this list. The contents of events are defined in
letterhead/events/v1.
"""

from collections.abc import Mapping

# The owner of an event is the only service that may publish it.
PUBLISHED: Mapping[str, tuple[str, ...]] = {
    "identity": (
        "domain.created", "domain.provisioned", "domain.deleted",
        "domain.proven", "domain.challenged", "domain.kept", "domain.superseded",
        "tenant.paused", "tenant.resumed",
    ),
    "verifier": (
        "domain.ready", "domain.degraded", "domain.lost", "domain.failed",
        "account.changed",
    ),
    "sender": (
        "email.sent", "email.failed", "email.suppressed", "email.held", "email.unknown", "email.expired",
        "email.canceled",
        "suppression.added", "suppression.removed",
        "tenant.warned", "tenant.slowed", "tenant.restored",
    ),
    "webhooks": (
        "bounce.received", "complaint.received", "delivery.received", "delay.received", "reject.received",
        "rendering.failed", "open.received", "click.received",
    ),
}  # fmt: skip
OWNERS: Mapping[str, str] = {
    subject: service for service, subjects in PUBLISHED.items() for subject in subjects
}
KINDS = tuple(sorted({subject.partition(".")[0] for subject in OWNERS}))

# The durable consumers of each service, by name.
CONSUMED: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "verifier": {"claims": ("domain.provisioned", "domain.deleted")},
    "sender": {
        "domains": ("domain.ready",),
        "feedback": (
            "bounce.received", "complaint.received", "delivery.received", "delay.received",
            "reject.received", "rendering.failed",
        ),
    },
}  # fmt: skip

# Events about the whole installation, which have no tenant.
INSTALLATION_WIDE = frozenset({"account.changed"})
# SES also reports on email without our tags; such an event has neither an email nor a tenant.
TENANT_IF_KNOWN = frozenset(PUBLISHED["webhooks"])


def durable(service: str, name: str) -> str:
    """Return the name under which JetStream knows a service's consumer."""
    return f"{service}-{name}"
