"""SES's periodic DNS checks, which alone change the verification status of an identity.

An identity is checked only if something in the DNS has changed or a timer is due.
"""

import asyncio

from chassis.telemetry import get_logger
from sandbox.aws.condition import Condition
from sandbox.aws.registry import Identity, Registry
from sandbox.clock import Clock
from sandbox.dns import Answer, Internet, Soa

_AT_ONCE = 50  # concurrent checks, which may wait for slow name servers
_ERRORS = {"NXDOMAIN": "HOST_NOT_FOUND", "NODATA": "TYPE_NOT_FOUND"}
_UNCERTAIN = "DNS_SERVER_ERROR"
_log = get_logger(__name__)


class Checker:
    """Looks up the DNS records of each identity and updates its verifications."""

    def __init__(
        self, registry: Registry, internet: Internet, clock: Clock, *, region: str, interval: float
    ) -> None:
        """Take `interval`, the time between two runs in seconds."""
        self._registry = registry
        self._internet = internet
        self._clock = clock
        self._mail_exchanger = f"10 feedback-smtp.{region}.amazonses.com"
        self._interval = interval

    async def run(self, stop: asyncio.Event) -> None:
        """Check repeatedly until `stop` is set."""
        while not stop.is_set():
            await self.run_once()
            try:
                await asyncio.wait_for(stop.wait(), self._interval)
            except TimeoutError:
                continue

    async def run_once(self) -> None:
        """Check every identity that needs it, in the order in which they were created."""
        version = self._registry.customers_version
        waiting = [identity for identity in self._registry if self._needs_check(identity, version)]
        for start in range(0, len(waiting), _AT_ONCE):
            await asyncio.gather(
                *(self.check(identity, version) for identity in waiting[start : start + _AT_ONCE])
            )
            await asyncio.sleep(0)

    async def check(self, identity: Identity, version: int) -> None:
        """Look up one identity's records and update its verifications."""
        identity.checked_version = version
        if identity.is_domain and identity.dkim.watched:
            error, soa = await self._dkim_error(identity)
            identity.soa = soa or identity.soa
            self._observe(identity, "dkim", identity.dkim, error)
        if identity.mail_from and identity.mail_from_condition and identity.mail_from_condition.watched:
            error = await self._mail_from_error(identity.mail_from)
            self._observe(identity, "mail_from", identity.mail_from_condition, error)

    def _needs_check(self, identity: Identity, version: int) -> bool:
        conditions = [
            condition
            for condition in (identity.dkim, identity.mail_from_condition)
            if condition and condition.watched
        ]
        if identity.checked_version != version:
            return bool(conditions)
        now = self._clock.now()
        return any(
            condition.last_checked_at is None or condition.error == _UNCERTAIN or condition.due(now)
            for condition in conditions
        )

    async def _dkim_error(self, identity: Identity) -> tuple[str | None, Soa | None]:
        """Return the first error among the three CNAMEs, and the SOA of the last answer."""
        answer = None
        for token in identity.tokens:
            answer = await self._internet.resolve(f"{token}._domainkey.{identity.name}", "CNAME")
            error = _error(answer, [f"{token}.{identity.hosted_zone}"])
            if error:
                return error, answer.soa
        return None, answer.soa if answer else None

    async def _mail_from_error(self, domain: str) -> str | None:
        return _error(await self._internet.resolve(domain, "MX"), [self._mail_exchanger])

    def _observe(self, identity: Identity, what: str, condition: Condition, error: str | None) -> None:
        before = condition.status
        condition.observe(error, self._clock.now())
        if condition.status is not before:
            _log.info(
                "verification status changed",
                action="verification_status_changed",
                identity=identity.name,
                condition=what,
                before=str(before),
                after=str(condition.status),
                error=error,
            )


def _error(answer: Answer, wanted: list[str]) -> str | None:
    """Return SES's ErrorType for an answer that differs from the expected values; None if it does not."""
    if answer.status == "NOERROR":
        return None if answer.values == wanted else "INVALID_VALUE"
    return _ERRORS.get(answer.status, _UNCERTAIN)
