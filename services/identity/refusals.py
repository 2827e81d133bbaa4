"""The refusals that callers of identity may see, each with its reason, its sentence and its metadata."""

from uuid import UUID

from chassis.errors import (
    Aborted,
    AlreadyExists,
    FailedPrecondition,
    NotFound,
    PermissionDenied,
    ResourceExhausted,
)


class RequestIdReused(AlreadyExists):
    """The request_id stands for another request."""

    def __init__(self, request_id: str) -> None:
        message = "this request_id was used before for something else; use a new one for a new request"
        super().__init__("REQUEST_ID_REUSED", message, metadata={"request_id": request_id})


class TenantNotFound(NotFound):
    """No such tenant for this caller."""

    def __init__(self) -> None:
        super().__init__("TENANT_NOT_FOUND", "no such tenant; ListTenants shows those there are")


class TenantNameTaken(AlreadyExists):
    """Another tenant has the name."""

    def __init__(self, name: str) -> None:
        message = f"a tenant named {name!r} exists; choose another name, or use that tenant"
        super().__init__("TENANT_NAME_TAKEN", message, metadata={"name": name})


class TenantPaused(FailedPrecondition):
    """A paused tenant creates nothing."""

    def __init__(self, reason: str) -> None:
        because = f" ({reason})" if reason else ""
        super().__init__("TENANT_PAUSED", f"the tenant is paused{because}; ask the operator to resume it")


class KeyNotFound(NotFound):
    """No such key for this caller."""

    def __init__(self) -> None:
        super().__init__("KEY_NOT_FOUND", "no such key; ListApiKeys shows those there are")


class ScopeTooSmall(PermissionDenied):
    """The key concerned can do more than the caller's."""

    def __init__(self, scope: str, required: str) -> None:
        message = f"this key has scope {scope}, and the other one {required}; use a key that can do as much"
        super().__init__("SCOPE_TOO_SMALL", message, metadata={"scope": scope, "required": required})


class TooManyKeys(ResourceExhausted):
    """The tenant has its fill of live keys."""

    def __init__(self, limit: int) -> None:
        message = f"the tenant has {limit} live keys, the most allowed; revoke one first"
        super().__init__("TOO_MANY_KEYS", message, metadata={"limit": str(limit)})


class DomainSuperseded(FailedPrecondition):
    """Another tenant proved the name."""

    def __init__(self, name: str) -> None:
        message = (
            f"Another account proved control of {name}, so this domain cannot be used again. "
            "Delete it; to claim the name again, create it and publish the TXT record that it shows."
        )
        super().__init__("DOMAIN_SUPERSEDED", message, metadata={"name": name})


class DomainNotChallenged(FailedPrecondition):
    """Nobody waits for the name."""

    def __init__(self, name: str) -> None:
        message = f"No other account has proved control of {name}. Use DeleteDomain to give it up."
        super().__init__("DOMAIN_NOT_CHALLENGED", message, metadata={"name": name})


class DomainNotFound(NotFound):
    """No such domain for this caller."""

    def __init__(self) -> None:
        super().__init__("DOMAIN_NOT_FOUND", "no such domain; ListDomains shows those there are")


class LinkNotFound(NotFound):
    """No such link for this caller."""

    def __init__(self) -> None:
        super().__init__("LINK_NOT_FOUND", "no such link; ListLinks shows those of a domain")


class TooManyLinks(ResourceExhausted):
    """The domain has its fill of live links."""

    def __init__(self, limit: int) -> None:
        message = f"the domain has {limit} live links, the most allowed; revoke one first"
        super().__init__("TOO_MANY_LINKS", message, metadata={"limit": str(limit)})


class DomainExists(AlreadyExists):
    """The tenant has the domain."""

    def __init__(self, domain_id: UUID, name: str) -> None:
        message = f"this tenant has the domain {name} already; GetDomain shows it and its records"
        super().__init__("DOMAIN_EXISTS", message, metadata={"domain_id": str(domain_id), "name": name})


class DomainDeleting(FailedPrecondition):
    """The domain is on its way out, or gone."""

    def __init__(self) -> None:
        message = "the domain is being deleted or is gone; create it again with CreateDomain to use it"
        super().__init__("DOMAIN_DELETING", message)


class TooManyDomains(ResourceExhausted):
    """The tenant has its fill of domains."""

    def __init__(self, limit: int) -> None:
        message = f"the tenant has {limit} domains, the most allowed; delete one, or ask the operator"
        super().__init__("TOO_MANY_DOMAINS", message, metadata={"limit": str(limit)})


class TooManyPendingDomains(ResourceExhausted):
    """The tenant has as many domains as may be unfinished at once."""

    def __init__(self, pending: int, limit: int) -> None:
        message = (
            f"The tenant has {pending} domains that are not ready yet; at most {limit} are allowed. "
            "Publish their records or delete some, then create this one again."
        )
        super().__init__("TOO_MANY_PENDING_DOMAINS", message, metadata={"limit": str(limit)})


class DomainChanged(Aborted):
    """The caller looked at an older domain."""

    def __init__(self, domain_id: UUID) -> None:
        message = "the domain changed since it was read; read it again with GetDomain and decide anew"
        super().__init__("DOMAIN_CHANGED", message, metadata={"domain_id": str(domain_id)})
