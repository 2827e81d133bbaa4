"""The types of webhook events, by the `type` that payloads have. Pure."""

from collections.abc import Mapping, Sequence

from letterhead.webhooks.v1 import webhook_service_pb2 as pb

TYPES: Mapping[str, pb.EventType.ValueType] = {
    name.removeprefix("EVENT_TYPE_").lower().replace("_", ".", 1): number
    for name, number in pb.EventType.items()
    if number
}
OF_TYPE = {number: name for name, number in TYPES.items()}
# Every type but that of SendTest, which an endpoint cannot choose.
CHOOSABLE = tuple(name for name, number in TYPES.items() if number != pb.EVENT_TYPE_WEBHOOK_TEST)
# The types that an endpoint can choose, by the noun that they are about.
GROUPS: Mapping[str, Sequence[str]] = {
    title: [name for name in CHOOSABLE if name.startswith(f"{noun}.")]
    for noun, title in (("email", "Emails"), ("domain", "Domains"), ("suppression", "Suppressions"))
}


def name_of(event_type: pb.EventType.ValueType) -> str:
    """Return the name of a type; a type that this version does not know has a general name."""
    return OF_TYPE.get(event_type, "event")
