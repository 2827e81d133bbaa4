"""Errors that callers of sender may receive, each with its reason, message and metadata."""

import math
from datetime import timedelta

from chassis.errors import (
    Aborted,
    FailedPrecondition,
    NotFound,
    PermissionDenied,
    ResourceExhausted,
)


class FromNotYours(FailedPrecondition):
    """The From address is not on a live domain of the tenant."""

    def __init__(self, domain: str) -> None:
        message = f"{domain} is not a domain of this tenant. Add it with CreateDomain first."
        super().__init__("FROM_NOT_YOURS", message, metadata={"domain": domain})


class KeyNotForDomain(PermissionDenied):
    """The key is restricted to other domains."""

    def __init__(self, domain: str) -> None:
        message = f"This key is restricted to other domains and cannot send from {domain}. Use another key."
        super().__init__("KEY_NOT_FOR_DOMAIN", message, metadata={"domain": domain})


class TenantPaused(FailedPrecondition):
    """The tenant is paused, so nothing is sent for it."""

    def __init__(self, reason: str) -> None:
        because = f" ({reason})" if reason else ""
        message = f"The tenant is paused{because}. Ask the operator to resume it."
        super().__init__("TENANT_PAUSED", message, metadata={"pause_reason": reason})


class DomainDeleting(FailedPrecondition):
    """The domain is being deleted and can no longer send."""

    def __init__(self, domain: str) -> None:
        message = f"{domain} is being deleted and can no longer send. Use another domain."
        super().__init__("DOMAIN_DELETING", message, metadata={"domain": domain})


class DomainSuperseded(FailedPrecondition):
    """Another tenant proved control of the domain name."""

    def __init__(self, name: str) -> None:
        message = (
            f"Another account proved control of {name}, so this account can no longer send from it. "
            "To claim the name again, delete the domain, create it and publish the TXT record that it shows."
        )
        super().__init__("DOMAIN_SUPERSEDED", message, metadata={"name": name})


class DomainNotReady(FailedPrecondition):
    """The domain cannot send under its own name, and the shared sender is not available for it."""

    def __init__(self, domain: str, state: str) -> None:
        message = (
            f"{domain} is {state} and cannot send under its own name, and the shared sender is not available "
            "for it. Publish the records that GetDomain shows."
        )
        super().__init__("DOMAIN_NOT_READY", message, metadata={"domain": domain, "state": state})


class DomainNotFound(NotFound):
    """No domain with this id is visible to the caller."""

    def __init__(self) -> None:
        super().__init__("DOMAIN_NOT_FOUND", "Domain not found. Use ListDomains to list your domains.")


class TestAddressNotConfirmed(FailedPrecondition):
    """The address is neither on the domain nor the domain's confirmed test address."""

    def __init__(self, domain: str, address: str) -> None:
        message = (
            f"{address} is not an address of {domain} and is not confirmed for it. "
            "Confirm it with SendTestCode and ConfirmTestAddress first."
        )
        metadata = {"domain": domain, "address": address}
        super().__init__("TEST_ADDRESS_NOT_CONFIRMED", message, metadata=metadata)


class TestCodeEnded(FailedPrecondition):
    """The address has no active code."""

    def __init__(self, address: str) -> None:
        message = (
            f"No active code for {address}: it expired, a newer code replaced it, or five wrong codes were "
            "entered. Send a new one with SendTestCode."
        )
        super().__init__("TEST_CODE_ENDED", message, metadata={"address": address})


class TooManyTests(ResourceExhausted):
    """The domain or its tenant has reached the limit of test emails."""

    def __init__(self, retry_after: timedelta) -> None:
        minutes = math.ceil(retry_after.total_seconds() / 60)
        message = f"Test email limit reached. Check the spam folder, or try again in {minutes} min."
        super().__init__("RATE_EXCEEDED", message, retry_after=retry_after)


class RequestExpired(Aborted):
    """The stored response for a request_id was deleted while the same request was being handled."""

    def __init__(self) -> None:
        super().__init__("CONFLICT", "The stored response for this request_id has just expired. Call again.")


class TenantNotFound(NotFound):
    """No tenant with this id is visible to the caller."""

    def __init__(self) -> None:
        message = "Tenant not found. Leave tenant_id out to use the key's own."
        super().__init__("TENANT_NOT_FOUND", message)


class EmailNotFound(NotFound):
    """No email with this id is visible to the caller."""

    def __init__(self) -> None:
        super().__init__("EMAIL_NOT_FOUND", "Email not found. Use the id that SendEmail returned.")


class WrongState(FailedPrecondition):
    """The email's state does not allow the call; `why` completes the sentence "it …"."""

    def __init__(self, state: str, why: str) -> None:
        super().__init__("EMAIL_STATE", f"The email is {state}: it {why}.", metadata={"state": state})


class NothingToDecide(FailedPrecondition):
    """The email's outcome is known, or does not need an operator's decision."""

    def __init__(self, state: str) -> None:
        message = f"The email is {state} and does not need an operator's decision. Its history shows why."
        super().__init__("EMAIL_STATE", message, metadata={"state": state})


class TooLateToResend(FailedPrecondition):
    """The email's deadline has passed."""

    def __init__(self, state: str) -> None:
        message = (
            "The email's deadline has passed, so it cannot be sent again. Send a new email, "
            "and resolve this one as SENT or NOT_SENT."
        )
        super().__init__("EMAIL_STATE", message, metadata={"state": state})


class SuppressionNotFound(NotFound):
    """The address is not on the tenant's suppression list."""

    def __init__(self) -> None:
        super().__init__("SUPPRESSION_NOT_FOUND", "The address is not on the tenant's suppression list.")
