"""The errors that identity returns to callers, each with its reason, message and metadata."""

from uuid import UUID

from chassis.errors import (
    Aborted,
    AlreadyExists,
    FailedPrecondition,
    NotFound,
    PermissionDenied,
    ResourceExhausted,
)


class TenantNotFound(NotFound):
    """The tenant does not exist, or the caller may not see it."""

    def __init__(self) -> None:
        super().__init__("TENANT_NOT_FOUND", "Tenant not found. Use ListTenants to list the tenants.")


class TenantNameTaken(AlreadyExists):
    """Another tenant has this name."""

    def __init__(self, name: str) -> None:
        message = f"A tenant named {name!r} already exists. Choose another name, or use that tenant."
        super().__init__("TENANT_NAME_TAKEN", message, metadata={"name": name})


class TenantPaused(FailedPrecondition):
    """The tenant is paused, so it cannot create anything."""

    def __init__(self, reason: str) -> None:
        detail = f" ({reason})" if reason else ""
        message = f"The tenant is paused{detail}. Ask the operator to resume it."
        super().__init__("TENANT_PAUSED", message, metadata={"pause_reason": reason})


class ContactCodeEnded(FailedPrecondition):
    """No code for the tenant's contact is active."""

    def __init__(self) -> None:
        message = (
            "No active code: none was requested, it expired, or five wrong codes were entered. "
            "Request a new one with SetContact."
        )
        super().__init__("CONTACT_CODE_ENDED", message)


class KeyNotFound(NotFound):
    """The key does not exist, or the caller may not see it."""

    def __init__(self) -> None:
        super().__init__("KEY_NOT_FOUND", "API key not found. Use ListApiKeys to list the keys.")


class ScopeTooSmall(PermissionDenied):
    """The requested key would have a larger scope than the caller's key."""

    def __init__(self, scope: str, required: str) -> None:
        message = f"A key of scope {scope} cannot create a key of scope {required}. Use a key of that scope."
        super().__init__("SCOPE_TOO_SMALL", message, metadata={"scope": scope, "required": required})


class KeyReplaced(FailedPrecondition):
    """The key was rotated before, so another one has taken its place."""

    def __init__(self, replaced_by: UUID) -> None:
        message = f"The key was replaced by key {replaced_by}. If its token is lost, rotate that key."
        super().__init__("KEY_REPLACED", message, metadata={"replaced_by": str(replaced_by)})


class TooManyKeys(ResourceExhausted):
    """The tenant has reached its limit of active keys."""

    def __init__(self, limit: int) -> None:
        message = f"The tenant has reached its limit of {limit} active keys. Revoke a key first."
        super().__init__("TOO_MANY_KEYS", message, metadata={"limit": str(limit)})


class DomainSuperseded(FailedPrecondition):
    """Another tenant proved control of the name."""

    def __init__(self, name: str) -> None:
        message = (
            f"Another account proved control of {name}, so this domain cannot be used again. "
            "Delete it; to claim the name again, create it and publish the TXT record that it shows."
        )
        super().__init__("DOMAIN_SUPERSEDED", message, metadata={"name": name})


class DomainNotChallenged(FailedPrecondition):
    """No other tenant has proved control of the name."""

    def __init__(self, name: str) -> None:
        message = f"No other account has proved control of {name}. Use DeleteDomain to delete the domain."
        super().__init__("DOMAIN_NOT_CHALLENGED", message, metadata={"name": name})


class DomainNotFound(NotFound):
    """The domain does not exist, or the caller may not see it."""

    def __init__(self) -> None:
        super().__init__("DOMAIN_NOT_FOUND", "Domain not found. Use ListDomains to list your domains.")


class LinkNotFound(NotFound):
    """The link does not exist, or the caller may not see it."""

    def __init__(self) -> None:
        super().__init__("LINK_NOT_FOUND", "Link not found. Use ListLinks to list a domain's links.")


class TooManyLinks(ResourceExhausted):
    """The domain has reached its limit of active links."""

    def __init__(self, limit: int) -> None:
        message = f"The domain has reached its limit of {limit} active links. Revoke a link first."
        super().__init__("TOO_MANY_LINKS", message, metadata={"limit": str(limit)})


class DomainExists(AlreadyExists):
    """The tenant already has a domain of this name."""

    def __init__(self, domain_id: UUID, name: str) -> None:
        message = f"This tenant already has the domain {name}; GetDomain shows it and its records."
        super().__init__("DOMAIN_EXISTS", message, metadata={"domain_id": str(domain_id), "name": name})


class DomainDeleting(FailedPrecondition):
    """The domain is being deleted or is deleted."""

    def __init__(self, domain: str) -> None:
        message = f"{domain} is being deleted or is deleted. To use it, create it again with CreateDomain."
        super().__init__("DOMAIN_DELETING", message, metadata={"domain": domain})


class TooManyDomains(ResourceExhausted):
    """The tenant has reached its limit of domains."""

    def __init__(self, limit: int) -> None:
        message = (
            f"The tenant has reached its limit of {limit} domains. "
            "Delete one, or ask the operator to raise the limit."
        )
        super().__init__("TOO_MANY_DOMAINS", message, metadata={"limit": str(limit)})


class TooManyPendingDomains(ResourceExhausted):
    """The tenant has reached its limit of domains that are not ready yet."""

    def __init__(self, pending: int, limit: int) -> None:
        message = (
            f"The tenant has {pending} domains that are not ready yet; at most {limit} are allowed. "
            "Publish their records or delete some, then try again."
        )
        super().__init__("TOO_MANY_PENDING_DOMAINS", message, metadata={"limit": str(limit)})


class DomainChanged(Aborted):
    """The domain changed since the caller read it."""

    def __init__(self, domain_id: UUID) -> None:
        message = "The domain changed since you read it. Read it again with GetDomain, then retry."
        super().__init__("DOMAIN_CHANGED", message, metadata={"domain_id": str(domain_id)})
