"""SNS messages to subscribers: the envelope, the string to sign, and the signature.

The canonical string is that of AWS's page "Verifying the signatures of Amazon SNS messages".
"""

import base64
from typing import Any
from urllib.parse import urlencode

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding

from sandbox.aws.certificates import Certificates

_SIGNED = {
    "Notification": ("Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"),
    "SubscriptionConfirmation": (
        "Message",
        "MessageId",
        "SubscribeURL",
        "Timestamp",
        "Token",
        "TopicArn",
        "Type",
    ),
    "UnsubscribeConfirmation": (
        "Message",
        "MessageId",
        "SubscribeURL",
        "Timestamp",
        "Token",
        "TopicArn",
        "Type",
    ),
}
_HASHES: dict[str, hashes.HashAlgorithm] = {"1": hashes.SHA1(), "2": hashes.SHA256()}  # noqa: S303 - version 1 is SHA-1


class MessageSigner:
    """Signs SNS messages."""

    def __init__(self, certificates: Certificates, region: str) -> None:
        self._certificates = certificates
        self.url = f"https://sns.{region}.amazonaws.com"

    def link(self, **fields: str) -> str:
        """Return a link that calls an SNS operation, as SubscribeURL and UnsubscribeURL do."""
        return f"{self.url}/?{urlencode(fields)}"

    def sign(self, envelope: dict[str, Any], version: str) -> dict[str, Any]:
        """Return the envelope with a signature of that version, "1" or "2"."""
        text = canonical_string(envelope).encode()
        signature = self._certificates.signing_key.sign(text, padding.PKCS1v15(), _HASHES[version])
        return envelope | {
            "SignatureVersion": version,
            "Signature": base64.b64encode(signature).decode(),
            "SigningCertURL": self.url + self._certificates.signing_path,
        }


def canonical_string(envelope: dict[str, Any]) -> str:
    """Return the string to sign: each present key, then its value, one per line."""
    keys = [key for key in _SIGNED[envelope["Type"]] if key in envelope]
    return "".join(f"{key}\n{envelope[key]}\n" for key in keys)
