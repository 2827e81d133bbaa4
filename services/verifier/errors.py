"""The errors that the verifier's RPCs return to callers."""

from chassis.errors import FailedPrecondition, NotFound


class DomainNotFound(NotFound):
    """The domain does not exist, or belongs to another tenant: the response is the same."""

    def __init__(self) -> None:
        super().__init__(
            "DOMAIN_NOT_FOUND", "Domain not found. Call ListDomains of the identity service to list yours."
        )


class DomainDeleting(FailedPrecondition):
    """The domain is being deleted or is deleted."""

    def __init__(self, name: str) -> None:
        super().__init__(
            "DOMAIN_DELETING",
            f"{name} is deleted. Create it again with CreateDomain to verify it.",
            metadata={"domain": name},
        )


class DomainSuperseded(FailedPrecondition):
    """Another tenant proved ownership of the domain."""

    def __init__(self, name: str) -> None:
        message = (
            f"Another account proved control of {name}, so this domain cannot be verified again. "
            "Delete it. To claim the name again, create it and publish the TXT record shown."
        )
        super().__init__("DOMAIN_SUPERSEDED", message, metadata={"name": name})
