"""The addresses of an installation, and the API keys to call it with.

`letterhead up` writes `.letterhead/sandbox.json`, and every other command reads it. LETTERHEAD_* variables
override it for an installation elsewhere.
"""

import json
import os
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, Self

from chassis.config import Nats, Secret, Tls, load, setting
from chassis.events.authorization import STREAM_MANAGER, SUBSCRIBER
from cli.environments import address_variable
from services import with_grpc

HOME = Path(".letterhead")
FILE = HOME / "sandbox.json"


class NoInstallation(Exception):
    """The installation is unknown or misconfigured; the message says what to do."""


@dataclass(frozen=True, kw_only=True)
class Overrides:
    """Settings of an installation other than the one that `letterhead up` runs here."""

    identity_address: str | None = setting(None, help="host:port of identity")
    verifier_address: str | None = setting(None, help="host:port of verifier")
    sender_address: str | None = setting(None, help="host:port of sender")
    webhooks_address: str | None = setting(None, help="host:port of webhooks")
    deliverer_address: str | None = setting(None, help="host:port of deliverer")
    public_url: str | None = setting(None, help="URL of console, https://…")
    nats_url: str | None = setting(None, help="one or more NATS URLs, separated by commas")
    nats_stream: str | None = setting(None, help="name of the JetStream stream")
    nats_seed: Secret | None = setting(
        None,
        help="file with the nkey seed of NATS's user `subscriber`, or in identity's environment, of identity",
    )
    nats_credentials: Secret | None = setting(None, help="file with NATS credentials (JWT and seed)")
    nats_tls_ca: Secret | None = setting(
        None, help="file with the CA certificates to verify NATS's certificate with"
    )
    api_key: Secret | None = setting(None, help="file with the API key to call with")
    admin_key: Secret | None = setting(
        None,
        help="file with the operator's key, as in identity's environment, to call with if no other is set",
    )
    grpc_ca_file: Path | None = setting(None, help="PEM file with the CA of the services' certificates")
    grpc_certificate_file: Path | None = setting(None, help="PEM file with a client certificate, for mTLS")
    grpc_key_file: Path | None = setting(None, help="PEM file with the key of the client certificate")
    grpc_plaintext: bool = setting(False, help="true: call the services without TLS")

    def given(self) -> dict[str, Any]:
        """Return the settings that are set, under the field names of Installation."""
        given = self.api_key or self.admin_key
        key = given.reveal() if given else None
        # A given key replaces all stored keys, which belong to another installation.
        keys = {"api_key": key, "admin_key": key, "sending_key": key} if key else {}
        values = keys | {each.name: getattr(self, f"{each.name}_address") for each in with_grpc()}
        values |= {
            "console": self.public_url,
            "nats": self.nats_url,
            "nats_stream": self.nats_stream,
            "nats_seed": self.nats_seed.reveal() if self.nats_seed else None,
            "nats_user": STREAM_MANAGER if self.admin_key else None,
            "nats_credentials": self.nats_credentials.reveal() if self.nats_credentials else None,
            "nats_tls_ca": self.nats_tls_ca.reveal() if self.nats_tls_ca else None,
        }
        return {name: value for name, value in values.items() if value} | self._transport()

    def _transport(self) -> dict[str, Any]:
        """Return all transport settings if any is set, so that none of the stored ones contradicts them."""
        if not (self.grpc_plaintext or self.grpc_ca_file):
            return {}
        files = ("grpc_ca_file", "grpc_certificate_file", "grpc_key_file")
        named = {name: str(getattr(self, name) or "") for name in files}
        return named | {"grpc_plaintext": self.grpc_plaintext}


@dataclass(frozen=True, kw_only=True)
class Installation:
    """Addresses and keys of one installation. URLs start with http; the rest are host:port."""

    identity: str
    verifier: str
    sender: str
    webhooks: str
    nats: str
    api_key: str
    admin_key: str = ""
    sending_key: str = ""
    tenant: str = ""
    console: str = ""
    control: str = ""
    mailbox: str = ""
    ses: str = ""
    more_regions: str = ""  # as in LETTERHEAD_MORE_REGIONS
    dns: str = ""
    recursor: str = ""
    smtp: str = ""
    receiver: str = ""  # of webhooks, in the sandbox
    deliverer: str = ""  # it has no RPCs for callers: only doctor calls it
    postgres: str = ""
    database_url: str = ""  # the owner's
    nats_stream: str = "LETTERHEAD"
    nats_user: str = SUBSCRIBER
    nats_seed: str = ""  # that user's
    nats_credentials: str = ""
    grpc_plaintext: bool = False
    grpc_ca_file: str = ""
    grpc_certificate_file: str = ""
    grpc_key_file: str = ""
    nats_tls_ca: str = ""

    @property
    def nats_url(self) -> str:
        """Return the URLs to pass to a NATS client."""
        return self.nats if "://" in self.nats else f"nats://{self.nats}"

    @property
    def tls(self) -> Tls:
        """Return the TLS settings of gRPC; raise NoInstallation if neither a CA nor plaintext is set."""
        ca, certificate, key = (
            Path(path) if path else None
            for path in (self.grpc_ca_file, self.grpc_certificate_file, self.grpc_key_file)
        )
        try:
            return Tls(
                grpc_ca_file=ca,
                grpc_certificate_file=certificate,
                grpc_key_file=key,
                grpc_plaintext=self.grpc_plaintext,
            )
        except ValueError as error:
            raise NoInstallation(f"{error}.") from None

    @property
    def wire(self) -> Nats:
        """Return the NATS settings; raise NoInstallation if they contradict each other."""
        try:
            return Nats(
                nats_url=self.nats_url,
                nats_stream=self.nats_stream,
                nats_seed=_secret(self.nats_seed) if not self.nats_credentials else None,
                nats_credentials=_secret(self.nats_credentials),
                nats_tls_ca=_secret(self.nats_tls_ca),
            )
        except ValueError as error:
            raise NoInstallation(f"{error}.") from None

    def write(self, path: Path) -> None:
        """Write the installation for other commands, readable only by its owner because it contains keys."""
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            json.dump(asdict(self), file, indent=2)

    @classmethod
    def read(cls, path: Path = FILE) -> Self:
        """Read what `letterhead up` wrote; LETTERHEAD_IDENTITY_ADDRESS and similar variables override it.

        With a key and without what `letterhead up` wrote, a service is at its name in the manifests.
        """
        known = {field.name for field in fields(cls)}
        stored = json.loads(path.read_text()) if path.exists() else {}
        given = load(Overrides).given()
        if not stored and "api_key" in given:
            stored = {each.name: f"{each.name}:{each.grpc_port}" for each in with_grpc()}
        values = {name: value for name, value in stored.items() if name in known} | given
        try:
            return cls(**values)
        except TypeError:
            addresses = ", ".join(address_variable(each.name) for each in with_grpc())
            raise NoInstallation(
                f"No installation found: {path} does not exist. Start one with `letterhead up`, or set "
                f"{addresses}, LETTERHEAD_NATS_URL and LETTERHEAD_API_KEY_FILE."
            ) from None


def _secret(value: str) -> Secret | None:
    return Secret(value) if value else None
