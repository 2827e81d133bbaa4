"""The pretend AWS: SES v2, SNS, SQS and STS, held to botocore's models and to what is known of the real ones.

Demo and test use only. State is in memory and dies with the process; only the certificates are kept.
"""

from sandbox.aws.aws import Aws
from sandbox.aws.config import AwsConfig
from sandbox.aws.connection import KEEP_ALIVE, HttpProtocol

__all__ = ["KEEP_ALIVE", "Aws", "AwsConfig", "HttpProtocol"]
