"""NATS is deployed with the users and permissions of the code, and in production with TLS."""

import os
from pathlib import Path

import nkeys
import pytest

from chassis.events.authorization import SUBSCRIBER
from chassis.events.subjects import PUBLISHED
from cli.nkeys import PUBLIC_KEYS
from sandbox.aws.certificates import open_certificates
from scripts.dev_secrets import secrets
from scripts.nats_authorization import document
from tests.contract.manifests import OVERLAYS, Overlay, built, run_tool


@pytest.fixture(params=OVERLAYS)
def overlay(request: pytest.FixtureRequest) -> Overlay:
    return built(request.param)


def test_every_service_has_its_own_key_at_nats() -> None:
    files = secrets()
    public = files["letterhead-nats"][PUBLIC_KEYS].splitlines()

    for service in (*PUBLISHED, SUBSCRIBER):
        key = nkeys.from_seed(files[f"letterhead-{service}"]["nats-seed"].encode())
        assert f"nkey_{service}: {key.public_key.decode()}" in public
    assert len(set(public)) == len(PUBLISHED) + 1


def test_nats_accepts_its_configuration(overlay: Overlay, tmp_path: Path) -> None:
    """Check the files as mounted: ConfigMap and public keys in one directory, certificates in another."""
    tls = open_certificates(tmp_path, "us-east-1")
    certificates = {"tls.crt": tls.tls_cert, "tls.key": tls.tls_key, "ca.crt": tls.ca}
    for name, text in (config_map(overlay, "nats") | secrets()["letterhead-nats"]).items():
        for file, path in certificates.items():
            text = text.replace(f"/etc/nats-tls/{file}", str(path))
        (tmp_path / name).write_text(text)
    path = tmp_path / "nats.conf"

    done = run_tool("nats-server", "-t", "-c", str(path), environ={"POD_NAME": "nats-0", "PATH": os.defpath})

    assert done.returncode == 0, done.stderr


def test_nats_permissions_are_up_to_date_with_the_code() -> None:
    for name in OVERLAYS:
        assert config_map(built(name), "nats")["authorization.conf"] == document()


def config_map(overlay: Overlay, name: str) -> dict[str, str]:
    """Return the files of a ConfigMap; `name` is its name without the hash."""
    [data] = [
        each["data"]
        for each in overlay.kind("ConfigMap")
        if each["metadata"]["name"].rpartition("-")[0] == name
    ]
    files: dict[str, str] = data
    return files


def test_nats_uses_tls_in_production_and_services_verify_it() -> None:
    production = built("production")

    assert config_map(production, "nats")["nats.conf"].count("tls {") == 2  # clients, and routes
    for service, workload in production.services():
        environment = production.environment(workload)
        if service in PUBLISHED:
            assert environment["LETTERHEAD_NATS_URL"].startswith("tls://")
            assert environment["LETTERHEAD_NATS_TLS_CA_FILE"] == "/nats-ca/ca.crt"
