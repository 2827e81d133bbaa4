"""Who may do what at NATS, as nats-server's configuration says it.

Made from the list in `subjects`: a service publishes its own events, uses its own durable consumers and reads
its own inbox. One user manages the stream; subscribers only read. The keys are not here: the configuration
names variables, and each installation defines them (`nkeys_file`).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from chassis.events.subjects import CONSUMED, PUBLISHED, durable

# Whoever may configure the stream can rewrite what is published on it, so exactly one user may. identity
# already creates every tenant and key: a break-in there gains nothing by it.
STREAM_MANAGER = "identity"
# Other services of the platform, `letterhead events tail` and `letterhead doctor`.
SUBSCRIBER = "subscriber"
STREAM = "LETTERHEAD"

API = "$JS.API"


@dataclass(frozen=True)
class Permissions:
    """Subjects that a user may publish to and subscribe to; `forbidden` overrules `publish`."""

    publish: tuple[str, ...]
    subscribe: tuple[str, ...]
    forbidden: tuple[str, ...] = ()


EVERYTHING = Permissions((">",), (">",))

Consumers = Mapping[str, Mapping[str, tuple[str, ...]]]


def inbox_prefix(user: str) -> str:
    """Return the first token of the subjects at which a user receives replies; no other may read them."""
    return f"_INBOX_{user}"


def permissions(
    stream: str = STREAM, prefix: str = "", consumed: Consumers = CONSUMED
) -> dict[str, Permissions]:
    """Return every user's permissions on a stream; `*` and `*.` stand for any stream and any prefix."""
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
    """Return what it takes to create a durable pull consumer, read from it and acknowledge."""
    return (
        f"{API}.CONSUMER.DURABLE.CREATE.{stream}.{consumer}",
        f"{API}.CONSUMER.INFO.{stream}.{consumer}",
        f"{API}.CONSUMER.MSG.NEXT.{stream}.{consumer}",
        f"$JS.ACK.{stream}.{consumer}.>",
    )


def _subscriber(stream: str, durables: Iterable[str]) -> Permissions:
    """Return what subscribers may: create consumers of any name but a service's, and use them.

    A wildcard of NATS stands for a whole token, so a prefix of consumer names cannot be demanded.
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
    """Write the part of nats-server's configuration that says who may do what."""
    written = "\n".join(_user(name, each) for name, each in users.items())
    return f"authorization {{\n  users: [\n{written}\n  ]\n}}\n"


def nkeys_file(public_keys: Mapping[str, str]) -> str:
    """Write the part that defines each user's public key; it is included before the other one."""
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
