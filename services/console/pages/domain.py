"""The live page of one domain: under /app/domains for its tenant, under /d for holders of a link."""

import asyncio
import random
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response, StreamingResponse
from starlette.routing import BaseRoute, Route

from chassis.client import call
from letterhead.identity.v1.domains_pb2 import Domain, GetDomainRequest
from letterhead.verifier.v1.verifier_pb2 import (
    GetVerificationRequest,
    RecordCheck,
    Verification,
    VerifyDomainRequest,
)
from services.console import chips, domain_status, exports, outlook, record_problems, texts
from services.console.differences import Piece, differences
from services.console.live import Live, Snapshot
from services.console.pages.templates import Templates
from services.console.pages.visitor import key_of
from services.console.providers import Entry, Provider, entry, recognised
from services.console.stubs import Stubs

PREFIXES = ("/app/domains", "/d")  # path prefixes for tenants and for holders of a link
SHOWN_VALUES = 3  # published values shown when they differ from the record
# Maximum age of a stream. The browser then reconnects, and its key is checked again.
CONNECTION = timedelta(minutes=1)
TOO_MANY = "This page is open in too many windows. Close some of them, and it reconnects automatically."
SETTLED = (Domain.STATE_READY, Domain.STATE_DELETED)


@dataclass(frozen=True, slots=True)
class Row:
    """A record as shown on the page: the result of its check, and how to enter it."""

    check: RecordCheck
    entry: Entry

    @property
    def id(self) -> str:
        """Return the HTML id of the row, which stays the same across updates."""
        return f"record-{texts.purpose_word(self.check.record)}-{self.check.record.ordinal}"

    @property
    def seen(self) -> Sequence[Sequence[Piece]]:
        """Return the values published instead of the record, sorted because servers rotate their order.

        Each is in pieces; those of a mistyped value are marked.
        """
        if self.check.status not in texts.SEEN_INSTEAD:
            return ()
        return [differences(self.check.record, each) for each in sorted(self.check.seen)[:SHOWN_VALUES]]

    @property
    def marked(self) -> bool:
        """Return whether any of them has marks."""
        return any(piece.wrong for value in self.seen for piece in value)

    @property
    def unseen(self) -> int:
        """Return how many more values there are."""
        return len(self.check.seen) - len(self.seen)


class DomainPages:
    """The pages of one domain, under one of the two path prefixes."""

    def __init__(self, stubs: Stubs, live: Live, templates: Templates, prefix: str) -> None:
        self._stubs = stubs
        self._live = live
        self._templates = templates
        self._prefix = prefix

    def routes(self) -> list[BaseRoute]:
        """Return the routes; each handler rejects requests without a session."""
        here = f"{self._prefix}/{{domain_id:uuid}}"
        return [
            Route(here, self._page),
            Route(f"{here}/live", self._stream),
            Route(f"{here}/check", self._check, methods=["POST"]),
            Route(f"{here}/records.{{kind}}", self._export),
        ]

    async def _page(self, request: Request) -> Response:
        domain_id, key = str(request.path_params["domain_id"]), key_of(request)
        domain = await call(self._stubs.domains.GetDomain, GetDomainRequest(domain_id=domain_id), key=key)
        verification = await self._verification(request)
        return self._templates.page(
            request,
            "domain.html",
            name=domain.domain.display_name or domain.domain.name,
            domain=domain.domain,
            settled=SETTLED,
            asked="asked" in request.query_params,
            **self._context(verification),
        )

    async def _stream(self, request: Request) -> Response:
        domain_id, key = str(request.path_params["domain_id"]), key_of(request)
        if self._live.full(domain_id, key):
            raise HTTPException(429, TOO_MANY)
        snapshots = self._live.follow(domain_id, key)
        first = await anext(
            snapshots, None
        )  # an error raised before the stream starts becomes an HTTP status
        headers = {"cache-control": "no-store", "x-accel-buffering": "no"}
        return StreamingResponse(
            self._events(first, snapshots), media_type="text/event-stream", headers=headers
        )

    async def _events(
        self, first: Snapshot | None, rest: AsyncGenerator[Snapshot | None]
    ) -> AsyncIterator[str]:
        """Yield server-sent events; end after a while, so that the browser reconnects with its key."""
        ends = asyncio.get_running_loop().time() + CONNECTION.total_seconds() * random.uniform(0.75, 1)  # noqa: S311 - spreads load
        async with aclosing(rest) as snapshots:
            yield self._event(first)
            async for snapshot in snapshots:
                yield self._event(snapshot)
                if asyncio.get_running_loop().time() > ends:
                    return

    def _event(self, snapshot: Snapshot | None) -> str:
        if snapshot is None:
            return ": heartbeat\n\n"
        gone = snapshot.verification.state == Domain.STATE_DELETED
        return self._update(snapshot) + ("event: gone\ndata:\n\n" if gone else "")

    def _update(self, snapshot: Snapshot) -> str:
        html = snapshot.rendered(self._prefix, self._render)
        return "".join(f"data: {line}\n" for line in html.splitlines() if line.strip()) + "\n"

    def _render(self, verification: Verification) -> str:
        return self._templates.part("domain_live.html", **self._context(verification))

    async def _check(self, request: Request) -> Response:
        domain_id: UUID = request.path_params["domain_id"]
        grpc_request = VerifyDomainRequest(domain_id=str(domain_id))
        await call(self._stubs.verifier.VerifyDomain, grpc_request, key=key_of(request))
        return RedirectResponse(f"{self._prefix}/{domain_id}?asked=yes", 303)

    async def _export(self, request: Request) -> Response:
        verification = await self._verification(request)
        export = exports.of_kind(
            request.path_params["kind"], verification.domain_name, _zone(verification), verification.records
        )
        if export is None:
            raise HTTPException(404)
        disposition = f'attachment; filename="{export.file_name}"'
        return Response(
            export.text, media_type=export.media_type, headers={"content-disposition": disposition}
        )

    async def _verification(self, request: Request) -> Verification:
        grpc_request = GetVerificationRequest(domain_id=str(request.path_params["domain_id"]))
        answer = await call(self._stubs.verifier.GetVerification, grpc_request, key=key_of(request))
        return answer.verification

    def _context(self, verification: Verification) -> dict[str, Any]:
        zone, provider = _zone(verification), _provider(verification)
        now = datetime.now(UTC).replace(tzinfo=None)
        chip = chips.verification(verification)
        title, sentence = domain_status.headline(verification, now)
        rows = [
            Row(check, entry(check.record, check.zone or zone, provider)) for check in verification.records
        ]
        return {
            "verification": verification,
            "chip": chip,
            "tone": "" if verification.state == Domain.STATE_PENDING or chip.tone == "quiet" else chip.tone,
            "title": title,
            "sentence": sentence,
            "sending": outlook.sending(verification),
            "times": outlook.times(verification, now),
            "found": record_problems.found(verification.records),
            "shared": record_problems.shared(verification.records),
            "to_fix": [row for row in rows if row.check in _to_fix(verification)],
            "testable": chip == chips.domain_state(Domain.STATE_READY),
            "base": f"{self._prefix}/{verification.domain_id}",
            "zone": zone,
            "provider": provider,
            "rows": rows,
            "everything": "\n".join(_line(row) for row in rows if exports.harmless(row.check)),
        }


def _to_fix(verification: Verification) -> Sequence[RecordCheck]:
    """Return the records to fix: those with a mistake, and once the domain was ready, those that are gone."""
    if verification.state == Domain.STATE_PENDING:
        return record_problems.wrong(verification.records)
    return record_problems.absent(verification.records)


def _zone(verification: Verification) -> str:
    """Return the zone in which the records were checked; empty before the first check."""
    return next((check.zone for check in verification.records if check.zone), "")


def _provider(verification: Verification) -> Provider | None:
    return recognised(next((check.name_servers for check in verification.records if check.name_servers), ()))


def _line(row: Row) -> str:
    priority = "" if row.entry.priority is None else str(row.entry.priority)
    return "\t".join(
        (texts.type_of(row.check.record), row.entry.name or "(empty)", row.entry.value, priority)
    ).rstrip()
