"""How the pretend AWS says no: one exception with AWS's own code and wording.

An error's HTTP status comes from the service's model; those here are common to all services and in no model.
"""

COMMON_STATUS = {
    "AccessDenied": 403,
    "AccessDeniedException": 403,
    "IncompleteSignature": 400,
    "InternalFailure": 500,
    "InvalidAction": 400,
    "InvalidClientTokenId": 403,
    "MalformedQueryString": 404,
    "MissingAuthenticationToken": 403,
    "RequestEntityTooLarge": 413,
    "SerializationException": 400,
    "ServiceUnavailable": 503,
    "ThrottlingException": 400,
    "UnknownOperationException": 404,
    "ValidationError": 400,
}


class Refusal(Exception):
    """A call that AWS would answer with an error."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message


class Throttled(Refusal):
    """A call over its rate; counted apart, because our own services must never be the cause of one."""

    def __init__(self, message: str) -> None:
        super().__init__("TooManyRequestsException", message)


def not_found(what: str, name: str) -> Refusal:
    """SES's answer for a resource that is not there."""
    return Refusal("NotFoundException", f"{what} <{name}> does not exist.")


def bad_request(message: str) -> Refusal:
    """SES's answer for a request that makes no sense."""
    return Refusal("BadRequestException", message)
