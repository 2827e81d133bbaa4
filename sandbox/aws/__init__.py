"""The simulated AWS: SES v2, SNS, SQS, EventBridge, IAM and STS, checked against botocore's models.

Demo and test use only. State is in memory and lost with the process; only the certificates are kept.
"""

from sandbox.aws.aws import Aws
from sandbox.aws.certificates import Certificates, open_certificates
from sandbox.aws.config import AwsConfig
from sandbox.aws.connection import KEEP_ALIVE, HttpProtocol

__all__ = ["KEEP_ALIVE", "Aws", "AwsConfig", "Certificates", "HttpProtocol", "open_certificates"]
