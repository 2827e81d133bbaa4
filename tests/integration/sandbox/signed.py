"""Emails signed as SES signs them, and the DNS records that make them pass."""

import base64

import dkim
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

AUTHOR = "inbox.mnexa.ai"
SENDER = "0100@send.inbox.mnexa.ai"
HELO = "a1.smtp-out.amazonses.com"
PLAIN = (
    b"From: Agent <agent@inbox.mnexa.ai>\r\n"
    b"To: ada@example.com\r\n"
    b"Subject: Your code\r\n"
    b"Date: Sat, 21 Nov 2026 12:00:00 +0000\r\n"
    b"Message-ID: <0100@email.amazonses.com>\r\n"
    b"\r\n"
    b"Your code is 1234.\r\n"
    b".a line that begins with a dot\r\n"
)


class Key:
    """A 2048-bit RSA key and its DKIM record."""

    def __init__(self) -> None:
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        public = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        self.private = key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption())
        self.record = f"v=DKIM1; k=rsa; p={base64.b64encode(public).decode()}"


KEY = Key()  # shared by all tests, because generating one is slow


def signed(raw: bytes, *domains: str) -> bytes:
    """Return the email with a signature of each domain, the first one on top; the selector is s1."""
    for domain in reversed(domains):
        header = dkim.sign(raw, b"s1", domain.encode(), KEY.private, canonicalize=(b"relaxed", b"simple"))
        raw = header + raw
    return raw


def records(*domains: str) -> list[tuple[str, str, str]]:
    """Return the records with which `signed` emails pass: keys, SENDER's SPF, AUTHOR's strict policy."""
    keys = [(f"s1._domainkey.{domain}", "TXT", KEY.record) for domain in domains]
    return [
        *keys,
        ("send.inbox.mnexa.ai", "TXT", "v=spf1 include:amazonses.com ~all"),
        ("_dmarc.inbox.mnexa.ai", "TXT", "v=DMARC1; p=reject; adkim=s; aspf=s"),
    ]
