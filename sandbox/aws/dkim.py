"""DKIM signatures in SES's form: rsa-sha256, c=relaxed/simple (RFC 6376).

Canonicalization is implemented here; RSA is from `cryptography`, because dkimpy's own is many times slower.
"""

import base64
import hashlib
import re
from datetime import datetime

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from sandbox.aws.emails import Headers

_SIGNED = (
    "from",
    "reply-to",
    "to",
    "cc",
    "subject",
    "mime-version",
    "content-type",
    "content-transfer-encoding",
    "list-unsubscribe",
    "list-unsubscribe-post",
    "in-reply-to",
    "references",
    "message-id",
    "date",
    "feedback-id",
)
_WHITESPACE = re.compile(r"[ \t]+")
_WIDTH = 72


def body_hash(body: bytes) -> str:
    """Return the base64 SHA-256 of the body in simple canonicalization, RFC 6376 section 3.4.3."""
    stripped = body
    while stripped.endswith(b"\r\n"):
        stripped = stripped[:-2]
    return base64.b64encode(hashlib.sha256(stripped + b"\r\n").digest()).decode()


def sign(
    headers: Headers, hashed_body: str, key: rsa.RSAPrivateKey, *, domain: str, selector: str, now: datetime
) -> tuple[str, str]:
    """Return a DKIM-Signature header over those present of the headers that SES signs."""
    names, lines = _chosen(headers)
    tags = (
        f"v=1; a=rsa-sha256; q=dns/txt; c=relaxed/simple;\r\n\t"
        f"s={selector}; d={domain}; t={int(now.timestamp())};\r\n\t"
        f"h={':'.join(names)};\r\n\tbh={hashed_body};\r\n\tb="
    )
    text = "".join(f"{line}\r\n" for line in lines) + _relaxed("dkim-signature", tags)
    signature = key.sign(text.encode("utf-8", "surrogateescape"), padding.PKCS1v15(), hashes.SHA256())
    return "DKIM-Signature", tags + _folded(base64.b64encode(signature).decode())


def _chosen(headers: Headers) -> tuple[list[str], list[str]]:
    """Return names and canonical lines of the headers to sign; for a repeated name, the last one first."""
    names, lines = [], []
    for wanted in _SIGNED:
        for name, value in reversed(headers):
            if name.lower() == wanted:
                names.append(name)
                lines.append(_relaxed(wanted, value))
    return names, lines


def _relaxed(name: str, value: str) -> str:
    """Return a header in relaxed canonicalization, without its line end, RFC 6376 section 3.4.2."""
    return f"{name}:{_WHITESPACE.sub(' ', value.replace(chr(13) + chr(10), '')).strip(' ')}"


def _folded(text: str) -> str:
    return "\r\n\t ".join(text[at : at + _WIDTH] for at in range(0, len(text), _WIDTH))
