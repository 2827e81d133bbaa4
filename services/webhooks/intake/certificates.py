"""Fetches SNS's signing certificates from SNS's own host and caches them while they are valid.

Connects to no other host: it follows no redirects, uses no proxy, and takes only a file name from a message.
"""

import asyncio
import re
import ssl
import warnings
from collections import OrderedDict
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TypeVar

import aiohttp
from botocore.httpsession import get_cert_path
from cryptography import x509
from cryptography.utils import CryptographyDeprecationWarning
from cryptography.x509.verification import Store

from chassis.config import ConfigError
from chassis.telemetry import get_logger
from services.webhooks.config import Sns
from services.webhooks.intake.signing import Signer, Trust, check_signature, signer
from services.webhooks.metrics import CERTIFICATES
from services.webhooks.model.rejections import Rejected, Unproven, Unverifiable
from services.webhooks.model.sns import Message, Topic

log = get_logger(__name__)
T = TypeVar("T")

INTERMEDIATES = Path(__file__).with_name("amazon_intermediates.pem")
FETCH_WITHIN = timedelta(seconds=5)
MAX_CERTIFICATE = 64 * 1024  # bytes; SNS's have 2 KiB
CACHED_SIGNERS = 16  # SNS uses one certificate at a time
CACHED_FAILURES = 256
FAILURE_TTL = timedelta(seconds=60)
UNAVAILABLE_TTL = timedelta(seconds=2)
FETCHES_AT_ONCE = 4
_PEM = re.compile(rb"-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----")
# Anyone can post a message that names a certificate which does not exist, and each name costs a fetch.
WAITING_FETCHES = 32


@dataclass(frozen=True, slots=True)
class Failure:
    """A fetch that failed, and the time before which it is not retried."""

    until: datetime
    error: Rejected


class Signatures:
    """Verifies that messages were signed by SNS."""

    def __init__(self, session: aiohttp.ClientSession, topic: Topic, trust: Trust, settings: Sns) -> None:
        self._session = session
        self._topic = topic
        self._trust = trust
        self._oldest = settings.sns_signature_version
        self._base = f"https://{settings.sns_certificate_address or topic.host}/"
        self._signers: OrderedDict[str, Signer] = OrderedDict()
        self._failures: OrderedDict[str, Failure] = OrderedDict()
        self._fetches: dict[str, asyncio.Task[Signer]] = {}
        self._slots = asyncio.Semaphore(FETCHES_AT_ONCE)

    async def check(self, message: Message) -> None:
        """Raise Rejected unless SNS signed the message."""
        if message.version < self._oldest:
            raise Unproven("signature_version")
        check_signature(message, await self._signer(message.certificate))

    async def _signer(self, name: str) -> Signer:
        now = datetime.now(UTC)
        if (found := self._signers.get(name)) and found.valid(now):
            self._signers.move_to_end(name)
            return found
        if name in self._failures and now < self._failures[name].until:
            raise self._failures[name].error
        # Other messages may wait for the same fetch, so the cancellation of one must not cancel it.
        return await asyncio.shield(self._fetch(name))

    def _fetch(self, name: str) -> asyncio.Task[Signer]:
        """Return the fetch of this certificate that is in flight; start one if there is none."""
        if name not in self._fetches:
            if len(self._fetches) >= WAITING_FETCHES:
                raise Unverifiable("certificate_unavailable")
            task = asyncio.create_task(self._fetched(name))
            self._fetches[name] = task
            task.add_done_callback(lambda done: self._end(name, done))
        return self._fetches[name]

    def _end(self, name: str, task: "asyncio.Task[Signer]") -> None:
        del self._fetches[name]
        if not task.cancelled():
            task.exception()  # marks it as retrieved, because every waiter may have been cancelled

    async def _fetched(self, name: str) -> Signer:
        try:
            async with self._slots:
                pem = await self._get(name)
            found = signer(pem, self._trust, self._topic.names, datetime.now(UTC))
        except Rejected as error:
            self._record_failure(name, error)
            raise
        CERTIFICATES.labels("trusted").inc()
        _cache(self._signers, name, found, CACHED_SIGNERS)
        return found

    def _record_failure(self, name: str, error: Rejected) -> None:
        CERTIFICATES.labels(error.reason).inc()
        ttl = UNAVAILABLE_TTL if isinstance(error, Unverifiable) else FAILURE_TTL
        _cache(self._failures, name, Failure(datetime.now(UTC) + ttl, error), CACHED_FAILURES)
        if not isinstance(error, Unproven) or error.reason == "certificate_untrusted":
            log.warning(
                "SNS's signing certificate cannot be used",
                action="sns_certificate_failed",
                reason=error.reason,
                cause=repr(error.__cause__) if error.__cause__ else "",
                certificate=name,
            )

    async def _get(self, name: str) -> bytes:
        try:
            async with self._session.get(
                self._base + name,
                headers={"Host": self._topic.host},
                server_hostname=self._topic.host,
                allow_redirects=False,
            ) as answer:
                _check_status(answer.status)
                return await _read(answer)
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise Unverifiable("certificate_unavailable") from error


def _check_status(status: int) -> None:
    if status >= 500 or status == 429:
        raise Unverifiable("certificate_unavailable")
    if status != 200:
        raise Unproven("certificate_missing")


async def _read(answer: aiohttp.ClientResponse) -> bytes:
    content = bytearray()
    async for chunk in answer.content.iter_chunked(MAX_CERTIFICATE):
        content += chunk
        if len(content) > MAX_CERTIFICATE:
            raise Unproven("certificate_untrusted")
    return bytes(content)


def _cache(cache: OrderedDict[str, T], name: str, value: T, size: int) -> None:
    """Add an entry to an LRU cache."""
    cache[name] = value
    cache.move_to_end(name)
    if len(cache) > size:
        cache.popitem(last=False)


@asynccontextmanager
async def open_signatures(topic: Topic, settings: Sns) -> AsyncIterator[Signatures]:
    """Create the client of the certificate host."""
    path = settings.sns_ca_file or Path(get_cert_path(True))  # botocore's own roots
    trust, context = _trust(path), ssl.create_default_context(cafile=path)
    session = aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(ssl=context, limit=FETCHES_AT_ONCE, force_close=True),
        timeout=aiohttp.ClientTimeout(total=FETCH_WITHIN.total_seconds()),
        cookie_jar=aiohttp.DummyCookieJar(),
        auto_decompress=False,
        trust_env=False,
    )
    async with session:
        yield Signatures(session, topic, trust, settings)


def _trust(path: Path) -> Trust:
    try:
        roots = list(certificates_in(path))
    except OSError as error:
        raise ConfigError([f"LETTERHEAD_SNS_CA_FILE: cannot read {path}: {error.strerror}"]) from None
    if not roots:
        raise ConfigError([f"LETTERHEAD_SNS_CA_FILE: {path} contains no valid certificate"])
    return Trust(Store(roots), tuple(certificates_in(INTERMEDIATES)))


def certificates_in(path: Path) -> Iterator[x509.Certificate]:
    """Yield the certificates in a PEM file. Skip malformed ones: public bundles contain a few."""
    for block in _PEM.findall(path.read_bytes()):
        with suppress(ValueError, CryptographyDeprecationWarning), warnings.catch_warnings():
            warnings.simplefilter("error")
            yield x509.load_pem_x509_certificate(block)
