"""Certificates that are not SNS's, served by the genuine host."""

import asyncio
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from aiohttp import web
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID

from tests.integration.webhooks.authority import Authority, Wanted, key_pem_of, pem_of
from tests.integration.webhooks.certificate_host import NAME
from tests.integration.webhooks.forger import UNPROVEN, Forger, Forgery, Json, forged

SHORT = 1024  # bits, too few to be secure


def bad_certificates(forger: Forger) -> Iterator[Forgery]:
    """Yield messages whose certificate on the genuine host is not SNS's, or is not a certificate."""
    key, stranger, host = forger.keys.attacker, Authority("Stranger"), forger.host
    wanted = {
        "expired": Wanted(begins=-2 * timedelta(days=1), ends=-timedelta(seconds=1)),
        "not valid yet": Wanted(begins=timedelta(hours=1), ends=timedelta(days=1)),
        "of S3": Wanted(names=("s3.amazonaws.com",)),
        "of another region's SNS": Wanted(names=("sns.eu-west-1.amazonaws.com",)),
        "for every name of AWS": Wanted(names=("*.amazonaws.com",)),
        "of an attacker with SNS's common name": Wanted(names=("evil.example",)),
        "without a name": Wanted(names=()),
        "of a name that begins like SNS's": Wanted(names=("sns.amazonaws.com.evil.example",)),
        "for signing code": Wanted(usage=ExtendedKeyUsageOID.CODE_SIGNING),
        "for clients": Wanted(usage=ExtendedKeyUsageOID.CLIENT_AUTH),
        "of an authority": Wanted(is_authority=True),
    }
    served: dict[str, Any] = {name: pem_of(host.authority.issue(key, like)) for name, like in wanted.items()}
    leaf_key = ec.generate_private_key(ec.SECP256R1())
    leaf = Authority("sns.amazonaws.com", leaf_key)
    served |= {
        "of a stranger's authority": pem_of(stranger.issue(key)),
        "of a stranger's authority, with its root": pem_of(stranger.issue(key)) + stranger.pem,
        "of its own": pem_of(Authority("sns.amazonaws.com", key).issue(key)),
        "issued by a certificate that may not": pem_of(leaf.issue(key))
        + pem_of(host.authority.issue(leaf_key)),
        "with a short key": pem_of(host.authority.issue(rsa.generate_private_key(65537, SHORT))),
        "with an elliptic key": pem_of(host.authority.issue(leaf_key)),
        "of the authority itself": host.authority.pem,
        "empty": b"",
        "a web page": b"<html>hello</html>",
        "a private key": key_pem_of(key),
        "half": pem_of(host.authority.issue(key))[:400],
        "endless": b"-----BEGIN CERTIFICATE-----\n" + b"A" * 1_000_000,
        "in DER": host.authority.issue(key).public_bytes(serialization.Encoding.DER),
    }
    served |= _answers(forger)
    for name, content in served.items():
        certificate = host.serve(content, name)
        url = f"https://{NAME}/{certificate}"
        signed = forger.signed(forger.envelope(), key=key, SigningCertURL=url)
        yield forged(f"certificate {name}", signed, UNPROVEN)
    nowhere = f"https://{NAME}/SimpleNotificationService-{'0' * 32}.pem"
    yield forged(
        "certificate that does not exist",
        forger.signed(forger.envelope(), key=key, SigningCertURL=nowhere),
        UNPROVEN,
    )


def _answers(forger: Forger) -> Json:
    async def redirecting(request: web.Request) -> web.StreamResponse:
        raise web.HTTPFound(f"http://127.0.0.1:{forger.elsewhere.port}{request.path}")

    async def at_home(_: web.Request) -> web.StreamResponse:
        raise web.HTTPMovedPermanently(f"https://{NAME}/{forger.certificate}")

    async def failing(_: web.Request) -> web.StreamResponse:
        return web.Response(status=500)

    async def forbidden(_: web.Request) -> web.StreamResponse:
        return web.Response(status=403)

    async def never_answering(_: web.Request) -> web.StreamResponse:
        await asyncio.Event().wait()
        raise AssertionError

    async def hanging_up(request: web.Request) -> web.StreamResponse:
        assert request.transport is not None
        request.transport.abort()
        return web.Response()

    return {
        "at an attacker's host, by a redirect": redirecting,
        "at another address, by a redirect": at_home,
        "that the host answers with 500": failing,
        "that the host answers with 403": forbidden,
        "for which the host closes the connection": hanging_up,
        "for which the host never answers": never_answering,
    }
