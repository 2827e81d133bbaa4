"""Print the Secrets of overlays/dev with new keys, as JSON for `kubectl apply -f -`.

Use it only for development: the Postgres of overlays/dev does not require a password.
"""

import json
import sys
from secrets import token_urlsafe

from chassis.access import generate_key
from chassis.events.authorization import SUBSCRIBER
from cli.nkeys import PUBLIC_KEYS, generate_keys, public_keys

NAMESPACE = "letterhead"
SERVICES = ("identity", "verifier", "sender", "webhooks")


def secrets() -> dict[str, dict[str, str]]:
    """Return the files of each Secret by its name."""
    files = {f"letterhead-{name}": {"database-url": database_url(f"letterhead_{name}")} for name in SERVICES}
    files["letterhead-migrate"] = {"database-url": database_url("postgres")}
    admin_key, service_key = (generate_key()[0] for _ in range(2))
    files["letterhead-identity"] |= {"admin-key": admin_key, "service-key": service_key}
    files["letterhead-verifier"] |= {"service-key": service_key}
    files["letterhead-sender"] |= {"service-key": service_key}
    keys = generate_keys([*SERVICES, SUBSCRIBER])
    for name in SERVICES:
        files[f"letterhead-{name}"]["nats-seed"] = keys[name].seed
    files["letterhead-nats"] = {PUBLIC_KEYS: public_keys(keys)}
    files["letterhead-subscriber"] = {"nats-seed": keys[SUBSCRIBER].seed}  # for other teams' services
    files["letterhead-console"] = {"session-secret": token_urlsafe(32)}
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
