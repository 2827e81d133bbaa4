"""Which service owns each event, which message it carries, and which services consume it.

NATS permissions, outboxes and consumers all follow these lists. All but `CONSUMED` come from the option
`event` of the messages in letterhead/events/v1.
"""

from collections.abc import Iterator, Mapping
from importlib import import_module
from pkgutil import iter_modules

from google.protobuf.descriptor import Descriptor

from letterhead.events import v1
from letterhead.events.v1.options_pb2 import EventOptions, event

# The durable consumers of each service, by name.
CONSUMED: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "verifier": {"claims": ("domain.provisioned", "domain.deleted")},
    "sender": {
        "domains": ("domain.ready",),
        "notices": (
            "contact.confirmation_requested", "contact.confirmed", "contact.removed",
            "domain.challenged", "domain.kept", "domain.superseded", "endpoint.disabled", "endpoint.failing",
        ),
        "feedback": (
            "bounce.received", "complaint.received", "delivery.received", "delay.received",
            "reject.received", "rendering.failed", "open.received", "click.received",
        ),
    },
    "deliverer": {
        "events": (
            "domain.created", "domain.provisioned", "domain.ready", "domain.degraded", "domain.lost",
            "domain.failed", "domain.deleted",
            "email.scheduled", "email.sent", "email.delivered", "email.delivery_delayed", "email.bounced",
            "email.complained", "email.failed", "email.expired", "email.suppressed", "email.held",
            "email.canceled",
            "suppression.added", "suppression.removed",
        ),
    },
}  # fmt: skip


def _messages() -> Iterator[Descriptor]:
    """Yield the messages of letterhead.events.v1 in the order of the .proto files."""
    modules = sorted(each.name for each in iter_modules(v1.__path__) if each.name.endswith("_pb2"))
    for name in modules:
        yield from import_module(f"{v1.__name__}.{name}").DESCRIPTOR.message_types_by_name.values()


def _options(message: Descriptor) -> EventOptions:
    return message.GetOptions().Extensions[event]


def _with_tenant(tenant: EventOptions.Tenant.ValueType) -> frozenset[str]:
    return frozenset(subject for subject, each in MESSAGES.items() if _options(each).tenant == tenant)


# The message of each event.
MESSAGES: Mapping[str, Descriptor] = {
    _options(message).subject: message for message in _messages() if message.GetOptions().HasExtension(event)
}
# The subject of each message, by its full name in the contract.
SUBJECTS: Mapping[str, str] = {message.full_name: subject for subject, message in MESSAGES.items()}
# The owner of an event is the only service that may publish it.
OWNERS: Mapping[str, str] = {subject: _options(message).owner for subject, message in MESSAGES.items()}
# A service that only consumes events is also a user of NATS.
PUBLISHED: Mapping[str, tuple[str, ...]] = {
    service: tuple(subject for subject, owner in OWNERS.items() if owner == service)
    for service in sorted({*OWNERS.values(), *CONSUMED})
}
KINDS = tuple(sorted({subject.partition(".")[0] for subject in OWNERS}))

# Events about the whole installation, which have no tenant.
INSTALLATION_WIDE = _with_tenant(EventOptions.TENANT_NONE)
# SES also reports on email without our tags; such an event has neither an email nor a tenant.
TENANT_IF_KNOWN = _with_tenant(EventOptions.TENANT_IF_KNOWN)


def durable(service: str, name: str) -> str:
    """Return the name under which JetStream knows a service's consumer."""
    return f"{service}-{name}"
