"""Signatures of the Standard Webhooks specification 1.0.0, also under the header names of Svix and Resend."""

import base64
import hashlib
import hmac
from collections.abc import Iterable

SECRET_PREFIX = "whsec_"  # noqa: S105 - the form of a secret
NAMES = ("webhook", "svix")


def signed_headers(webhook_id: str, timestamp: int, payload: bytes, secrets: Iterable[str]) -> dict[str, str]:
    """Return the headers of an attempt at `timestamp`, in seconds, with a signature by each secret."""
    content = f"{webhook_id}.{timestamp}.".encode() + payload
    signatures = " ".join(f"v1,{_signature(content, secret)}" for secret in secrets)
    values = {"id": webhook_id, "timestamp": str(timestamp), "signature": signatures}
    return {f"{name}-{header}": value for name in NAMES for header, value in values.items()}


def _signature(content: bytes, secret: str) -> str:
    key = base64.b64decode(secret.removeprefix(SECRET_PREFIX))
    return base64.b64encode(hmac.new(key, content, hashlib.sha256).digest()).decode()
