"""The refusals that callers of sender may see, each with its reason, its sentence and its metadata."""

import math
from datetime import timedelta

from chassis.errors import (
    Aborted,
    AlreadyExists,
    FailedPrecondition,
    NotFound,
    PermissionDenied,
    ResourceExhausted,
)


class FromNotYours(FailedPrecondition):
    """The From is of no live domain of the tenant."""

    def __init__(self, domain: str) -> None:
        said = f"{domain} is not a domain of this tenant; add it with CreateDomain first"
        super().__init__("FROM_NOT_YOURS", said, metadata={"domain": domain})


class KeyNotForDomain(PermissionDenied):
    """The key is tied to other domains."""

    def __init__(self, domain: str) -> None:
        said = f"this key is tied to other domains than {domain}; use another key"
        super().__init__("KEY_NOT_FOR_DOMAIN", said, metadata={"domain": domain})


class TenantPaused(FailedPrecondition):
    """Nothing is sent for the tenant."""

    def __init__(self, reason: str) -> None:
        because = f" ({reason})" if reason else ""
        super().__init__("TENANT_PAUSED", f"the tenant is paused{because}; ask the operator to resume it")


class DomainDeleting(FailedPrecondition):
    """Nothing is sent from the domain any more."""

    def __init__(self, domain: str) -> None:
        said = f"{domain} is being deleted; nothing is sent from it any more"
        super().__init__("DOMAIN_DELETING", said, metadata={"domain": domain})


class DomainSuperseded(FailedPrecondition):
    """Another tenant proved the name."""

    def __init__(self, name: str) -> None:
        message = (
            f"Another account proved control of {name}, so nothing is sent from it any more. "
            "To claim the name again, delete the domain, create it and publish the TXT record that it shows."
        )
        super().__init__("DOMAIN_SUPERSEDED", message, metadata={"name": name})


class DomainNotReady(FailedPrecondition):
    """The domain cannot send as itself, and nobody stands in for it."""

    def __init__(self, domain: str, state: str) -> None:
        said = (
            f"{domain} is {state} and cannot send as itself, and no shared sender stands in for it; "
            "publish the records that GetDomain shows"
        )
        super().__init__("DOMAIN_NOT_READY", said, metadata={"domain": domain, "state": state})


class DomainNotFound(NotFound):
    """No such domain for this caller."""

    def __init__(self) -> None:
        super().__init__("DOMAIN_NOT_FOUND", "no such domain; ListDomains shows those there are")


class TestAddressNotConfirmed(FailedPrecondition):
    """The address is not the domain's, and not its confirmed one."""

    def __init__(self, domain: str, address: str) -> None:
        said = (
            f"{address} is not an address of {domain} and is not confirmed for it; "
            "confirm it with SendTestCode and ConfirmTestAddress first"
        )
        metadata = {"domain": domain, "address": address}
        super().__init__("TEST_ADDRESS_NOT_CONFIRMED", said, metadata=metadata)


class TestCodeEnded(FailedPrecondition):
    """There is no open code for the address."""

    def __init__(self, address: str) -> None:
        said = (
            f"no code for {address} is open: it expired, another took its place, or five wrong codes were "
            "given; send a new one with SendTestCode"
        )
        super().__init__("TEST_CODE_ENDED", said, metadata={"address": address})


class TooManyTestCodes(ResourceExhausted):
    """The domain, its tenant or the address had its codes of this hour."""

    def __init__(self, retry_after: timedelta) -> None:
        minutes = max(1, math.ceil(retry_after.total_seconds() / 60))
        said = f"code limit reached; look in the spam folder too, or try again in {minutes} min"
        super().__init__("RATE_EXCEEDED", said, retry_after=retry_after)


class TooManyTests(ResourceExhausted):
    """The domain had its fill of test emails."""

    def __init__(self, retry_after: timedelta) -> None:
        minutes = math.ceil(retry_after.total_seconds() / 60)
        said = f"test email limit reached; look in the spam folder too, or try again in {minutes} min"
        super().__init__("RATE_EXCEEDED", said, retry_after=retry_after)


class RequestIdReused(AlreadyExists):
    """The request_id stands for another request."""

    def __init__(self, request_id: str) -> None:
        said = "this request_id was used before for something else; use a new one for a new request"
        super().__init__("REQUEST_ID_REUSED", said, metadata={"request_id": request_id})


class RequestForgotten(Aborted):
    """The answer to a request_id was forgotten at the very moment it was asked for."""

    def __init__(self) -> None:
        super().__init__("STORAGE_UNAVAILABLE", "the request_id was just forgotten; call again")


class TenantNotFound(NotFound):
    """No such tenant for this caller."""

    def __init__(self) -> None:
        super().__init__("TENANT_NOT_FOUND", "no such tenant; leave tenant_id out to use the key's own")


class EmailNotFound(NotFound):
    """No such email for this caller."""

    def __init__(self) -> None:
        super().__init__("EMAIL_NOT_FOUND", "no such email; its id is the one that SendEmail returned")


class WrongState(FailedPrecondition):
    """The email has come too far; `why` is a sentence without a subject."""

    def __init__(self, state: str, why: str) -> None:
        super().__init__("EMAIL_STATE", f"the email is {state}: it {why}", metadata={"state": state})


class NothingToDecide(FailedPrecondition):
    """The email's outcome is known, or nobody has to find it out."""

    def __init__(self, state: str) -> None:
        said = f"the email is {state}, and no operator's decision is open over it; GetEmail tells its history"
        super().__init__("EMAIL_STATE", said, metadata={"state": state})


class TooLateToResend(FailedPrecondition):
    """The email's deadline has passed."""

    def __init__(self, state: str) -> None:
        said = (
            "the email's deadline has passed, so it is not sent once more; send a new one, "
            "and settle this one as SENT or NOT_SENT"
        )
        super().__init__("EMAIL_STATE", said, metadata={"state": state})


class SuppressionNotFound(NotFound):
    """The address is not on the list."""

    def __init__(self) -> None:
        super().__init__("SUPPRESSION_NOT_FOUND", "the address is not on the tenant's suppression list")
