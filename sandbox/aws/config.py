"""Settings of the simulated AWS; the default is a production account with SES's rate limits."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class AwsConfig:
    """Settings of sandbox.aws; times are in seconds, rates per second, and a rate of 0 means no limit."""

    region: str = "us-east-1"
    account: str = "123456789012"

    # How often SES checks the DNS of identities. AWS documents no interval; minutes are usual.
    check_interval: float = 1.0

    # All SES operations except SendEmail share this rate; in AWS it is 1 and not adjustable.
    control_rate: float = 1.0

    # Whether each identity has its own DKIM key; generating one takes about 50 ms.
    own_keys: bool = True

    # The account as GetAccount shows it; a quota of -1 means unlimited, as in AWS.
    production_access: bool = True
    max_send_rate: float = 14.0
    max_24_hour_send: float = 50_000.0

    # Waits before each retry of an email that its receiver deferred; after the last retry it bounces.
    delivery_retries: tuple[float, ...] = (1.0, 2.0, 5.0, 10.0, 30.0)

    # Wait before each of the 3 retries to an HTTP endpoint whose subscription has no DeliveryPolicy.
    sns_retry_wait: float = 20.0

    # A CA for HTTPS subscribers, in addition to the system's and the sandbox's.
    subscriber_ca_file: Path | None = None
