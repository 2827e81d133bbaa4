"""The DNS part of the control API."""

from dataclasses import asdict, dataclass
from typing import Any

from dns.rdatatype import RdataType
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import BaseRoute, Route

from sandbox import body
from sandbox.dns.faults import FaultKind
from sandbox.dns.internet import Internet
from sandbox.dns.records import DEFAULT_TTL, Record, canonical
from sandbox.dns.zone import Zone


@dataclass(frozen=True)
class _ZoneBody:
    name_servers: list[str] | None = None
    soa_minimum: int | None = None


@dataclass(frozen=True)
class _RecordBody:
    name: str
    type: str
    value: str
    priority: int | None = None
    ttl: int = DEFAULT_TTL
    servers: list[str] | None = None


@dataclass(frozen=True)
class _WithdrawBody:
    name: str
    type: str | None = None
    value: str | None = None
    servers: list[str] | None = None


@dataclass(frozen=True)
class _ZonefileBody:
    apex: str
    text: str


@dataclass(frozen=True)
class _FaultBody:
    kind: FaultKind
    name: str | None = None
    zone: str | None = None
    server: str | None = None
    type: str | None = None
    delay_ms: int = 1000
    count: int | None = None


@dataclass(frozen=True)
class _QueriesQuery:
    name: str | None = None


class DnsRoutes:
    """Handlers for one Internet."""

    def __init__(self, internet: Internet) -> None:
        self._internet = internet

    @property
    def routes(self) -> list[BaseRoute]:
        """Return the routes to mount under the control API's root."""
        return [
            Route("/dns/zones", self._list_zones),
            Route("/dns/zones/{apex}", self._put_zone, methods=["PUT"]),
            Route("/dns/zones/{apex}", self._get_zone),
            Route("/dns/zones/{apex}", self._delete_zone, methods=["DELETE"]),
            Route("/dns/records", self._publish, methods=["POST"]),
            Route("/dns/records", self._withdraw, methods=["DELETE"]),
            Route("/dns/zonefile", self._load, methods=["POST"]),
            Route("/dns/faults", self._list_faults),
            Route("/dns/faults", self._add_fault, methods=["POST"]),
            Route("/dns/faults", self._clear_faults, methods=["DELETE"]),
            Route("/dns/faults/{fault_id}", self._remove_fault, methods=["DELETE"]),
            Route("/dns/queries", self._list_queries),
        ]

    async def _list_zones(self, _request: Request) -> JSONResponse:
        """List the zones."""
        return JSONResponse({"zones": sorted(self._internet.authority.zones)})

    async def _put_zone(self, request: Request) -> JSONResponse:
        """Create a zone, or change its `name_servers` and `soa_minimum` (seconds)."""
        params = await body.read(request, _ZoneBody)
        zone = await self._internet.put_zone(
            request.path_params["apex"], params.name_servers or (), params.soa_minimum
        )
        return JSONResponse(self._zone(zone))

    async def _get_zone(self, request: Request) -> JSONResponse:
        """Return one zone with the records that each of its servers holds."""
        zone = self._internet.authority.zones.get(canonical(request.path_params["apex"]))
        if zone is None:
            raise body.Refused(
                f"There is no zone {request.path_params['apex']}. GET /dns/zones lists all zones.", 404
            )
        return JSONResponse(self._zone(zone))

    async def _delete_zone(self, request: Request) -> JSONResponse:
        """Delete a zone."""
        self._internet.authority.drop_zone(request.path_params["apex"])
        return JSONResponse({})

    async def _publish(self, request: Request) -> JSONResponse:
        """Publish a record on `servers`, or on all servers of the zone."""
        params = await body.read(request, _RecordBody)
        record = self._internet.publish(
            params.name,
            params.type,
            params.value,
            params.ttl,
            priority=params.priority,
            servers=params.servers,
        )
        return JSONResponse(_record(record), 201)

    async def _withdraw(self, request: Request) -> JSONResponse:
        """Delete matching records."""
        params = await body.read(request, _WithdrawBody)
        removed = self._internet.withdraw(params.name, params.type, params.value, servers=params.servers)
        return JSONResponse({"removed": removed})

    async def _load(self, request: Request) -> JSONResponse:
        """Publish the records of a BIND zone file."""
        params = await body.read(request, _ZonefileBody)
        return JSONResponse({"records": self._internet.load(params.apex, params.text)}, 201)

    async def _list_faults(self, _request: Request) -> JSONResponse:
        """List the active faults."""
        return JSONResponse({"faults": [asdict(fault) for fault in self._internet.faults.in_force]})

    async def _add_fault(self, request: Request) -> JSONResponse:
        """Inject a fault for a name, zone or server."""
        params = await body.read(request, _FaultBody)
        fault = self._internet.inject_fault(
            params.kind,
            name=params.name,
            zone=params.zone,
            server=params.server,
            rdtype=params.type,
            delay_ms=params.delay_ms,
            count=params.count,
        )
        return JSONResponse({"id": fault.id}, 201)

    async def _clear_faults(self, _request: Request) -> JSONResponse:
        """Clear all faults."""
        self._internet.faults.clear()
        return JSONResponse({})

    async def _remove_fault(self, request: Request) -> JSONResponse:
        """Clear one fault."""
        self._internet.faults.remove(request.path_params["fault_id"])
        return JSONResponse({})

    async def _list_queries(self, request: Request) -> JSONResponse:
        """List the last queries to the servers, oldest first."""
        params = body.query(request, _QueriesQuery)
        name = canonical(params.name) if params.name is not None else None
        queries = [query for query in self._internet.packets.queries if name in (None, query.name)]
        shown = [
            asdict(query) | {"at": query.at.isoformat(), "type": RdataType.to_text(query.type)}
            for query in queries
        ]
        return JSONResponse({"queries": shown})

    def _zone(self, zone: Zone) -> dict[str, Any]:
        addresses = self._internet.authority.addresses
        servers = {
            host: {"address": addresses[host], "records": [_record(record) for record in tree.records()]}
            for host, tree in zone.trees.items()
        }
        return {"apex": zone.apex, "soa_minimum": zone.soa_minimum, "serial": zone.serial, "servers": servers}


def _record(record: Record) -> dict[str, Any]:
    return {
        "name": record.name,
        "type": RdataType.to_text(record.type),
        "value": record.value,
        "presentation": record.data.to_text(),
        "ttl": record.ttl,
    }
