"""Compares the manifests, as kubectl builds them, with the list of processes. See `process_checks`."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from cli.environments import address_variable, secret_variable
from cli.nkeys import PUBLIC_KEYS
from scripts import dev_secrets
from services import Process
from tests.contract.manifests import Manifest, Overlay, Workload, built
from tests.contract.process_checks import Check, Processes, differences, names
from tests.contract.sources import ROOT

POSTGRES, NATS, HTTPS = 5432, 4222, 443
ANYWHERE, PUBLIC, DNS = "any address", "public addresses", "DNS of the cluster"
# The ports on which pods of other namespaces may connect, by the label of the namespace.
OUTSIDE = {"grpc": "letterhead-client", "http": "letterhead-ingress", "metrics": "letterhead-metrics"}
# The stores that an overlay may run itself, and their ports.
STORES = {"nats": "client", "postgres": "postgres"}


def deployments(processes: Processes) -> Iterator[str]:
    """Compare each process with its Deployment and the objects that belong to it."""
    for name in ("dev", "production"):
        overlay = built(name)
        workloads = dict(overlay.services())
        yield from differences(f"overlay {name}", workloads, names(processes))
        for process in processes:
            if workload := workloads.get(process.name):
                found = _objects(overlay, workload) | _traffic(overlay, workload, process)
                wanted = _wanted_objects(process, processes) | _wanted_traffic(process, overlay)
                yield from _unlike(f"{process.name} in {name}", found, wanted)


def production(processes: Processes) -> Iterator[str]:
    """Compare with what only production has: TLS, roles at AWS, disruption budgets, autoscalers."""
    overlay = built("production")
    accounts = {each["metadata"]["name"]: each["metadata"] for each in overlay.kind("ServiceAccount")}
    roles = [name for name, metadata in accounts.items() if metadata.get("annotations")]
    wanted = {each.name for each in processes if each.aws} | {"doctor"}
    yield from differences("components/irsa", roles, wanted)
    for kind in ("PodDisruptionBudget", "HorizontalPodAutoscaler"):
        found = {each["metadata"]["name"] for each in overlay.kind(kind)}
        yield from differences(f"kind {kind}", found - {"nats"}, names(processes))
    mounts = {name: workload.mounted_secrets() for name, workload in overlay.services()}
    certificates = {name: secrets["/tls"] for name, secrets in mounts.items() if "/tls" in secrets}
    yield from _unlike(
        "components/grpc-tls", certificates, {each: f"letterhead-{each}-tls" for each in names(processes)}
    )
    ca = [name for name, secrets in mounts.items() if secrets.get("/nats-ca") == "letterhead-nats-tls"]
    yield from differences("components/nats-cluster", ca, (each.name for each in processes if each.schema))


def certificates(processes: Processes) -> Iterator[str]:
    """Compare with the certificates that cert-manager issues, each for the name that clients dial."""
    text = (ROOT / "deploy/components/cert-manager/certificates.yaml").read_text()
    issued = {
        each["spec"]["secretName"]: each["spec"]["dnsNames"][0]
        for each in yaml.safe_load_all(text)
        if each["kind"] == "Certificate" and not each["spec"].get("isCA")
    }
    wanted = {f"letterhead-{each}-tls": each for each in (*names(processes), "nats")}
    yield from _unlike("components/cert-manager", issued, wanted)


def alerts(processes: Processes) -> Iterator[str]:
    """Compare with the processes whose absence from the metrics means that a service is down."""
    text = (ROOT / "deploy/components/alerts/alerts.yaml").read_text()
    watched = re.findall(r'absent\(letterhead_process_info\{process="(\w+)"\}\)', text)
    yield from differences("components/alerts", watched, names(processes))


def development_secrets(processes: Processes) -> Iterator[str]:
    """Compare the Secrets that scripts/dev_secrets.py generates with those that the overlay mounts."""
    overlay = built("dev")
    mounted: dict[str, set[str]] = {}
    for workload in overlay.workloads:
        if workload.mounted_files():
            continue  # doctor has files of other workloads' Secrets, and none of its own
        for directory, secret in workload.mounted_secrets().items():
            paths = [value for value in overlay.environment(workload).values() if value.startswith(directory)]
            mounted[secret] = {Path(path).name for path in paths}
    mounted["letterhead-nats"] = {PUBLIC_KEYS}  # included by nats.conf
    mounted["letterhead-subscriber"] = {"nats-seed"}  # for other services of the platform
    generated = {name: set(files) for name, files in dev_secrets.secrets(processes).items()}
    yield from _unlike("overlays/dev", mounted, generated)


def _unlike(where: str, found: Mapping[str, Any], wanted: Mapping[str, Any]) -> Iterator[str]:
    for what in sorted(found.keys() | wanted.keys()):
        if found.get(what) != wanted.get(what):
            yield f"{where}: {what} is {found.get(what)!r}, not {wanted.get(what)!r}"


def _wanted_objects(process: Process, processes: Processes) -> dict[str, Any]:
    """Return what the objects of a process should contain."""
    callees = {each.name: each.grpc_port for each in processes if each.name in process.calls}
    return {
        "Deployment": process.name,
        "ServiceAccount": process.name,
        "command": ["python", "-m", process.module],
        "ports": process.ports,
        "ports of the Service": {
            name: process.ports[name] for name in ("grpc", "http") if name in process.ports
        },
        "Secret": f"letterhead-{process.name}",
        "secret files": {secret_variable(each): f"/secrets/{each}" for each in process.secrets},
        "addresses": {address_variable(name): f"{name}:{port}" for name, port in callees.items()},
    }


def _objects(overlay: Overlay, workload: Workload) -> dict[str, Any]:
    """Return the same as found."""
    environment = overlay.environment(workload)
    services = [each for each in overlay.kind("Service") if each["metadata"]["name"] == workload.name]
    return {
        "Deployment": workload.name,
        "ServiceAccount": workload.pod["serviceAccountName"],
        "command": workload.containers[0]["command"],
        "ports": workload.ports(),
        "ports of the Service": {
            port["name"]: port["port"] for each in services for port in each["spec"]["ports"]
        },
        "Secret": workload.mounted_secrets().get("/secrets"),
        "secret files": {key: value for key, value in environment.items() if value.startswith("/secrets/")},
        "addresses": {key: value for key, value in environment.items() if key.endswith("_ADDRESS")},
    }


def _wanted_traffic(process: Process, overlay: Overlay) -> dict[str, Any]:
    """Return the traffic of a process that the network policies should allow."""
    stores = {(ANYWHERE, POSTGRES), (ANYWHERE, NATS)} if process.schema else set()
    aws = {(ANYWHERE, HTTPS)} if process.aws else set()
    inside = {each.name for each in overlay.workloads} & set(STORES)
    return {
        "connections": {(DNS, 53), *stores, *aws, *((PUBLIC, port) for port in process.internet_ports)},
        "callees": set(process.calls),
        "stores": inside if process.schema else set(),
        "callers": {(label, port) for port, label in OUTSIDE.items() if port in process.ports},
    }


def _traffic(overlay: Overlay, workload: Workload, process: Process) -> dict[str, Any]:
    """Return the same as found. Services may also call services that they do not call."""
    ways = set(_egress(overlay, workload))
    return {
        "connections": {(side, port) for side, port in ways if side in (ANYWHERE, PUBLIC, DNS)},
        "callees": {
            callee
            for callee in process.calls
            if (callee, "grpc") in ways and _admits(overlay, callee, workload, "grpc")
        },
        "stores": {store for store, port in STORES.items() if _admits(overlay, store, workload, port)},
        "callers": {
            (next(iter(peer["namespaceSelector"]["matchLabels"])), port["port"])
            for rule in _rules(overlay, workload, "ingress")
            for peer in rule["from"]
            for port in rule["ports"]
            if set(peer) == {"namespaceSelector"}
        },
    }


def _egress(overlay: Overlay, workload: Workload) -> Iterator[tuple[str, str | int]]:
    """Yield the other side and the port of each connection that a pod may open."""
    for rule in _rules(overlay, workload, "egress"):
        sides = [side for peer in rule.get("to", []) for side in _sides(overlay, peer)]
        for port in rule["ports"]:
            yield from ((side, port["port"]) for side in (sides if "to" in rule else [ANYWHERE]))


def _sides(overlay: Overlay, peer: Manifest) -> list[str]:
    if "ipBlock" in peer:
        return [PUBLIC]
    if "namespaceSelector" in peer:
        return [DNS]
    return [each.name for each in overlay.selected(peer["podSelector"])]


def _admits(overlay: Overlay, name: str, caller: Workload, port: str) -> bool:
    """Return whether the pods of one workload accept connections from those of another."""
    return any(
        caller in overlay.selected(peer["podSelector"])
        for workload in overlay.workloads
        if workload.name == name
        for rule in _rules(overlay, workload, "ingress")
        for peer in rule["from"]
        if set(peer) == {"podSelector"} and port in {each["port"] for each in rule["ports"]}
    )


def _rules(overlay: Overlay, workload: Workload, way: str) -> Iterator[Manifest]:
    """Yield the rules of one direction, `ingress` or `egress`, of the policies that select a workload."""
    for policy in overlay.kind("NetworkPolicy"):
        if workload in overlay.selected(policy["spec"]["podSelector"]):
            yield from policy["spec"].get(way, [])


DEPLOYMENT_CHECKS: tuple[Check, ...] = (deployments, production, certificates, alerts, development_secrets)
