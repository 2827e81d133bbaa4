"""The environment of each process of a stack, as ConfigMaps and Secrets would provide it on a cluster."""

from collections.abc import Callable, Mapping
from pathlib import Path

import msgspec

from chassis.config import PREFIX, SECRET_SUFFIX
from chassis.regions import AwsRegion
from cli.server_process import HOST
from services import Process

REGION = "us-east-1"
ACCOUNT = "123456789012"
SHARED_DOMAIN = "send.e2a.dev"
# The second region, of another AWS account. A domain is in one region, so the shared domain is another one.
SECOND_REGION = "eu-west-1"
SECOND_ACCOUNT = "210987654321"
SECOND_SHARED_DOMAIN = "send-eu.e2a.dev"
SHARED_BRAND = "e2a"

Addresses = Mapping[str, str]


def address_variable(process: str) -> str:
    """Return the variable with the address of a process, which the processes that call it read."""
    return f"{PREFIX}{process.upper()}_ADDRESS"


def secret_variable(secret: str) -> str:
    """Return the variable with the path of a file of a Secret."""
    return PREFIX + secret.upper().replace("-", "_") + SECRET_SUFFIX


def access_key(process: str) -> str:
    """Return the id of the access key with which a process calls the sandbox's AWS."""
    return f"sandbox-{process}"


def environment(process: Process, port: int, addresses: Addresses, secrets: Path) -> dict[str, str]:
    """Return the environment of a process that listens on `port`.

    `addresses` are those of the stack, by name; `secrets` is the directory with the files of its Secret.
    """
    values = {"LETTERHEAD_GRPC_PLAINTEXT": "true", "LETTERHEAD_LOG_FORMAT": "text"}
    values |= {address_variable(each): addresses[each] for each in process.calls}
    values |= {secret_variable(each): str(secrets / each) for each in process.secrets}
    if process.grpc_port:
        values |= {"LETTERHEAD_GRPC_HOST": HOST, "LETTERHEAD_GRPC_PORT": str(port)}
    if process.schema:
        values |= {"LETTERHEAD_NATS_URL": f"nats://{addresses['nats']}"}
    if process.aws:
        values |= _aws(addresses) | {"AWS_ACCESS_KEY_ID": access_key(process.name)}
    own = _OWN.get(process.name)
    return values | (own(addresses, port) if own else {})


def second_region(endpoint_url: str) -> str:
    """Return the second region in the form of LETTERHEAD_MORE_REGIONS."""
    region = AwsRegion(
        account=SECOND_ACCOUNT,
        region=SECOND_REGION,
        endpoint_url=endpoint_url,
        shared_domain=SECOND_SHARED_DOMAIN,
    )
    return msgspec.json.encode([region]).decode()


def _aws(addresses: Addresses) -> dict[str, str]:
    return {
        "LETTERHEAD_AWS_REGION": REGION,
        "LETTERHEAD_AWS_ACCOUNT": ACCOUNT,
        "LETTERHEAD_AWS_ENDPOINT_URL": addresses["ses"],
        "LETTERHEAD_MORE_REGIONS": addresses["more_regions"],
        "AWS_SECRET_ACCESS_KEY": "sandbox",
        "AWS_EC2_METADATA_DISABLED": "true",
    }


def _verifier(addresses: Addresses, _port: int) -> dict[str, str]:
    root, port = addresses["dns"].split(":")
    return {
        "LETTERHEAD_DNS_ROOTS": root,
        "LETTERHEAD_DNS_PORT": port,
        "LETTERHEAD_DNS_ALLOWED_NETWORKS": "127.0.0.0/8",
    }


def _sender(_addresses: Addresses, _port: int) -> dict[str, str]:
    return {"LETTERHEAD_SHARED_DOMAIN": SHARED_DOMAIN, "LETTERHEAD_SHARED_BRAND": SHARED_BRAND}


def _webhooks(addresses: Addresses, _port: int) -> dict[str, str]:
    return _destinations(addresses) | {
        "LETTERHEAD_FEEDBACK_WAIT": "1",
        "LETTERHEAD_FEEDBACK_SIGNATURES": "enforce",
        "LETTERHEAD_SNS_CERTIFICATE_ADDRESS": addresses["sns_certificates"],
        "LETTERHEAD_SNS_CA_FILE": addresses["sns_ca_file"],
    }


def _deliverer(addresses: Addresses, _port: int) -> dict[str, str]:
    recursor, port = addresses["recursor"].split(":")
    return _destinations(addresses) | {
        "LETTERHEAD_WEBHOOK_NAMESERVER": f"{recursor}:{port}",
        "LETTERHEAD_WEBHOOK_CA_FILE": addresses["sns_ca_file"],
    }


def _destinations(addresses: Addresses) -> dict[str, str]:
    """Return the settings that let events be posted to the sandbox's receiver, on this machine."""
    port = addresses["receiver"].rpartition(":")[2]
    return {
        "LETTERHEAD_WEBHOOK_PORTS": f"443,{port}",
        "LETTERHEAD_WEBHOOK_ALLOWED_NETWORKS": "127.0.0.0/8",
    }


def _console(addresses: Addresses, port: int) -> dict[str, str]:
    return {
        "LETTERHEAD_CONSOLE_HOST": HOST,
        "LETTERHEAD_CONSOLE_PORT": str(port),
        "LETTERHEAD_PUBLIC_URL": addresses["console"],
    }


# The settings that only one process reads.
_OWN: Mapping[str, Callable[[Addresses, int], dict[str, str]]] = {
    "verifier": _verifier,
    "sender": _sender,
    "webhooks": _webhooks,
    "deliverer": _deliverer,
    "console": _console,
}
