"""DKIM signatures of the sandbox, verified by dkimpy."""

from datetime import UTC, datetime

import dkim as dkimpy
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from sandbox.aws.composing import join_headers, split
from sandbox.aws.dkim import body_hash, sign
from sandbox.aws.keys import dkim_record, make_key

NOW = datetime.now(UTC)
EMAILS = {
    "plain": b"From: a@b.com\r\nTo: c@d.com\r\nSubject: Hello\r\n\r\nBody\r\n",
    "folded headers": b"From: a@b.com\r\nSubject:  a \t b\r\n\tc\r\n   d  \r\nTo: c@d.com\r\n\r\nBody\r\n",
    "empty body": b"From: a@b.com\r\nSubject: Hello\r\n\r\n",
    "empty lines at the end": b"From: a@b.com\r\n\r\nBody\r\n\r\n\r\n\r\n",
    "8 bits": "From: a@b.com\r\nSubject: Hello\r\n\r\nGrüße\r\n".encode(),
    "a header twice": b"From: a@b.com\r\nReply-To: x@y.com\r\nReply-To: z@y.com\r\n\r\nBody\r\n",
    "white space in lines": b"From: a@b.com\r\n\r\nBody  \r\n \t \r\nmore\t\r\n",
}


@pytest.fixture(scope="module")
def key() -> rsa.RSAPrivateKey:
    return make_key()


def signed(raw: bytes, key: rsa.RSAPrivateKey) -> bytes:
    headers, body = split(raw)
    signature = sign(headers, body_hash(body), key, domain="b.com", selector="token", now=NOW)
    return join_headers([signature, *headers]) + b"\r\n" + body


def passes(raw: bytes, key: rsa.RSAPrivateKey) -> bool:
    asked: list[bytes] = []

    def record(name: bytes, timeout: int) -> bytes:
        asked.append(name)
        return dkim_record(key).encode()

    verified: bool = dkimpy.verify(raw, dnsfunc=record)
    assert asked == [b"token._domainkey.b.com."]
    return verified


@pytest.mark.parametrize("raw", EMAILS.values(), ids=EMAILS)
def test_a_signature_passes(raw: bytes, key: rsa.RSAPrivateKey) -> None:
    assert passes(signed(raw, key), key)


@pytest.mark.parametrize(
    ("part", "altered"), [(b"Body", b"Bodx"), (b"Hello", b"Hellx"), (b"a@b.com", b"x@b.com")]
)
def test_one_changed_byte_fails(part: bytes, altered: bytes, key: rsa.RSAPrivateKey) -> None:
    raw = signed(EMAILS["plain"], key)

    assert not passes(raw.replace(part, altered), key)
