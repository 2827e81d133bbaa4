"""Checks when the certificates expire that servers present and that processes report."""

import asyncio
import ssl
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from cryptography import x509

from cli.doctor.durations import short
from cli.doctor.findings import Finding, wrong

# cert-manager renews at a third of the lifetime, which is 30 days of the usual 90; ACME clients do the same.
RENEWED_BEFORE = timedelta(days=14)
ANSWER_SECONDS = 5
RENEW = "Renew it: replace the Secret, or see why cert-manager does not (`kubectl describe certificate`)."


def about(what: str, left: timedelta) -> Iterator[Finding]:
    """Yield the finding that a certificate has expired or soon will."""
    if left <= timedelta(0):
        yield wrong("certificate", f"{what} expired {short(-left)} ago", RENEW)
    elif left < RENEWED_BEFORE:
        yield wrong("certificate", f"{what} expires in {short(left)}", RENEW)


async def check_certificate(service: str, host: str, port: int) -> list[Finding]:
    """Check the certificate that a TLS server presents; return no finding if there is no such server."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE  # only to read it, valid or not
    context.set_alpn_protocols(["h2", "http/1.1"])
    try:
        async with asyncio.timeout(ANSWER_SECONDS):
            _, writer = await asyncio.open_connection(host, port, ssl=context)
    except (OSError, TimeoutError):
        return []  # the check of the service says that it does not answer
    certificate = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
    writer.close()
    expires_at = x509.load_der_x509_certificate(certificate).not_valid_after_utc
    left = expires_at - datetime.now(UTC)
    return [each.of(service) for each in about(f"the certificate at {host}:{port}", left)]
