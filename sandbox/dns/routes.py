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
    """Handlers over one Internet."""

    def __init__(self, internet: Internet) -> None:
        self._internet = internet

    @property
    def routes(self) -> list[BaseRoute]:
        """What to mount under the control API's root."""
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
        """Lists the zones."""
        return JSONResponse({"zones": sorted(self._internet.authority.zones)})

    async def _put_zone(self, request: Request) -> JSONResponse:
        """Makes a zone, or changes its `name_servers` and `soa_minimum` (seconds)."""
        wish = await body.read(request, _ZoneBody)
        zone = await self._internet.put_zone(
            request.path_params["apex"], wish.name_servers or (), wish.soa_minimum
        )
        return JSONResponse(self._zone(zone))

    async def _get_zone(self, request: Request) -> JSONResponse:
        """One zone with the records each of its servers holds."""
        zone = self._internet.authority.zones.get(canonical(request.path_params["apex"]))
        if zone is None:
            raise body.Refused("There is no such zone: GET /dns/zones lists those that exist.", 404)
        return JSONResponse(self._zone(zone))

    async def _delete_zone(self, request: Request) -> JSONResponse:
        """Deletes a zone."""
        self._internet.authority.drop_zone(request.path_params["apex"])
        return JSONResponse({})

    async def _publish(self, request: Request) -> JSONResponse:
        """Publishes a record, on `servers` or on all of the zone."""
        wish = await body.read(request, _RecordBody)
        record = self._internet.publish(
            wish.name, wish.type, wish.value, wish.ttl, priority=wish.priority, servers=wish.servers
        )
        return JSONResponse(_record(record), 201)

    async def _withdraw(self, request: Request) -> JSONResponse:
        """Deletes the records that match."""
        wish = await body.read(request, _WithdrawBody)
        removed = self._internet.withdraw(wish.name, wish.type, wish.value, servers=wish.servers)
        return JSONResponse({"removed": removed})

    async def _load(self, request: Request) -> JSONResponse:
        """Publishes the records of a BIND zone file."""
        wish = await body.read(request, _ZonefileBody)
        return JSONResponse({"records": self._internet.load(wish.apex, wish.text)}, 201)

    async def _list_faults(self, _request: Request) -> JSONResponse:
        """Lists the faults in force."""
        return JSONResponse({"faults": [asdict(fault) for fault in self._internet.faults.in_force]})

    async def _add_fault(self, request: Request) -> JSONResponse:
        """Lays a fault on a name, zone or server."""
        wish = await body.read(request, _FaultBody)
        fault = self._internet.lay_fault(
            wish.kind,
            name=wish.name,
            zone=wish.zone,
            server=wish.server,
            rdtype=wish.type,
            delay_ms=wish.delay_ms,
            count=wish.count,
        )
        return JSONResponse({"id": fault.id}, 201)

    async def _clear_faults(self, _request: Request) -> JSONResponse:
        """Clears every fault."""
        self._internet.faults.clear()
        return JSONResponse({})

    async def _remove_fault(self, request: Request) -> JSONResponse:
        """Clears one fault."""
        self._internet.faults.remove(request.path_params["fault_id"])
        return JSONResponse({})

    async def _list_queries(self, request: Request) -> JSONResponse:
        """The last queries servers were asked, oldest first."""
        wish = body.query(request, _QueriesQuery)
        name = canonical(wish.name) if wish.name is not None else None
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
