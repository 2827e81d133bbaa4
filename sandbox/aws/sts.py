"""STS, limited to GetCallerIdentity."""

from sandbox.aws.config import AwsConfig
from sandbox.aws.service import Call, Params

CALLER = "letterhead-sandbox"


class Sts:
    """The handler of GetCallerIdentity."""

    def __init__(self, config: AwsConfig) -> None:
        self._account = config.account

    async def get_caller_identity(self, call: Call) -> Params:  # noqa: ARG002 - all handlers have the same signature
        arn = f"arn:aws:iam::{self._account}:user/{CALLER}"
        return {"UserId": "AIDASANDBOXSANDBOX123", "Account": self._account, "Arn": arn}
