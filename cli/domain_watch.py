"""Follows the verification of a domain, and prints each change of its records' status."""

import asyncio
from collections.abc import Callable

import grpc

from cli.client import Services
from cli.dns_records import label
from cli.polling import POLL_SECONDS, until
from cli.printer import Printer
from letterhead.identity.v1.domains_pb2 import DnsRecord, Domain
from letterhead.verifier.v1.check_reason_pb2 import CheckReason
from letterhead.verifier.v1.verifier_pb2 import RecordCheck, Verification, WatchDomainRequest


class DomainWatch:
    """Prints status changes of a domain's records, from a watch that is reopened when it breaks."""

    def __init__(self, services: Services, domain: Domain, printer: Printer) -> None:
        self._services = services
        self._domain = domain
        self._printer = printer
        self._shown: dict[str, tuple[int, str]] = {}
        self._latest = Verification()

    async def run(self) -> None:
        """Follow the watch until canceled."""
        request = WatchDomainRequest(domain_id=self._domain.id)
        while True:
            try:
                async for answer in self._services.verifier.WatchDomain(request):
                    self._latest = answer.verification
                    self._print_changes()
            except grpc.aio.AioRpcError:
                await asyncio.sleep(POLL_SECONDS)

    async def until(self, record: DnsRecord, status: "RecordCheck.Status.ValueType") -> None:
        """Wait until a record has a status."""
        what = f"{label(record)} is {_name(status)}"
        await until(what, lambda: self._check(record, lambda check: check.status == status))

    async def until_reason(self, record: DnsRecord, reason: "CheckReason.ValueType") -> None:
        """Wait until a record has its status for a reason."""
        what = f"the reason of {label(record)} is {CheckReason.Name(reason)}"
        await until(what, lambda: self._check(record, lambda check: check.reason == reason))

    async def until_ready(self) -> None:
        """Wait until the domain is READY."""

        async def ready() -> bool | None:
            return self._latest.state == Domain.STATE_READY or None

        await until("the domain is READY", ready)
        self._printer.good(f"{self._domain.name} is READY: {self._latest.state_message}")

    async def _check(self, record: DnsRecord, matches: Callable[[RecordCheck], bool]) -> RecordCheck | None:
        return next((each for each in self._latest.records if each.record == record and matches(each)), None)

    def _print_changes(self) -> None:
        for check in self._latest.records:
            name, now = label(check.record), (check.status, check.message)
            if self._shown.get(name) == now or not check.record.required:
                continue
            explained = check.message and (name in self._shown or check.status != RecordCheck.STATUS_MISSING)
            self._shown[name] = now
            show = self._printer.good if check.status == RecordCheck.STATUS_FOUND else self._printer.waiting
            show(f"{name}: {_name(check.status)}" + (f" — {check.message}" if explained else ""))


def _name(status: "RecordCheck.Status.ValueType") -> str:
    return RecordCheck.Status.Name(status).removeprefix("STATUS_").lower()
