"""Authenticates an email as a receiver does: DKIM by dkimpy, SPF by pyspf, DMARC by RFC 9989."""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass

import dkim
import spf

from sandbox.dns import Answer, Internet
from sandbox.dns.records import DnsError
from sandbox.dns.recursor import Status
from sandbox.mailbox.dmarc import Dmarc, DmarcResult

_SIGNATURES = 10  # evaluated per email; more are ignored
_DNS_WAIT = 10.0  # seconds for one lookup
_SPF_WAIT = 20  # seconds for all of SPF's lookups, RFC 7208 section 4.6.4
_TEMPORARY = (Status.SERVFAIL, Status.TIMEOUT)

Lookup = Callable[[str, str], Answer]

_dkim_log = logging.getLogger(
    "sandbox.dkim"
)  # dkimpy logs each failed signature as an error; here a failure is a normal result
_dkim_log.addHandler(logging.NullHandler())
_dkim_log.propagate = False


@dataclass(frozen=True, slots=True)
class DkimResult:
    """One signature: pass, fail, permerror or temperror; `bits` is the key's length if it was found."""

    domain: str
    selector: str
    result: str
    reason: str = ""
    bits: int | None = None


@dataclass(frozen=True, slots=True)
class SpfResult:
    """SPF's result for the envelope sender's domain, or for the HELO name if the sender is empty."""

    result: str
    domain: str


@dataclass(frozen=True, slots=True)
class Evaluation:
    """All authentication results of one email."""

    dkim: tuple[DkimResult, ...]
    spf: SpfResult
    dmarc: DmarcResult


@dataclass(frozen=True, slots=True)
class Envelope:
    """The SMTP envelope; `client` is the address that the email is assumed to come from."""

    client: str
    helo: str
    sender: str
    recipients: tuple[str, ...]

    @property
    def domain(self) -> str:
        """Return the domain that SPF checks."""
        return (self.sender.rpartition("@")[2] or self.helo).lower()


class Evaluator:
    """Authenticates emails; the libraries run in a thread and resolve DNS on the event loop."""

    def __init__(self, internet: Internet) -> None:
        self._internet = internet

    async def evaluate(self, raw: bytes, envelope: Envelope, from_addresses: tuple[str, ...]) -> Evaluation:
        """Return the results for an email with these From addresses."""
        lookup = self._from_thread(asyncio.get_running_loop())
        signatures, sender = await asyncio.to_thread(
            lambda: (_evaluate_dkim(raw, lookup), _evaluate_spf(envelope, lookup))
        )
        return Evaluation(signatures, sender, await self._evaluate_dmarc(from_addresses, signatures, sender))

    def _from_thread(self, loop: asyncio.AbstractEventLoop) -> Lookup:
        def lookup(name: str, rdtype: str) -> Answer:
            return asyncio.run_coroutine_threadsafe(self._resolve(name, rdtype), loop).result(_DNS_WAIT)

        return lookup

    async def _resolve(self, name: str, rdtype: str) -> Answer:
        """Resolve a name taken from an email; treat an invalid name as NXDOMAIN."""
        try:
            return await self._internet.resolve(name, rdtype)
        except DnsError:
            return Answer(Status.NXDOMAIN)

    async def _evaluate_dmarc(
        self, from_addresses: tuple[str, ...], signatures: tuple[DkimResult, ...], sender: SpfResult
    ) -> DmarcResult:
        if len(from_addresses) != 1 or "@" not in from_addresses[0]:
            return DmarcResult("permerror", "")  # no single author domain to evaluate, RFC 9989 section 4.5
        author = from_addresses[0].rpartition("@")[2].lower()
        passed = [signature.domain for signature in signatures if signature.result == "pass"]
        spf_domain = sender.domain if sender.result == "pass" else None
        return await Dmarc(self._texts, self._exists).evaluate(author, passed, spf_domain)

    async def _texts(self, name: str) -> list[str] | None:
        answer = await self._resolve(name, "TXT")
        return None if answer.status in _TEMPORARY else answer.values

    async def _exists(self, name: str) -> bool:
        return (await self._resolve(name, "A")).status != Status.NXDOMAIN


def _evaluate_dkim(raw: bytes, lookup: Lookup) -> tuple[DkimResult, ...]:
    try:
        verifier = dkim.DKIM(raw, logger=_dkim_log)
    except dkim.DKIMException:
        return ()  # not an email, so nothing is signed
    count = sum(name.lower() == b"dkim-signature" for name, _ in verifier.headers)
    return tuple(_evaluate_signature(verifier, at, lookup) for at in range(min(count, _SIGNATURES)))


def _evaluate_signature(verifier: dkim.DKIM, at: int, lookup: Lookup) -> DkimResult:
    verifier.domain = verifier.selector = b""
    verifier.keysize = None
    answers: list[Answer] = []

    def key(name: bytes, **_: object) -> bytes | None:
        answers.append(lookup(name.decode(), "TXT"))
        return answers[-1].values[0].encode() if answers[-1].values else None

    try:
        result, reason = (
            ("pass", "") if verifier.verify(at, dnsfunc=key) else ("fail", "signature did not verify")
        )
    except (
        dkim.DKIMException,
        LookupError,
        ValueError,
    ) as error:  # dkimpy raises these for some malformed tags
        result, reason = ("fail" if answers else "permerror"), str(error)
    if answers and answers[0].status in _TEMPORARY:
        result, reason = "temperror", "key could not be looked up"
    elif answers and not answers[0].values:
        result, reason = "permerror", "no key for signature"
    return DkimResult(
        verifier.domain.decode(errors="replace").lower(),
        verifier.selector.decode(errors="replace"),
        result,
        reason,
        verifier.keysize,
    )


def _evaluate_spf(envelope: Envelope, lookup: Lookup) -> SpfResult:
    query = _SpfQuery(envelope, lookup)
    result, _, _ = query.check()
    return SpfResult(result, envelope.domain)


class _SpfQuery(spf.query):  # type: ignore[misc]
    """pyspf's check with the sandbox's DNS instead of pyspf's module-wide resolver."""

    def __init__(self, envelope: Envelope, lookup: Lookup) -> None:
        super().__init__(i=envelope.client, s=envelope.sender, h=envelope.helo, querytime=_SPF_WAIT)
        self._lookup = lookup

    def dns(self, name: str, qtype: str, *, ignore_void: bool = False) -> list[object]:
        """Return record data in pyspf's format; count void lookups (RFC 7208 section 4.6.4)."""
        if qtype == "SPF":
            return []  # the type is historic, RFC 7208 section 3.1
        answer = self._lookup(name, qtype)
        if answer.status in _TEMPORARY:
            raise spf.TempError(f"DNS {answer.status}")
        if not answer.values and not ignore_void:
            self.void_lookups += 1
            if self.void_lookups > spf.MAX_VOID_LOOKUPS:
                raise spf.PermError(f"Void lookup limit of {spf.MAX_VOID_LOOKUPS} exceeded")
        return [_spf_shape(qtype, value) for value in answer.values]


def _spf_shape(qtype: str, value: str) -> object:
    if qtype == "TXT":
        return (value.encode(errors="surrogateescape"),)
    if qtype == "MX":
        preference, _, host = value.partition(" ")
        return int(preference), host
    return value
