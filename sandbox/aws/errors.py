"""Errors of the simulated AWS: one exception with AWS's code and message.

An error's HTTP status comes from the service's model; those here are common to all services and in none.
"""

COMMON_STATUS = {
    "AccessDenied": 403,
    "AccessDeniedException": 403,
    "AuthorizationError": 403,
    "ExpiredToken": 403,
    "ExpiredTokenException": 403,
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


class AwsError(Exception):
    """An AWS error response."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message


class Throttled(AwsError):
    """A call above its rate limit; counted separately, because the services must never cause one."""

    def __init__(self, message: str) -> None:
        super().__init__("TooManyRequestsException", message)


def not_found(what: str, name: str) -> AwsError:
    """Return SES's error for a resource that does not exist."""
    return AwsError("NotFoundException", f"{what} <{name}> does not exist.")


def bad_request(message: str) -> AwsError:
    """Return SES's error for an invalid request."""
    return AwsError("BadRequestException", message)
