"""NATS permissions of each service, as nats-server configuration.

Generated from the list in `subjects`: a service publishes its own events, uses its own durable consumers and
reads its own inbox. One user manages the stream; subscribers only read. The configuration does not contain
the keys: it refers to variables, which each installation defines (`nkeys_file`).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from chassis.events.subjects import CONSUMED, PUBLISHED, durable

# A user that can configure the stream can rewrite what is published on it, so only one user can. identity
# already creates every tenant and key, so an attacker who controls it gains nothing from this permission.
STREAM_MANAGER = "identity"
# Other services of the platform, `letterhead events tail` and `letterhead doctor`.
SUBSCRIBER = "subscriber"
STREAM = "LETTERHEAD"

API = "$JS.API"


@dataclass(frozen=True)
class Permissions:
    """Subjects that a user may publish to and subscribe to; `forbidden` overrides `publish`."""

    publish: tuple[str, ...]
    subscribe: tuple[str, ...]
    forbidden: tuple[str, ...] = ()


EVERYTHING = Permissions((">",), (">",))

Consumers = Mapping[str, Mapping[str, tuple[str, ...]]]


def inbox_prefix(user: str) -> str:
    """Return the first token of the subjects on which a user receives replies; others may not read them."""
    return f"_INBOX_{user}"


def permissions(
    stream: str = STREAM, prefix: str = "", consumed: Consumers = CONSUMED
) -> dict[str, Permissions]:
    """Return every user's permissions on a stream; use `*` and `*.` for any stream and any prefix."""
    users = {service: _service(service, stream, prefix, consumed.get(service, {})) for service in PUBLISHED}
    theirs = [durable(service, name) for service, names in consumed.items() for name in names]
    return users | {SUBSCRIBER: _subscriber(stream, theirs)}


def _service(service: str, stream: str, prefix: str, consumers: Iterable[str]) -> Permissions:
    events = [prefix + subject for subject in PUBLISHED[service]]
    manages = [f"{API}.STREAM.{verb}.{stream}" for verb in ("CREATE", "UPDATE")]
    durables = [durable(service, name) for name in consumers]
    return Permissions(
        publish=(
            *events,
            f"{API}.STREAM.INFO.{stream}",
            *(manages if service == STREAM_MANAGER else ()),
            *(subject for each in durables for subject in _use(stream, each)),
        ),
        subscribe=(f"{inbox_prefix(service)}.>",),
    )


def _use(stream: str, consumer: str) -> tuple[str, ...]:
    """Return the subjects needed to create a durable pull consumer, read from it and acknowledge."""
    return (
        f"{API}.CONSUMER.DURABLE.CREATE.{stream}.{consumer}",
        f"{API}.CONSUMER.INFO.{stream}.{consumer}",
        f"{API}.CONSUMER.MSG.NEXT.{stream}.{consumer}",
        f"$JS.ACK.{stream}.{consumer}.>",
    )


def _subscriber(stream: str, durables: Iterable[str]) -> Permissions:
    """Return the permissions of subscribers: create and use consumers, except those of services.

    A NATS wildcard matches a whole token, so permissions cannot require a prefix of the consumer name.
    """
    return Permissions(
        publish=(
            f"{API}.STREAM.INFO.{stream}",
            f"{API}.CONSUMER.CREATE.{stream}",
            f"{API}.CONSUMER.CREATE.{stream}.>",
            f"{API}.CONSUMER.DELETE.{stream}.*",
            f"$JS.FC.{stream}.>",
            *_use(stream, "*"),
        ),
        forbidden=tuple(
            subject
            for each in durables
            for subject in (
                *_use(stream, each),
                f"{API}.CONSUMER.CREATE.{stream}.{each}",
                f"{API}.CONSUMER.CREATE.{stream}.{each}.>",
                f"{API}.CONSUMER.DELETE.{stream}.{each}",
                f"$JS.FC.{stream}.{each}.>",
            )
        ),
        subscribe=(f"{inbox_prefix(SUBSCRIBER)}.>",),
    )


def authorization_file(users: Mapping[str, Permissions]) -> str:
    """Return the `authorization` block of the nats-server configuration."""
    blocks = "\n".join(_user(name, each) for name, each in users.items())
    return f"authorization {{\n  users: [\n{blocks}\n  ]\n}}\n"


def nkeys_file(public_keys: Mapping[str, str]) -> str:
    """Return the part that defines each user's public key; include it before the `authorization` block."""
    return "".join(f"{_variable(name)}: {key}\n" for name, key in public_keys.items())


def _user(name: str, granted: Permissions) -> str:
    lists = [
        _list("allow", granted.publish),
        *([_list("deny", granted.forbidden)] if granted.forbidden else []),
    ]
    return (
        f"    {{\n      nkey: ${_variable(name)}\n      permissions: {{\n"
        f"        publish: {{\n{''.join(lists)}        }}\n"
        f"        subscribe: {{\n{_list('allow', granted.subscribe)}        }}\n      }}\n    }}"
    )


def _list(verb: str, subjects: Iterable[str]) -> str:
    lines = "".join(f'            "{subject}"\n' for subject in subjects)
    return f"          {verb}: [\n{lines}          ]\n"


def _variable(user: str) -> str:
    return f"nkey_{user}"
