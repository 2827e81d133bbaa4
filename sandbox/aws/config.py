"""What can be set about the pretend AWS: by default a production account, with SES's throttles on."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class AwsConfig:
    """Settings of sandbox.aws; times are in seconds, rates are per second, and a rate of 0 means no limit."""

    # Where the test CA and the certificates are kept, so that they outlive the process.
    directory: Path

    region: str = "us-east-1"
    account: str = "123456789012"

    # How often SES looks at the DNS of identities; the real one does not tell, minutes are usual.
    check_interval: float = 1.0

    # All of SES's operations but SendEmail share this rate; the real one is 1 and not adjustable.
    control_rate: float = 1.0

    # Whether each identity has a DKIM key of its own; making one takes a twentieth of a second.
    own_keys: bool = True

    # The account as GetAccount shows it; -1 for the quota means unlimited, as with the real one.
    production_access: bool = True
    max_send_rate: float = 14.0
    max_24_hour_send: float = 50_000.0

    # Waits before each new try of an email that its receiver deferred; after the last one it bounces.
    delivery_retries: tuple[float, ...] = (1.0, 2.0, 5.0, 10.0, 30.0)

    # Wait before each of the 3 retries of an HTTP endpoint whose subscription has no DeliveryPolicy.
    sns_retry_wait: float = 20.0

    # A CA for https subscribers, beside the system's own and the sandbox's.
    subscriber_ca_file: Path | None = None
