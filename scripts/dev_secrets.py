"""Print the Secrets of overlays/dev with new keys, as JSON for `kubectl apply -f -`.

Use it only for development: the Postgres of overlays/dev does not require a password.
"""

import json
import sys
from collections.abc import Iterable
from secrets import token_urlsafe

from chassis.access import generate_key
from chassis.events.authorization import SUBSCRIBER
from chassis.sealing import generate_key as generate_webhook_key
from cli.nkeys import PUBLIC_KEYS, generate_keys, public_keys
from services import PROCESSES, Process

NAMESPACE = "letterhead"


def secrets(processes: Iterable[Process] = PROCESSES) -> dict[str, dict[str, str]]:
    """Return the files of each Secret by its name."""
    processes = tuple(processes)
    keys = generate_keys([*(each.name for each in processes if each.schema), SUBSCRIBER])
    shared = {
        "admin-key": generate_key()[0],
        "service-key": generate_key()[0],
        "session-secret": token_urlsafe(32),
        "webhook-keys": generate_webhook_key(),
    }
    files = {"letterhead-migrate": {"database-url": database_url("postgres")}}
    for process in processes:
        values = shared
        if role := process.role():
            own = {"database-url": database_url(role), "nats-seed": keys[process.name].seed}
            values = shared | own
        files[f"letterhead-{process.name}"] = {name: values[name] for name in process.secrets}
    files["letterhead-nats"] = {PUBLIC_KEYS: public_keys(keys)}
    files["letterhead-subscriber"] = {"nats-seed": keys[SUBSCRIBER].seed}  # for other teams' services
    return files


def database_url(role: str) -> str:
    """Return the URL with which a role connects to the Postgres of postgres-dev."""
    return f"postgresql://{role}@postgres:5432/letterhead"


def manifest(name: str, files: dict[str, str]) -> dict[str, object]:
    """Return the manifest of one Secret."""
    metadata = {"name": name, "namespace": NAMESPACE}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "stringData": files}


if __name__ == "__main__":
    items = [manifest(name, files) for name, files in secrets().items()]
    json.dump({"apiVersion": "v1", "kind": "List", "items": items}, sys.stdout, indent=2)
