"""What the verifier refuses: the leaves of the error tree that its rpcs raise."""

from chassis.errors import FailedPrecondition, NotFound


class DomainNotFound(NotFound):
    """No such domain, or one of another tenant's: the two answer alike."""

    def __init__(self) -> None:
        super().__init__(
            "DOMAIN_NOT_FOUND", "no such domain; ListDomains of the identity service shows yours"
        )


class DomainDeleting(FailedPrecondition):
    """The domain is going or gone."""

    def __init__(self, name: str) -> None:
        super().__init__(
            "DOMAIN_DELETING",
            f"{name} is deleted; add it again with CreateDomain to have it looked at",
            metadata={"domain": name},
        )


class DomainSuperseded(FailedPrecondition):
    """Another tenant proved the name."""

    def __init__(self, name: str) -> None:
        message = (
            f"Another account proved control of {name}, so this domain cannot be verified again. "
            "Delete it; to claim the name again, create it and publish the TXT record that it shows."
        )
        super().__init__("DOMAIN_SUPERSEDED", message, metadata={"name": name})
