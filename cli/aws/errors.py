"""Says in one sentence why AWS did not do what the setup asked, and with which exit status to end."""

import json

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    CredentialRetrievalError,
    NoCredentialsError,
    PartialCredentialsError,
    ProfileNotFound,
)

from chassis.aws import THROTTLES, error_of
from cli.exit_status import FAILED, UNAVAILABLE, USAGE

NO_CREDENTIALS = (CredentialRetrievalError, NoCredentialsError, PartialCredentialsError, ProfileNotFound)
EXPIRED = frozenset({"ExpiredToken", "ExpiredTokenException", "RequestExpired"})
INVALID = frozenset(
    {
        "InvalidClientTokenId",
        "UnrecognizedClientException",
        "SignatureDoesNotMatch",
        "InvalidSignatureException",
    }
    | {"AuthFailure", "IncompleteSignature", "InvalidAccessKeyId"}
)
DENIED = frozenset(
    {"AccessDenied", "AccessDeniedException", "AuthorizationError", "AuthorizationErrorException"}
    | {"NotAuthorized", "UnauthorizedOperation"}
)
# What AWS also authorizes when a resource is created with tags.
WITH_TAGS = {
    "ses:CreateConfigurationSet": "ses:TagResource",
    "sns:CreateTopic": "sns:TagResource",
    "sqs:CreateQueue": "sqs:TagQueue",
    "iam:CreateRole": "iam:TagRole",
}


AGAIN = "Then run the command again; it continues where it stopped."


class SetupError(Exception):
    """The setup cannot go on; the text is one sentence for the operator, `status` the exit status."""

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status


def failure(error: ClientError | BotoCoreError, action: str, resource: str) -> SetupError:
    """Return the error of a failed request for an IAM action on a resource."""
    if isinstance(error, ClientError):
        return _refused(*error_of(error), action, resource)
    if isinstance(error, NO_CREDENTIALS):
        remedy = "Set AWS_PROFILE, or sign in with `aws sso login`."
        return SetupError(f"No AWS credentials found ({error}). {remedy}", USAGE)
    why = f"AWS did not answer {action} ({type(error).__name__}: {error})."
    return SetupError(f"{why} Check the network and the region. {AGAIN}", UNAVAILABLE)


def _refused(code: str, message: str, action: str, resource: str) -> SetupError:
    if code in EXPIRED:
        return SetupError(f"The AWS credentials have expired ({code}). Sign in again. {AGAIN}", USAGE)
    if code in INVALID:
        return SetupError(
            f"AWS does not accept the credentials ({code}). Check AWS_PROFILE and the partition.", USAGE
        )
    if code in DENIED:
        statement = json.dumps(missing_statement(action, resource))
        return SetupError(
            f"AWS denied {action} on {resource}. Add to the policy of the caller: {statement}", FAILED
        )
    if code in THROTTLES:
        return SetupError(f"AWS throttled {action} ({code}). Wait a minute. {AGAIN}", UNAVAILABLE)
    return SetupError(f"AWS refused {action} on {resource} ({code}): {message}", FAILED)


def missing_statement(action: str, resource: str) -> dict[str, object]:
    """Return the statement of a policy that allows an action, and what AWS authorizes with it."""
    actions = [action, WITH_TAGS[action]] if action in WITH_TAGS else [action]
    return {"Effect": "Allow", "Action": actions, "Resource": resource}
