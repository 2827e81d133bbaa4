"""Builds genuine and forged SNS messages for a topic whose certificates the test itself issues."""

import base64
import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from tests.integration.webhooks.certificate_host import NAME, CertificateHost, Elsewhere, Keys

Json = dict[str, Any]
CONFIRMED = ("Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type")
SIGNED = {
    "Notification": ("Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"),
    "SubscriptionConfirmation": CONFIRMED,
    "UnsubscribeConfirmation": CONFIRMED,
}
HASHES: dict[str, hashes.HashAlgorithm] = {"1": hashes.SHA1(), "2": hashes.SHA256()}  # noqa: S303 - as SNS does
FORGED, UNPROVEN = 403, 503  # the answers to messages that cannot be genuine, and to messages that may be


@dataclass(frozen=True)
class Forgery:
    """A message that must be rejected; `status` is the answer of the HTTPS endpoint."""

    name: str
    body: bytes
    status: int = FORGED
    headers: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Forger:
    """Builds messages as SNS would, and forged ones; `certificate` is the file name of SNS's own."""

    topic_arn: str
    host: CertificateHost
    keys: Keys
    certificate: str
    elsewhere: Elsewhere

    def envelope(self, kind: str = "Notification", **fields: Any) -> Json:
        """Return an unsigned message of that type; a field that is None is left out."""
        link = f"https://{NAME}/?Action=ConfirmSubscription&TopicArn={self.topic_arn}&Token=0123456789abcdef"
        confirmed = {"Token": "0123456789abcdef" * 8, "SubscribeURL": link}
        whole = {
            "Type": kind,
            "MessageId": str(uuid4()),
            "TopicArn": self.topic_arn,
            "Message": '{"eventType":"Bounce"}\nsecond line',
            "Timestamp": timestamp(),
            **({"Subject": "Amazon SES Email Event Notification"} if kind == "Notification" else confirmed),
            **fields,
        }
        return {name: value for name, value in whole.items() if value is not None}

    def signed(
        self, envelope: Json, *, key: rsa.RSAPrivateKey | None = None, version: str = "2", **more: Any
    ) -> Json:
        """Return the message as SNS sends it; `more` is added after signing."""
        return (
            envelope
            | {
                "SignatureVersion": version,
                "Signature": sign(canonical(envelope), key or self.keys.sns, version),
                "SigningCertURL": f"https://{NAME}/{self.certificate}",
            }
            | more
        )

    def genuine(self, kind: str = "Notification", **fields: Any) -> Json:
        """Return a valid message."""
        return self.signed(self.envelope(kind, **fields))


def timestamp(ago: timedelta = timedelta(0)) -> str:
    return (datetime.now(UTC) - ago).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def canonical(envelope: Json) -> bytes:
    lines = [f"{key}\n{envelope[key]}\n" for key in SIGNED[envelope["Type"]] if key in envelope]
    return "".join(lines).encode("utf-8", "surrogatepass")


def sign(text: bytes, key: rsa.RSAPrivateKey, version: str = "2") -> str:
    return base64.b64encode(key.sign(text, padding.PKCS1v15(), HASHES[version])).decode()


def forged(name: str, envelope: Any, status: int = FORGED, **headers: str) -> Forgery:
    return Forgery(name, json.dumps(envelope).encode(), status, headers)
