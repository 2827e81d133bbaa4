"""The SES part of the control API: inspect and change its state, inject faults and events."""

from dataclasses import dataclass, field, fields
from datetime import timedelta
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import BaseRoute, Route

from sandbox import body
from sandbox.aws.account import Account
from sandbox.aws.authorization import Authorizations
from sandbox.aws.condition import Condition, Status
from sandbox.aws.errors import AwsError
from sandbox.aws.events import Events
from sandbox.aws.faults import ANY, Fault, Faults
from sandbox.aws.identities import Identities
from sandbox.aws.injection import made_up
from sandbox.aws.ledger import Ledger
from sandbox.aws.registry import Identity, Registry, new_tokens
from sandbox.clock import Clock

_SEED_LIMIT = 10_000
_PATCHES = (
    "dkim_status",
    "mail_from_status",
    "verification_status",
    "verified_for_sending",
    "signing_hosted_zone",
    "tags",
)


@dataclass(frozen=True)
class _SeedBody:
    names: list[str] = field(default_factory=list)
    count: int = 0
    verified: bool = False
    tag: str | None = "letterhead"  # value of the tag `letterhead`; null leaves the identities untagged


@dataclass(frozen=True)
class _AgeBody:
    seconds: float


@dataclass(frozen=True)
class _AccountBody:
    production_access: bool | None = None
    sending_enabled: bool | None = None
    enforcement_status: str | None = None
    max_send_rate: float | None = None
    max_24_hour_send: float | None = None


@dataclass(frozen=True)
class _CallFaultBody:
    operation: str
    kind: str
    rate: float = 1.0
    count: int | None = None
    latency_ms: int = 0


@dataclass(frozen=True)
class _EventFaultBody:
    kind: str
    event_type: str = ANY
    rate: float = 1.0
    count: int | None = None
    delay_ms: int = 0


@dataclass(frozen=True, kw_only=True)
class AwsRoutes:
    """Handlers for the parts of the simulated AWS."""

    clock: Clock
    registry: Registry
    identities: Identities
    account: Account
    ledger: Ledger
    authorizations: Authorizations
    call_faults: Faults
    event_faults: Faults
    events: Events

    def routes(self) -> list[BaseRoute]:
        """Return the routes to mount under the control API's root."""
        return [
            Route("/ses/identities", self._list_identities),
            Route("/ses/identities/seed", self._seed, methods=["POST"]),
            Route("/ses/identities/{name}", self._show_identity),
            Route("/ses/identities/{name}", self._change_identity, methods=["PATCH"]),
            Route("/ses/identities/{name}/age", self._age_identity, methods=["POST"]),
            Route("/ses/identities/{name}/tokens", self._keep_tokens, methods=["PUT"]),
            Route("/ses/account", self._show_account),
            Route("/ses/account", self._change_account, methods=["PATCH"]),
            Route("/ses/ledger", self._show_ledger),
            Route("/ses/ledger", self._clear_ledger, methods=["DELETE"]),
            Route("/iam/authorizations", self._show_authorizations),
            Route("/ses/faults", self._add_call_fault, methods=["POST"]),
            Route("/ses/faults", self._clear_call_faults, methods=["DELETE"]),
            Route("/events/faults", self._add_event_fault, methods=["POST"]),
            Route("/events/faults", self._clear_event_faults, methods=["DELETE"]),
            Route("/events/inject", self._inject, methods=["POST"]),
        ]

    async def _list_identities(self, _request: Request) -> JSONResponse:
        """List all identities, with their internal state."""
        return JSONResponse({"identities": [self._shown(identity) for identity in self.registry]})

    async def _show_identity(self, request: Request) -> JSONResponse:
        """Return one identity, with the times at which DKIM and MAIL FROM were verified."""
        return JSONResponse(self._shown(self._identity(request)))

    async def _seed(self, request: Request) -> JSONResponse:
        """Create identities in bulk, by `names` or `count`, without rate limits."""
        params = await body.read(request, _SeedBody)
        names = params.names or [
            f"seed-{number:05d}.letterhead-seeds.com" for number in range(1, params.count + 1)
        ]
        if len(names) > _SEED_LIMIT:
            raise body.Refused(f"SES holds at most {_SEED_LIMIT} identities. Seed fewer.")
        tags = {"letterhead": params.tag} if params.tag else {}
        try:
            seeded = [self.identities.seed(name, tags=tags, verified=params.verified) for name in names]
        except AwsError as rejection:
            raise body.Refused(rejection.message) from rejection
        return JSONResponse({"identities": [self._shown(identity) for identity in seeded]}, 201)

    async def _change_identity(self, request: Request) -> JSONResponse:
        """Override parts of an identity's state regardless of DNS; null removes an override."""
        identity, params = self._identity(request), await _members(request)
        for name in params.keys() - set(_PATCHES):
            raise body.Refused(f"Unknown member {name!r}. Use {', '.join(_PATCHES)}.")
        self._change(identity, params)
        return JSONResponse(self._shown(identity))

    async def _age_identity(self, request: Request) -> JSONResponse:
        """Let `seconds` pass for one identity only, such as SES's 72 hours."""
        identity, params = self._identity(request), await body.read(request, _AgeBody)
        for condition in (identity.dkim, identity.mail_from_condition):
            if condition:
                condition.age(timedelta(seconds=params.seconds))
        return JSONResponse(self._shown(identity))

    async def _keep_tokens(self, request: Request) -> JSONResponse:
        """Reserve DKIM tokens, so that an identity of this name gets the same ones whenever it is created."""
        name = request.path_params["name"]
        tokens = self.registry.reserved_tokens.setdefault(name, new_tokens())
        return JSONResponse({"tokens": tokens})

    async def _show_account(self, _request: Request) -> JSONResponse:
        """Return the account's status and rates."""
        return JSONResponse(self.account.to_json())

    async def _change_account(self, request: Request) -> JSONResponse:
        """Change the account's status and rates; omitted members stay unchanged."""
        params, account = await body.read(request, _AccountBody), self.account
        for name in ("production_access", "sending_enabled", "enforcement_status", "max_24_hour_send"):
            if getattr(params, name) is not None:
                setattr(account, name, getattr(params, name))
        if params.max_send_rate is not None:
            account.set_send_rate(params.max_send_rate)
        return JSONResponse(account.to_json())

    async def _show_ledger(self, _request: Request) -> JSONResponse:
        """List all calls that reached SES: posts, accepted, controls, and counts of throttled."""
        return JSONResponse(self.ledger.to_json())

    async def _clear_ledger(self, _request: Request) -> JSONResponse:
        """Clear the ledger."""
        self.ledger.clear()
        return JSONResponse({})

    async def _show_authorizations(self, _request: Request) -> JSONResponse:
        """List the IAM actions that AWS would have authorized, by access key, resource and condition keys."""
        return JSONResponse({"authorizations": self.authorizations.to_json()})

    async def _add_call_fault(self, request: Request) -> JSONResponse:
        """Inject a fault into an operation of any service, at a `rate` or `count` times."""
        params = await body.read(request, _CallFaultBody)
        fault = Fault(params.kind, params.operation, params.rate, params.count, params.latency_ms)
        return JSONResponse({"id": self.call_faults.add(fault)}, 201)

    async def _clear_call_faults(self, _request: Request) -> JSONResponse:
        """Clear all faults of calls."""
        self.call_faults.clear()
        return JSONResponse({})

    async def _add_event_fault(self, request: Request) -> JSONResponse:
        """Inject a fault that drops, duplicates, delays or reorders events."""
        params = await body.read(request, _EventFaultBody)
        fault = Fault(params.kind, params.event_type, params.rate, params.count, params.delay_ms)
        return JSONResponse({"id": self.event_faults.add(fault)}, 201)

    async def _clear_event_faults(self, _request: Request) -> JSONResponse:
        """Clear all faults of events; events that are already delayed are still published."""
        self.event_faults.clear()
        return JSONResponse({})

    async def _inject(self, request: Request) -> JSONResponse:
        """Publish an event about an accepted email; further members override its default fields."""
        params = await _members(request)
        event_type, message_id = str(params.pop("event_type", "")), str(params.pop("message_id", ""))
        email = self.events.find(message_id)
        if email is None or not event_type:
            raise body.Refused(
                f"There is no email with message_id {message_id!r}, or event_type is missing.", 404
            )
        await self.events.publish(email, event_type, made_up(email, event_type, params, self.clock.now()))
        return JSONResponse({}, 202)

    def _identity(self, request: Request) -> Identity:
        name = request.path_params["name"]
        identity = self.registry.find(name)
        if identity is None:
            raise body.Refused(f"There is no identity {name}. GET /ses/identities lists all identities.", 404)
        return identity

    def _change(self, identity: Identity, params: dict[str, Any]) -> None:
        now = self.clock.now()
        for name, condition in (
            ("dkim_status", identity.dkim),
            ("mail_from_status", identity.mail_from_condition),
        ):
            if name in params:
                _present(condition, name).force(_status(params[name]), now)
        if "verification_status" in params:
            identity.verification = _status(params["verification_status"])
        if "verified_for_sending" in params:
            identity.sendable = _typed(params, "verified_for_sending", bool | None)
        if "signing_hosted_zone" in params:
            self.registry.move_keys(identity, _typed(params, "signing_hosted_zone", str))
        if "tags" in params:
            tags = _typed(params, "tags", dict)
            identity.tags = {str(key): str(value) for key, value in tags.items()}

    def _shown(self, identity: Identity) -> dict[str, Any]:
        mail_from = identity.mail_from_condition
        return {
            "name": identity.name,
            "created_at": identity.created_at.isoformat(),
            "verification_status": self.registry.verification(identity),
            "verified_for_sending": self.registry.sendable(identity),
            "dkim_status": identity.dkim.status,
            "dkim": _condition(identity.dkim),
            "tokens": identity.tokens,
            "signing_hosted_zone": identity.hosted_zone,
            "mail_from_domain": identity.mail_from,
            "mail_from_status": mail_from.status if mail_from else None,
            "mail_from": _condition(mail_from) if mail_from else None,
            "configuration_set": identity.configuration_set,
            "tags": identity.tags,
        }


async def _members(request: Request) -> dict[str, Any]:
    members = await request.json()
    if not isinstance(members, dict):
        raise body.Refused("The body is not a JSON object. Send one, such as {}.")
    return members


def _typed(params: dict[str, Any], name: str, kind: Any) -> Any:
    if not isinstance(params[name], kind):
        raise body.Refused(f"{name!r} cannot be {params[name]!r}, which has the wrong type.")
    return params[name]


def _condition(condition: Condition) -> dict[str, Any]:
    values = {spec.name: getattr(condition, spec.name) for spec in fields(condition)}
    return {
        name: value.isoformat() if hasattr(value, "isoformat") else value for name, value in values.items()
    }


def _present(condition: Condition | None, name: str) -> Condition:
    if condition is None:
        raise body.Refused(f"{name!r} cannot be set, because the identity has no MAIL FROM domain.")
    return condition


def _status(text: Any) -> Status | None:
    if text is None:
        return None
    if text not in list(Status):
        raise body.Refused(f"{text!r} is not an SES status. Use one of {', '.join(Status)}, or null.")
    return Status(text)
