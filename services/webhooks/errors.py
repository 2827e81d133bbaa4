"""The errors that webhooks returns to callers, each with its reason, message and metadata."""

from chassis.errors import FailedPrecondition, NotFound, ResourceExhausted


class EndpointNotFound(NotFound):
    """The endpoint does not exist, or the caller may not see it."""

    def __init__(self) -> None:
        super().__init__(
            "ENDPOINT_NOT_FOUND", "Endpoint not found. Use ListEndpoints to list your endpoints."
        )


class EndpointEventNotFound(NotFound):
    """The endpoint has no event of this id."""

    def __init__(self) -> None:
        message = "Event not found; events are kept for 30 days. Use ListEvents to list those of an endpoint."
        super().__init__("ENDPOINT_EVENT_NOT_FOUND", message)


class DomainNotFound(NotFound):
    """A domain of an endpoint's filter does not exist, or belongs to another tenant."""

    def __init__(self) -> None:
        super().__init__("DOMAIN_NOT_FOUND", "Domain not found. Use ListDomains to list your domains.")


class TooManyEndpoints(ResourceExhausted):
    """The tenant has reached its limit of endpoints."""

    def __init__(self, limit: int) -> None:
        message = f"The tenant has reached its limit of {limit} endpoints. Delete one first."
        super().__init__("TOO_MANY_ENDPOINTS", message, metadata={"limit": str(limit)})


class EndpointDisabled(FailedPrecondition):
    """Nothing is posted to the endpoint."""

    def __init__(self) -> None:
        message = "The endpoint is disabled. Enable it with UpdateEndpoint, then retry."
        super().__init__("ENDPOINT_DISABLED", message)


class WebhooksNotConfigured(FailedPrecondition):
    """The installation has no key to encrypt secrets with."""

    def __init__(self) -> None:
        message = (
            "This installation cannot store secrets. Ask the operator to set LETTERHEAD_WEBHOOK_KEYS_FILE."
        )
        super().__init__("WEBHOOKS_NOT_CONFIGURED", message)
